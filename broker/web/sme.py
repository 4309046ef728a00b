"""An SME's page, reached by the link in its mail: its shortlist, its answers, and contacts once both said yes."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import cards, interests, zones
from broker.domain.queries import shortlists
from broker.models import Answer, City, Event, Registration, Sme
from broker.web.deps import RowId, SessionDep, SettingsDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/s")
SAID = {
    Answer.INTERESTED: "You would like to meet {name}. If they say yes too, you both get each other’s contact.",
    Answer.NOT_NOW: "You said: not now. {name} is not told.",
    Answer.NEVER: "You said: never. {name} is not told, and we will not suggest them again.",
    Answer.KNOWN: "You know {name} already, so we will not suggest them again.",
}
ANSWERS = {
    Answer.INTERESTED: "Interested",
    Answer.NOT_NOW: "Not now",
    Answer.NEVER: "Never",
    Answer.KNOWN: "We already know each other",
}


@router.get("/{token}")
def shortlist(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """The shortlist of the SME whose link this is."""
    registration = interests.open_link(session, settings, token)
    return render(request, "pages/sme_shortlist.html", _page(session, registration) | {"token": token})


@router.post("/{token}/answers/{partner_id}")
def express(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    token: str,
    partner_id: RowId,
    answer: Annotated[Answer, Form()],
) -> Response:
    """Give or change an answer about one partner."""
    registration = interests.open_link(session, settings, token)
    interests.express(session, settings, registration, partner_id, answer)
    return redirect(request, f"/s/{token}#partner-{partner_id}")


def _page(session: Session, registration: Registration) -> dict[str, Any]:
    event = session.get_one(Event, registration.event_id)
    city = session.get_one(City, event.city_code)
    row = shortlists.approved_for(session, registration)
    on_list = {card.partner_id for card in row.cards} if row else set()
    introduced = cards.introduced(session, event.id, registration.sme_id)
    return {
        "event": event,
        "city": city,
        "zone": zones.of_event(event, city),
        "sme": session.get_one(Sme, registration.sme_id),
        "row": row,
        "introduced": [partner for partner in introduced if partner.partner_id not in on_list],
        "can_answer": interests.can_answer(session, event),
        "answers": ANSWERS,
        "said": SAID,
    }

"""An SME's page, reached by the link in its mail: its shortlist, its answers, and contacts once both said yes."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import interests, wishes
from broker.domain.queries.sme_pages import own_page
from broker.errors import ConflictError
from broker.models import Answer, Registration
from broker.web.deps import RowId, SessionDep, SettingsDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/s")
ANSWERS = {
    Answer.INTERESTED: "Interested",
    Answer.NOT_NOW: "Not now",
    Answer.NEVER: "Never",
    Answer.KNOWN: "We know each other",
}
SAID = {
    Answer.INTERESTED: "You would like to meet {name}. If they say yes too, you both get each other’s contact.",
    Answer.NOT_NOW: "You said: not now. {name} is not told.",
    Answer.NEVER: "You said: never. {name} is not told, and we will not suggest them again.",
    Answer.KNOWN: "You know {name} already, so we will not suggest them again.",
}
IN_THE_END = {
    None: "You did not answer about {name}, and they were not told.",
    Answer.INTERESTED: "You would have liked to meet {name}. It did not become mutual in time.",
    Answer.NOT_NOW: "You said: not now. {name} was not told.",
    Answer.NEVER: "You said: never. {name} was not told, and we will not suggest them again.",
    Answer.KNOWN: "You know {name} already, so we will not suggest them again.",
}
"""Once answers are closed."""
WHY = {
    Answer.INTERESTED: "What would you like to talk about?",
    Answer.NOT_NOW: "Why not now?",
    Answer.NEVER: "Why never?",
    Answer.KNOWN: "How do you know each other?",
}


@router.get("/{token}")
def shortlist(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """The shortlist of the SME whose link this is."""
    registration = interests.open_link(session, settings, token)
    return render(request, "pages/sme_shortlist.html", _context(session, registration, token))


@router.post("/{token}/answers/{partner_id}")
def express(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    token: str,
    partner_id: RowId,
    answer: Annotated[Answer, Form()],
    reason: Annotated[str | None, Form(max_length=2000)] = None,
) -> Response:
    """Give or change an answer about one partner; htmx gets its card alone."""
    registration = interests.open_link(session, settings, token)
    is_htmx = "hx-request" in request.headers
    try:
        interests.express(session, settings, registration, partner_id, answer, reason)
    except ConflictError:
        if not is_htmx:
            raise
        return Response(headers={"hx-refresh": "true"})  # closed or left meanwhile: the whole page says so
    if not is_htmx:
        return redirect(request, f"/s/{token}#partner-{partner_id}")
    context = _context(session, registration, token)
    answered = next(card for card in context["page"].cards if card.partner_id == partner_id)
    # Its form is closed again by then: the focus goes to what opens it.
    context |= {"card": answered, "reason_kept": reason is not None}
    return render(request, "partials/partner_answered.html", context)


def _context(session: Session, registration: Registration, token: str) -> dict[str, Any]:
    page = own_page(session, registration)
    return {
        "token": token,
        "page": page,
        "sme": page.sme,
        "paused_itself": wishes.paused_itself(page.sme),
        "answers": ANSWERS,
        "said": SAID if page.can_answer else IN_THE_END,
        "why": WHY,
        "longest_reason": interests.MAX_REASON,
    }

"""The broker's desk: who said yes to whom, who is waited for, and what both brokers know of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlmodel import Session

from broker.domain import access, cases, disclosure
from broker.domain.places import city_codes, city_name
from broker.domain.queries.case_tables import CaseState
from broker.domain.queries.cases import WATCH, case_page
from broker.domain.queries.rings import rings_of_city
from broker.errors import InvalidError
from broker.models import Account
from broker.web.brokers import own_page
from broker.web.deps import CurrentBroker, PageNumber, RowId, SessionDep
from broker.web.pages import query, redirect, render

router = APIRouter(prefix="/introductions")
STATES = {
    WATCH: "To watch",
    CaseState.YOURS: "Waiting for your SMEs",
    CaseState.THEIRS: "Waiting for the other side",
    CaseState.INTRODUCED: "Introduced",
    CaseState.CLOSED: "Closed",
}
Word = Annotated[str, Query(max_length=40)]


def asked(state: Word = "", city: Word = "", page: PageNumber = 1) -> dict[str, Any]:
    """Which cases are shown; what means nothing is left out."""
    return {
        "state": state if state in STATES else "",
        "city": city if city in city_codes() else "",
        "page": page if page > 1 else "",
    }


AskedDep = Annotated[dict[str, Any], Depends(asked)]


@router.get("")
def introductions(request: Request, session: SessionDep, account: CurrentBroker, asked: AskedDep) -> Response:
    """The cases of the broker's SMEs: what needs her first."""
    return _page(request, session, account, asked)


@router.get("/rings")
def rings(request: Request, session: SessionDep, account: CurrentBroker) -> Response:
    """Exchange rings with an SME of the city, for the broker to propose."""
    city = access.cities(account)
    context = {
        "rings": rings_of_city(session, disclosure.to_city(session, city)),
        "ring_link": own_page(account),
        "city": city_name(city) if city else "",
    }
    return render(request, "pages/rings.html", context)


@router.post("/{event_id}/{sme_id}/{partner_id}/notes")
def note(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    asked: AskedDep,
    event_id: RowId,
    sme_id: RowId,
    partner_id: RowId,
    text: Annotated[str, Form()] = "",
) -> Response:
    """Write a note that the brokers of both SMEs read."""
    pair = access.case(session, account, event_id, (sme_id, partner_id))
    try:
        cases.note(session, account, event_id, pair, text)
    except InvalidError as error:
        problem = {"case": (event_id, *pair), "message": str(error), "text": text}
        return _page(request, session, account, asked, problem)
    return _back(request, asked, event_id, pair, "Your note is there. The other broker reads it, too.")


@router.post("/{event_id}/{sme_id}/{partner_id}/follow")
def follow(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    asked: AskedDep,
    event_id: RowId,
    sme_id: RowId,
    partner_id: RowId,
    do: Annotated[str, Form()] = "",
) -> Response:
    """Say that one follows a case up, or (`leave`) not any more."""
    pair = access.case(session, account, event_id, (sme_id, partner_id))
    if do == "leave":
        cases.leave(session, account, event_id, pair)
        return _back(request, asked, event_id, pair, "You do not follow it up any more.")
    cases.follow(session, account, event_id, pair)
    return _back(request, asked, event_id, pair, "You follow it up. The other broker sees that.")


def _back(request: Request, asked: dict[str, Any], event_id: int, pair: tuple[int, int], message: str) -> Response:
    path = f"/introductions{query(asked).rstrip('?')}#case-{event_id}-{pair[0]}-{pair[1]}"
    return redirect(request, path, message)


def _page(
    request: Request, session: Session, account: Account, asked: dict[str, Any], problem: dict[str, Any] | None = None
) -> Response:
    city = access.chosen_city(account, asked["city"])
    shown = asked["state"]
    context = {
        "cases": case_page(session, city, shown, asked["page"] or 1),
        "city": city_name(city) if city else "",
        "is_admin": access.cities(account) is None,
        "city_choices": [(code, city_name(code)) for code in city_codes()],
        "asked": asked | {"page": ""},
        "here": asked,
        "states": STATES,
        "max_note": cases.MAX_NOTE,
        "problem": problem,
    }
    return render(request, "pages/introductions.html", context, status=422 if problem else 200)

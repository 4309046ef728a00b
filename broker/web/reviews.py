"""The queue of profiles that wait for a second broker, and reading one: who it is stays hidden from other cities."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import access, disclosure, linting, reviews
from broker.domain.queries import smes
from broker.domain.readiness import LEVELS
from broker.errors import InvalidError
from broker.models import Account, Sme, StatementKind
from broker.web.deps import CurrentBroker, RowId, SessionDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/reviews")


@router.get("")
def queue(request: Request, session: SessionDep, account: CurrentBroker) -> Response:
    """All profiles that wait, the oldest first; those the reader asked for apart."""
    rows = reviews.waiting(session, access.cities(account))
    context = {
        "to_read": [row for row in rows if row.asked_by.id != account.id],
        "own": [row for row in rows if row.asked_by.id == account.id],
        "described": disclosure.described,
    }
    return render(request, "pages/reviews.html", context)


@router.get("/{sme_id}")
def read(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """The profile as a second broker reads it."""
    return _page(request, session, account, access.review(session, account, sme_id))


@router.post("/{sme_id}")
def decide(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    sme_id: RowId,
    decision: Annotated[str, Form(max_length=20)] = "",
    version: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Confirm the profile, or send it back with a note."""
    sme = access.review(session, account, sme_id, lock=True)
    try:
        if decision == "confirm":
            reviews.confirm(session, account, sme, version, note)
            return redirect(request, "/reviews", "Confirmed. Its own broker can publish it now.")
        if decision != "send_back":
            raise InvalidError("Choose whether it is confirmed or sent back.")
        reviews.send_back(session, account, sme, version, note)
    except InvalidError as error:
        return _page(request, session, account, sme, note, str(error), status=422)
    return redirect(request, "/reviews", "Sent back with your note.")


def _page(
    request: Request, session: Session, account: Account, sme: Sme, note: str = "", problem: str = "", status: int = 200
) -> Response:
    view = smes.sme_view(session, sme, disclosure.to_city(session, access.cities(account)))
    is_own = access.cities(account) in (None, sme.city_code)
    hidden = "" if is_own else sme.name
    context = {
        "view": view,
        "is_own": is_own,
        "called": sme.name if is_own else f"{disclosure.described(sme.sector_code)} in {view.city.name}",
        "description": _shown(view.facts["description"], hidden),
        "is_author": reviews.is_author(session, account, sme),
        "levels": LEVELS,
        "offers": _noted(view.facts["offers"], StatementKind.OFFER, hidden),
        "needs": _noted(view.facts["needs"], StatementKind.NEED, hidden),
        "note": note,
        "problem": problem,
    }
    return render(request, "pages/review.html", context, status=status)


def _shown(text: str, hidden: str) -> str:
    return disclosure.without_name(text, hidden) if hidden else text


def _noted(texts: list[str], kind: StatementKind, hidden: str) -> list[tuple[str, list[linting.Finding]]]:
    """Each statement, without the firm's name where that is hidden, and what is vague in what is shown of it."""
    shown = [_shown(text, hidden) for text in texts]
    return list(zip(shown, linting.lint_all(shown, kind), strict=True))

"""The broker's desk: one action on many SMEs, and undoing what was done to many."""

from contextlib import suppress
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import access, bulk, changes
from broker.domain.bulk import BulkAction, BulkOutcome
from broker.domain.queries.changes import change_view, history
from broker.errors import InvalidError, NotFoundError
from broker.models import Account, ChangeSet
from broker.web.deps import CurrentBroker, FormDep, PageNumber, RowId, SessionDep
from broker.web.pages import Tone, plural, redirect, render

router = APIRouter()
DONE = {
    BulkAction.ASK: "with a second broker now",
    BulkAction.PUBLISH: "published",
    BulkAction.RENEW: "good for another year",
    BulkAction.PAUSE: "paused",
    BulkAction.RESUME: "back from their pause",
}
ONLY = {
    BulkAction.ASK: "Only drafts with nothing left to finish can be read by a second broker.",
    BulkAction.RENEW: "Only what has expired or soon will, and lacks nothing, can be renewed.",
    BulkAction.PUBLISH: "Only what a second broker confirmed can be published.",
    BulkAction.PAUSE: "Only what is published can be paused.",
    BulkAction.RESUME: "Only what is paused can come back.",
}
"""Why some were left as they are."""
LARGEST_ID = 2**31 - 1


@router.post("/smes/bulk")
def act_on_many(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    form: FormDep,
    action: Annotated[BulkAction, Form()],
    back: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Do one thing with the SMEs ticked in the list, and lead back to it with a way to undo."""
    ids = [_row_id(str(value)) for value in form.getlist("ids")]
    where = _list(back)
    try:
        outcome = bulk.act(session, account, action, access.smes(session, account, ids))
    except InvalidError as error:
        return redirect(request, where, str(error), "note")
    tone: Tone = "good" if outcome.changed else "note"
    return redirect(request, where, _told(action, outcome), tone, undo=outcome.set_id or 0)


def _list(back: str) -> str:
    """The list as it was asked for, with nothing ticked: what was ticked is done."""
    asked = [(name, value) for name, value in parse_qsl(back.lstrip("?")) if name != "select"]
    return "/smes" + (f"?{urlencode(asked)}" if asked else "")


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and 1 <= int(text) <= LARGEST_ID):
        raise NotFoundError(access.GONE)
    return int(text)


def _told(action: BulkAction, outcome: BulkOutcome) -> str:
    done = f"{plural(outcome.changed, 'SME')} {'is' if outcome.changed == 1 else 'are'} {DONE[action]}."
    left = sum(outcome.left.values())
    if not left:
        return done
    kinds = ", ".join(f"{count} {status.value.replace('_', ' ')}" for status, count in sorted(outcome.left.items()))
    return f"{done if outcome.changed else ''} Left as before: {plural(left, 'SME')} ({kinds}). {ONLY[action]}".strip()


@router.get("/changes")
def changes_page(request: Request, session: SessionDep, account: CurrentBroker, page: PageNumber = 1) -> Response:
    """What was done to many SMEs at once of late, each with the way to undo it."""
    return render(request, "pages/changes.html", {"page": history(session, access.changed_by(account), page)})


@router.get("/changes/{set_id}")
def change_page(request: Request, session: SessionDep, account: CurrentBroker, set_id: RowId) -> Response:
    """What was changed at once, and undoing it; after that, what was left alone and why."""
    change_set = access.change_set(session, account, set_id)
    view = change_view(session, change_set, access.cities(account))
    return render(request, "pages/change.html", {"view": view})


@router.post("/changes/{set_id}/undo")
def undo(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    set_id: RowId,
    back: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Put everything back as it was, but for what was changed or used since; `back` is the list as it was asked for."""
    change_set = changes.undo(session, account, set_id)
    where = _list(back) if not change_set.left and not change_set.import_id else _page(session, account, change_set)
    return redirect(request, where, undone(change_set), "note" if change_set.left else "good")


def _page(session: Session, account: Account, change_set: ChangeSet) -> str:
    """Where a change set is told of: at the file it came from for who may open that, else on a page of its own."""
    if change_set.import_id is not None:
        with suppress(NotFoundError):
            return f"/import/{access.import_file(session, account, change_set.import_id).id}"
    return f"/changes/{change_set.id}"


def undone(change_set: ChangeSet) -> str:
    """What an undo did, in a sentence or two."""
    told = [
        *([f"{plural(change_set.restored, 'profile')} as before"] if change_set.restored else []),
        *([f"{plural(change_set.removed, 'new SME')} removed"] if change_set.removed else []),
        *([f"{plural(len(change_set.left), 'SME')} left alone"] if change_set.left else []),
    ]
    return f"Undone: {', '.join(told) or 'nothing was left to undo'}."

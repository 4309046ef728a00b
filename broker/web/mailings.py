"""The plan of an event's mails: dates and send hours, previews, stop and resume."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from broker.domain import access, accounts, mailings
from broker.domain.queries import mailings as mailing_queries
from broker.domain.queries.mailings import Preview
from broker.errors import InvalidError, NotFoundError
from broker.models import Event, MailingKind
from broker.web.deps import CurrentOrganiser, FormDep, RowId, SessionDep, SettingsDep
from broker.web.outbox import content, framed
from broker.web.pages import redirect, render

router = APIRouter(prefix="/events/{event_id}/mailings")
Addressee = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("")
def plan_page(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """The plan alone, with its form open."""
    return _plan_page(request, session, access.event(session, account, event_id))


@router.post("")
def save(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, form: FormDep) -> Response:
    """Set the dates and hours; a form that cannot be used comes back filled."""
    event = access.event(session, account, event_id)
    fields = {name: str(value) for name, value in form.items()}
    try:
        mailings.save(session, accounts.actor(account), event_id, fields)
    except InvalidError as error:
        session.rollback()  # of a plan, all is saved or nothing
        return _plan_page(request, session, event, fields, str(error))
    return redirect(request, f"/events/{event_id}#mailings", "The plan is saved.")


def _plan_page(
    request: Request, session: Session, event: Event, filled: dict[str, str] | None = None, problem: str = ""
) -> Response:
    plan = mailing_queries.plan_view(session, event)
    context = {
        "event": event,
        "zone": plan.zone,
        "plan": plan,
        "filled": plan.fields | (filled or {}),
        "problem": problem,
    }
    return render(request, "pages/mailings.html", context, status=422 if problem else 200)


@router.get("/{kind}")
def preview(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    kind: MailingKind,
    to: Addressee = None,
    part: Literal["html", "text"] = "html",
) -> Response:
    """Who would get a mail, when, and how it would look; nothing is written."""
    event = access.event(session, account, event_id)
    found, plan = mailing_queries.preview(session, settings, event, kind, to), mailing_queries.plan_view(session, event)
    context = {
        "event": event,
        "zone": plan.zone,
        "row": next(row for row in plan.rows if row.kind == kind),
        "preview": found,
        "part": part,
        "text": content(found.message, "plain") if found.message else "",
    }
    return render(request, "pages/mailing.html", context)


@router.get("/{kind}/html")
def preview_html(
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    kind: MailingKind,
    to: Addressee = None,
) -> Response:
    """The HTML part of a preview, for the frame."""
    event = access.event(session, account, event_id)
    found: Preview = mailing_queries.preview(session, settings, event, kind, to)
    if found.message is None:
        raise NotFoundError("Nobody would get this mail.")
    return framed(content(found.message, "html"))


@router.post("/{kind}/stop")
def stop(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, kind: MailingKind
) -> Response:
    """Hold what waits and write no more."""
    access.event(session, account, event_id)
    mailings.stop(session, accounts.actor(account), event_id, kind)
    message = f"{mailings.TITLES[kind]}: stopped. Nothing of it is sent until you resume it."
    return redirect(request, f"/events/{event_id}#mailings", message, "note")


@router.post("/{kind}/resume")
def resume(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, kind: MailingKind
) -> Response:
    """Let a stopped mailing go on."""
    access.event(session, account, event_id)
    mailings.resume(session, accounts.actor(account), event_id, kind)
    return redirect(request, f"/events/{event_id}#mailings", f"{mailings.TITLES[kind]}: goes on.")

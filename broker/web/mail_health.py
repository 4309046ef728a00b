"""How the mails fare: an organiser's, event by event, and the administrator's of the whole service."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from broker.domain import access, accounts, outbox, zones
from broker.domain.places import city_zone
from broker.domain.queries import mail_health
from broker.domain.queries.health import health
from broker.models import Account, City, EmailStatus, Event
from broker.web.deps import CurrentAdmin, CurrentOrganiser, PageNumber, RowId, SessionDep
from broker.web.pages import plural, redirect, render

router = APIRouter()
StatusQuery = Annotated[EmailStatus | None, Query()]


@router.get("/events/{event_id}/mail")
def event_mails(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    status: StatusQuery = None,
    page: PageNumber = 1,
) -> Response:
    """The mails of an event: how late, how many in each state, and those that need a person."""
    return _page(request, session, access.event(session, account, event_id), status, page)


@router.post("/events/{event_id}/mail/retry")
def retry_event_mails(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """Try every failed mail of the event again."""
    access.event(session, account, event_id)
    return _retry_failed(request, session, account, event_id)


@router.post("/events/{event_id}/mail/{email_id}/retry")
def retry_event_mail(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, email_id: RowId
) -> Response:
    """Try one failed or held mail of the event again."""
    access.event_mail(session, account, event_id, email_id)
    return _retry(request, session, account, event_id, email_id)


@router.post("/events/{event_id}/mail/{email_id}/hold")
def hold_event_mail(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, email_id: RowId
) -> Response:
    """Keep one waiting mail of the event from leaving."""
    access.event_mail(session, account, event_id, email_id)
    return _hold(request, session, account, event_id, email_id)


@router.get("/mail")
def all_mails(
    request: Request, session: SessionDep, _account: CurrentAdmin, status: StatusQuery = None, page: PageNumber = 1
) -> Response:
    """The mails of the whole service, those of accounts included; never what is in them."""
    return _page(request, session, None, status, page)


@router.post("/mail/retry")
def retry_mails(request: Request, session: SessionDep, account: CurrentAdmin) -> Response:
    """Try every failed mail again."""
    return _retry_failed(request, session, account, None)


@router.post("/mail/{email_id}/retry")
def retry_mail(request: Request, session: SessionDep, account: CurrentAdmin, email_id: RowId) -> Response:
    """Try one failed or held mail again."""
    return _retry(request, session, account, None, email_id)


@router.post("/mail/{email_id}/hold")
def hold_mail(request: Request, session: SessionDep, account: CurrentAdmin, email_id: RowId) -> Response:
    """Keep one waiting mail from leaving."""
    return _hold(request, session, account, None, email_id)


def _page(request: Request, session: Session, event: Event | None, status: EmailStatus | None, page: int) -> Response:
    event_id = event.id if event else None
    context = {
        "event": event,
        "zone": zones.of_event(event, session.get_one(City, event.city_code)) if event else city_zone(None),
        "health": health(session, event_id),
        "mails": mail_health.mail_page(session, event_id, status, page),
        "statuses": list(EmailStatus),
        "status": status,
        "here": _path(event_id),
    }
    return render(request, "pages/mail_health.html", context)


def _path(event_id: int | None) -> str:
    return "/mail" if event_id is None else f"/events/{event_id}/mail"


def _retry(request: Request, session: Session, account: Account, event_id: int | None, email_id: int) -> Response:
    outbox.retry(session, accounts.actor(account), email_id)
    return redirect(request, _path(event_id), "The mail waits again and leaves as soon as it may.")


def _hold(request: Request, session: Session, account: Account, event_id: int | None, email_id: int) -> Response:
    outbox.hold(session, accounts.actor(account), email_id)
    message = "The mail is held. It stays here until somebody releases it."
    return redirect(request, _path(event_id), message, "note")


def _retry_failed(request: Request, session: Session, account: Account, event_id: int | None) -> Response:
    failed = mail_health.failed(session, event_id)
    queued, refused = outbox.retry_each(session, accounts.actor(account), failed)
    message = f"{plural(queued, 'mail')} tried again." if queued else "No mail is tried again."
    if refused:
        message += f" {plural(refused, 'mail')} may not be sent any more."
    return redirect(request, _path(event_id), message, "note" if refused or not queued else "good")

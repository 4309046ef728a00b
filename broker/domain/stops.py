"""Which mails of an event are held back or let go again, and the lock by which a stop and the writing of one meet."""

from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, select

from broker.domain.outbox import STOPPED
from broker.errors import NotFoundError
from broker.models import Email, EmailStatus, Event, Mailing, MailingKind


def lock(session: Session, event_id: int) -> Event:
    """The event, its plan ours until the end of the transaction; NotFoundError. Answers are not kept waiting."""
    event = session.get(Event, event_id, with_for_update={"key_share": True})
    if event is None:
        raise NotFoundError(f"There is no event {event_id}.")
    return event


def stopped_at(session: Session, event_id: int, kind: MailingKind) -> datetime | None:
    """When a kind was stopped, None where it is not; nobody stops or resumes it until the end of the transaction.

    Shared: two that write mails of an event do not wait for each other, only for who has its plan (`lock`)."""
    session.exec(select(Event.id).where(Event.id == event_id).with_for_update(read=True)).one()
    # Only after it: the stop we waited for is seen by a statement that begins when it is there.
    mailing = select(Mailing.stopped_at).where(Mailing.event_id == event_id, Mailing.kind == kind)
    return session.exec(mailing).one_or_none()


def hold(session: Session, event_id: int, kind: MailingKind) -> int:
    """Hold the mails of a stopped mailing that are queued; how many. One that is being sent is sent."""
    return change(session, event_id, kind, is_queued(), status=EmailStatus.HELD, error=STOPPED)


def is_stopped() -> ColumnElement[bool]:
    """Of a mail: a stop holds it, and resuming will queue it again."""
    return (col(Email.status) == EmailStatus.HELD) & (col(Email.error) == STOPPED)


def is_queued() -> ColumnElement[bool]:
    """Of a mail: it waits to be sent."""
    return col(Email.status) == EmailStatus.QUEUED


def change(session: Session, event_id: int, kind: MailingKind, whose: ColumnElement[bool], **changes: object) -> int:
    """Change mails of one kind in the database; how many."""
    mails = update(Email).where(col(Email.event_id) == event_id, col(Email.kind) == kind.value, whose)
    return session.connection().execute(mails.values(**changes)).rowcount

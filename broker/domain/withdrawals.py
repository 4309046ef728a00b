"""Undoing the withdrawal of an SME from an event, and the mails that wait again with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now, wake
from broker.domain import audit, events, interests, letters, stops
from broker.domain.mailings.naming import REMINDERS, plain_text
from broker.domain.outbox import LEFT, PARTNER_LEFT, STOPPED
from broker.errors import ConflictError
from broker.models import (
    Email,
    EmailStatus,
    MailingKind,
    Registration,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
)

KINDS = (MailingKind.SHORTLIST.value, *REMINDERS)
"""The mails that end where their SME, or one that they name, takes no part any more."""
MAY_LEAVE = (EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.HELD)


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing a withdrawal came to."""

    waiting: int
    """Mails that wait again; not those that a stop holds."""
    is_listed: bool
    """Whether the SME has an approved shortlist."""


def undo(session: Session, settings: Settings, actor: str, row: Registration) -> Undone:
    """Register the SME as it was: the links in its mails open its page again, and mails the withdrawal ended wait.

    ConflictError where it cannot take part any more, or has been registered anew."""
    # First of all, as with whoever approves, reminds or stops: what they wrote is there to be seen, or they wait.
    stops.lock(session, row.event_id)
    there = select(Registration.id).where(Registration.event_id == row.event_id, Registration.sme_id == row.sme_id)
    taken = session.get(Registration, row.id) is not None  # a database may give the number of a deleted row again
    if taken or session.exec(there).first() is not None or row.sme_id not in events.can_register(session):
        raise ConflictError("This can no longer be undone. Register its city again, or invite its hub.")
    session.add(row)
    session.flush()
    owners = _owners(session, row)
    waiting = _revive(session, settings, row, owners)
    audit.record(session, actor, "event.restore", f"event {row.event_id}", sme=row.sme_id, mails=waiting)
    return Undone(waiting, is_listed=row.sme_id in owners)


def _owners(session: Session, row: Registration) -> Sequence[int]:
    """The SME, if it has an approved list, and those whose approved list names it."""
    names_it = exists().where(
        col(ShortlistEntry.shortlist_id) == Shortlist.id, col(ShortlistEntry.partner_id) == row.sme_id
    )
    approved = Shortlist.event_id == row.event_id, Shortlist.status == ShortlistStatus.APPROVED
    return session.exec(
        select(Shortlist.sme_id).where(*approved, (col(Shortlist.sme_id) == row.sme_id) | names_it)
    ).all()


def _revive(session: Session, settings: Settings, row: Registration, owners: Sequence[int]) -> int:
    """Queue again what ended unsent because this SME took no part, mails to it and those that name it; how many.

    Of each SME only its newest mail, so that none says what a later one has said. What may not leave for another
    reason ends again when its turn comes."""
    mails = _locked(session, row.event_id, owners)
    newest = {mail.sme_id: mail for mail in mails}
    waiting = 0
    for mail in newest.values():
        others = [other for other in mails if other.sme_id == mail.sme_id and other is not mail]
        if _ended(session, mail, row.sme_id) and not _says_again(mail, others) and _is_true(session, settings, mail):
            is_stopped = stops.stopped_at(session, row.event_id, MailingKind(mail.kind)) is not None
            held, queued = (EmailStatus.HELD, STOPPED), (EmailStatus.QUEUED, "")
            mail.status, mail.error = held if is_stopped else queued
            session.add(mail)
            waiting += not is_stopped
    session.flush()
    if waiting:
        wake(session, "outbox.deliver")
    return waiting


def _locked(session: Session, event_id: int, sme_ids: Sequence[int]) -> Sequence[Email]:
    """All mails of these SMEs, the oldest first. Who is just ending one by the withdrawal is waited for."""
    mails = (
        select(Email)
        .where(Email.event_id == event_id, col(Email.kind).in_(KINDS), Email.status != EmailStatus.DRAFT)
        .where(col(Email.sme_id).in_(sme_ids))
        .order_by(col(Email.id))
        .with_for_update()
        .options(defer(Email.message))  # type: ignore[arg-type]
        .execution_options(populate_existing=True)
    )
    return session.exec(mails).all()


def _ended(session: Session, mail: Email, sme_id: int) -> bool:
    """Whether the SME's withdrawal ended this mail, and it is not too late for it."""
    because = LEFT if mail.sme_id == sme_id else PARTNER_LEFT
    return (mail.status, mail.error) == (EmailStatus.SUPPRESSED, because) and mail.deadline > now(session)


def _says_again(mail: Email, others: Sequence[Email]) -> bool:
    """Whether another reminder, written before this one, may still leave or left after this one was written."""
    return mail.kind in REMINDERS and any(
        other.status in MAY_LEAVE or (other.sent_at is not None and other.sent_at >= mail.created_at)
        for other in others
        if other.kind in REMINDERS
    )


def _is_true(session: Session, settings: Settings, mail: Email) -> bool:
    """Whether its link opens the SME's page, and its list is the one that is approved, or has the same partners."""
    of_it = (col(Shortlist.event_id) == mail.event_id) & (col(Shortlist.sme_id) == mail.sme_id)
    if mail.kind == MailingKind.SHORTLIST:
        told = _partners(session, of_it & (col(Shortlist.run_id) == letters.run_of(mail.key)))
        if told != _partners(session, of_it & (col(Shortlist.status) == ShortlistStatus.APPROVED)):
            return False
    registered = Registration.event_id == mail.event_id, Registration.sme_id == mail.sme_id
    registration = session.exec(select(Registration).where(*registered)).one_or_none()
    return registration is not None and interests.link(settings, registration) in plain_text(mail.message).split()


def _partners(session: Session, whose: ColumnElement[bool]) -> set[int]:
    entries = select(ShortlistEntry.partner_id).join(Shortlist, col(Shortlist.id) == ShortlistEntry.shortlist_id)
    return set(session.exec(entries.where(whose)))

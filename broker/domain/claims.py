"""Which mail is sent next: the oldest that is due, may still go to its address, and is within its caps and hours."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from broker.config import Settings
from broker.db import now
from broker.domain.mailings.naming import REMINDERS, names_who_left
from broker.domain.messages import readdress
from broker.domain.outbox import ANSWERED, LAST_CALLED, LEFT, PARTNER_LEFT, SUPERSEDED, TO_REWRITE
from broker.domain.subscriptions import NOT_SENT
from broker.domain.suppressions import address_hash, is_suppressed
from broker.domain.windows import Window, is_open, next_open
from broker.models import (
    TO_STAFF,
    WEBHOOK,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Interest,
    MailingKind,
    Purpose,
    Registration,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Suppression,
)

LEASE = timedelta(seconds=50)
"""Longer than any delivery may take, so that a mail is never claimed from a worker that still sends it; with the
sweep (every 5 s) another machine takes over within the minute."""
MINUTE = timedelta(seconds=60)
AT_ONCE = 10_000
"""Ids in one statement; the databases take some 30,000."""
CAPS_LOCK = 6_250_404
"""Any number: where there are caps, workers count and claim one after the other under this lock."""
_, SUPPRESSED, WITHDRAWN = NOT_SENT
NO_ADDRESS = "The profile names no address any more."
TOO_LATE = "It could not be sent in time."


@dataclass(frozen=True, slots=True)
class Call:
    """What is read of a webhook to call it."""

    webhook_id: int
    url: str
    salt: str
    at: datetime
    """Of this attempt, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is read of a mail to send it: its row as an object with all that hangs on it costs as much as sending."""

    id: int
    kind: str
    sme_id: int | None
    to_address: str
    message_id: str
    message: bytes
    attempts: int
    """This one included."""
    deadline: datetime
    window: Window
    """At which hours of its recipient it may leave."""
    error: str
    withdrawn: bool
    """Whether the SME it goes to took back its consent; the mails of one that was erased went with it."""
    moot: str
    """Why it says nothing that is still true, or "": it waited, e.g. held, while something newer happened."""
    contact: str | None = None
    """The SME's address as its profile has it now; None for mail to staff and where there is no contact."""
    call: Call | None = None
    """Where it is the call of a webhook."""

    @property
    def has_moved(self) -> bool:
        """Whether the SME's address was changed since the mail was written."""
        return bool(self.contact) and str(self.contact).casefold() != self.to_address.casefold()


# Statements of every mail are made once: SQLAlchemy takes longer to make one than the database to run it.
_WITHDRAWN = exists().where(
    col(Consent.sme_id) == col(Email.sme_id),
    col(Consent.purpose) == Purpose.MAILING,
    col(Consent.withdrawn_at).is_not(None),
    col(Email.kind).not_in(TO_STAFF),
)
_NEWER = aliased(Email)
# Also one that was being sent, was held or had failed when the newer list was approved, and is let go now.
_REPLACED = (col(Email.kind) == MailingKind.SHORTLIST.value) & exists().where(
    col(_NEWER.sme_id) == col(Email.sme_id),
    col(_NEWER.event_id) == col(Email.event_id),
    col(_NEWER.kind) == col(Email.kind),
    col(_NEWER.status) != EmailStatus.DRAFT,
    col(_NEWER.id) > col(Email.id),
)
_LAST_CALLED = (col(Email.kind) == MailingKind.REMINDER.value) & exists().where(
    col(_NEWER.sme_id) == col(Email.sme_id),
    col(_NEWER.event_id) == col(Email.event_id),
    col(_NEWER.kind) == MailingKind.LAST_CALL.value,
    col(_NEWER.status).in_((EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.SENT)),
)
_HAS_ANSWERED = (col(Email.kind) == MailingKind.REMINDER.value) & exists().where(
    col(Interest.sme_id) == col(Email.sme_id), col(Interest.event_id) == col(Email.event_id)
)
_TO_PARTICIPANTS = (MailingKind.SHORTLIST.value, MailingKind.REMINDER.value, MailingKind.LAST_CALL.value)
"""Their link is that of a registration, and opens nothing without it."""


def _is_registered(sme_id: Any) -> ColumnElement[bool]:
    return exists().where(col(Registration.event_id) == col(Email.event_id), col(Registration.sme_id) == sme_id)


_LEFT = col(Email.kind).in_(_TO_PARTICIPANTS) & ~_is_registered(col(Email.sme_id))
_ON_LIST = (
    col(Shortlist.event_id) == col(Email.event_id),
    col(Shortlist.sme_id) == col(Email.sme_id),
    col(Shortlist.status) == ShortlistStatus.APPROVED,
    col(ShortlistEntry.shortlist_id) == col(Shortlist.id),
)
# Of reminders see `names_who_left`. Each on its own: both in one make PostgreSQL read all rows.
_PARTNER_LEFT = (col(Email.kind) == MailingKind.SHORTLIST.value) & exists().where(
    *_ON_LIST,
    col(Consent.sme_id) == col(ShortlistEntry.partner_id),
    col(Consent.purpose) == Purpose.MATCHING,
    col(Consent.withdrawn_at).is_not(None),
)
_PARTNER_OFF = (col(Email.kind) == MailingKind.SHORTLIST.value) & exists().where(
    *_ON_LIST, ~_is_registered(col(ShortlistEntry.partner_id))
)
_MOOT = case(
    (_REPLACED, SUPERSEDED),
    (_HAS_ANSWERED, ANSWERED),
    (_LAST_CALLED, LAST_CALLED),
    (_LEFT, LEFT),
    (_PARTNER_LEFT, PARTNER_LEFT),
    (_PARTNER_OFF, PARTNER_LEFT),
    else_="",
)
_CONTACT = (
    select(col(Contact.email))
    .where(col(Contact.sme_id) == col(Email.sme_id), col(Email.kind).not_in(TO_STAFF))
    .scalar_subquery()
)
_DUE = (
    select(
        *(col(Email.id), col(Email.kind), col(Email.sme_id), col(Email.to_address), col(Email.message_id)),
        *(col(Email.message), col(Email.attempts), col(Email.deadline)),
        *(col(Email.zone), col(Email.opens), col(Email.closes), col(Email.error), _WITHDRAWN.label("withdrawn")),
        _MOOT.label("moot"),
        _CONTACT.label("contact"),
    )
    .where(col(Email.webhook_id).is_(None))
    .where(col(Email.status) == EmailStatus.QUEUED, col(Email.next_at) <= bindparam("moment"))
    .order_by(col(Email.next_at), col(Email.id))
)
_AGAIN = _DUE.where(col(Email.id) == bindparam("email_id"))
_OLDEST = _DUE.limit(1).with_for_update(skip_locked=True)
_TAKE_CALL = (
    update(Email)
    .where(col(Email.id) == bindparam("email_id"))
    .values(
        status=EmailStatus.SENDING,
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        tried_at=bindparam("moment"),
        attempts=col(Email.attempts) + 1,
    )
)
_TAKE = _TAKE_CALL.where(~exists().where(col(Suppression.address_hash) == bindparam("hash")))


def claim(session: Session, settings: Settings, owner: str, moment: datetime) -> Outgoing | None:
    """Take the oldest mail due at `moment` for `owner`, or None; two workers never get the same one.

    On the way, due mails that must not be sent (any more) are ended, and those outside their hours put off. One
    whose SME has another address by now goes there: what waited may be held, stopped or failed for long."""
    oldest, connection = _OLDEST, session.connection()
    if settings.mails_per_minute or settings.mails_per_domain:
        within_caps = _within_caps(session, settings, moment)
        if within_caps is None:
            return None
        oldest = oldest.where(*within_caps)
    while (row := connection.execute(oldest, {"moment": moment}).one_or_none()) is not None:
        if row.moot:  # so it was before the row was ours: a withdrawal may have been undone in between
            row = connection.execute(_AGAIN, {"moment": moment, "email_id": row.id}).one()
        email = _outgoing(row, attempts=1)
        if (reason := obstacle(email, moment)) is not None:
            end(session, email, *reason)
        elif not is_open(moment, email.window):
            _put_off(session, moment, email.window)
        elif email.kind in REMINDERS and names_who_left(session, email.id):
            _unwrite(session, email)
        elif take(session, email := _readdressed(session, settings, email), owner, moment):
            return email
        else:
            end(session, email, EmailStatus.SUPPRESSED, SUPPRESSED)
    return None


def waiting(session: Session) -> Iterator[Outgoing]:
    """Every mail that would be sent now, were there no caps; nothing is claimed."""
    moment = now(session)
    for row in session.connection().execute(_DUE, {"moment": moment}):
        email = _outgoing(row, attempts=0)
        email = replace(email, to_address=str(email.contact)) if email.has_moved else email
        may_go = obstacle(email, moment) is None and not is_suppressed(session, email.to_address)
        if may_go and is_open(moment, email.window):
            yield email


def obstacle(email: Outgoing, moment: datetime) -> tuple[EmailStatus, str] | None:
    """Why a mail must not be sent although it is due, as its last status and the reason; None where it may."""
    if email.withdrawn:
        return EmailStatus.SUPPRESSED, WITHDRAWN
    if email.moot:
        return EmailStatus.SUPPRESSED, email.moot
    if email.contact == "":
        return EmailStatus.SUPPRESSED, NO_ADDRESS
    if email.deadline < moment:
        return EmailStatus.FAILED, f"{TOO_LATE} {email.error}".rstrip()
    return None


def _outgoing(row: Row[*tuple[Any, ...]], attempts: int) -> Outgoing:
    fields = row._asdict()
    window = Window(fields.pop("zone"), fields.pop("opens"), fields.pop("closes"))
    fields["attempts"] += attempts
    return Outgoing(**fields, window=window)


def _readdressed(session: Session, settings: Settings, email: Outgoing) -> Outgoing:
    """The mail to where its SME is now, under its Message-ID; the same where that has not changed."""
    if not email.has_moved or email.sme_id is None:
        return email
    address = str(email.contact)
    message = readdress(settings, email.message, email.sme_id, address)
    changes = {"to_address": address, "domain": address.rpartition("@")[2].lower(), "message": message}
    session.connection().execute(update(Email).where(col(Email.id) == email.id).values(**changes))
    return replace(email, to_address=address, message=message)


def take(session: Session, email: Outgoing, owner: str, moment: datetime) -> bool:
    """Make a mail the owner's; whether it is now: it is not where its address is suppressed."""
    values: dict[str, object] = {"email_id": email.id, "by": owner, "until": moment + LEASE, "moment": moment}
    if email.call is None:
        values["hash"] = address_hash(email.to_address)
    return session.connection().execute(_TAKE if email.call is None else _TAKE_CALL, values).rowcount == 1


def end(session: Session, email: Outgoing, status: EmailStatus, reason: str) -> None:
    """Give a due mail its last status instead of sending it."""
    ended = update(Email).where(col(Email.id) == email.id)
    session.connection().execute(ended.values(status=status, error=reason))


def _unwrite(session: Session, email: Outgoing) -> None:
    """End a reminder that is untrue by now; one that was never tried is written again by `mailings.write_due`."""
    end(session, email, EmailStatus.SUPPRESSED, PARTNER_LEFT if email.attempts > 1 else TO_REWRITE)


def _within_caps(session: Session, settings: Settings, moment: datetime) -> list[ColumnElement[bool]] | None:
    """What a mail must meet so that no minute has more attempts than its caps; None where none more is allowed.

    An attempt is counted by its mail, so a mail is tried once a minute at most."""
    connection, since = session.connection(), moment - MINUTE
    if not settings.is_sqlite:  # there, a transaction that may write is alone anyway
        connection.execute(select(func.pg_advisory_xact_lock(CAPS_LOCK)))
    lately = (col(Email.tried_at) > since) & (col(Email.kind) != WEBHOOK)
    if settings.mails_per_minute:
        count: int = connection.execute(select(func.count()).select_from(Email).where(lately)).scalar_one()
        if count >= settings.mails_per_minute:
            return None
    rested = or_(col(Email.tried_at).is_(None), col(Email.tried_at) <= since)
    if not settings.mails_per_domain:
        return [rested]
    busy = select(col(Email.domain)).where(lately).group_by(col(Email.domain))
    return [rested, col(Email.domain).not_in(busy.having(func.count() >= settings.mails_per_domain))]


def _put_off(session: Session, moment: datetime, window: Window) -> None:
    """Move every due mail of these hours to their next opening: a backlog is moved at once."""
    due = col(Email.webhook_id).is_(None), col(Email.status) == EmailStatus.QUEUED, col(Email.next_at) <= moment
    same = col(Email.zone) == window.zone, col(Email.opens) == window.opens, col(Email.closes) == window.closes
    # Those that others are looking at are left to them: to wait for each other would be for ever.
    free = select(col(Email.id)).where(*due, *same).limit(AT_ONCE).with_for_update(skip_locked=True)
    ids = session.connection().execute(free).scalars().all()
    moved = update(Email).where(col(Email.id).in_(ids)).values(next_at=next_open(moment, window))
    session.connection().execute(moved)

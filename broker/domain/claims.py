"""Which mail is sent next: the oldest that is due, may still go to its address, and is within its caps and hours."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain.suppressions import is_suppressed
from broker.domain.windows import Window, is_open, next_open
from broker.models import Consent, Email, EmailStatus, Purpose

LEASE = timedelta(seconds=50)
"""Longer than any delivery may take, so that a mail is never claimed from a worker that still sends it; with the
sweep (every 5 s) another machine takes over within the minute."""
MINUTE = timedelta(seconds=60)
AT_ONCE = 10_000
"""Ids in one statement; the databases take some 30,000."""
CAPS_LOCK = 6_250_404
"""Any number: where there are caps, workers count and claim one after the other under this lock."""
TO_STAFF = ("sign_in", "summary", "undelivered")
"""Kinds of mail whose recipients are brokers and organisers, also where an SME is what they are about."""
SUPPRESSED = "This address is not mailed any more."
WITHDRAWN = "The SME took back its consent to be mailed."
TOO_LATE = "It could not be sent in time."


def claim(session: Session, settings: Settings, owner: str) -> Email | None:
    """Take the oldest due mail for `owner`, or None; two workers never get the same one.

    On the way, due mails that must not be sent (any more) are ended, and those outside their hours put off."""
    within_caps = _within_caps(session, settings)
    if within_caps is None:
        return None
    moment = now(session)
    due = col(Email.status) == EmailStatus.QUEUED, col(Email.next_at) <= moment, *within_caps
    oldest = select(Email).where(*due).order_by(col(Email.next_at), col(Email.id)).limit(1)
    while (email := session.exec(oldest.with_for_update(skip_locked=True)).one_or_none()) is not None:
        if (end := obstacle(session, email, moment)) is not None:
            _set(session, email, status=end[0], error=end[1])
        elif not is_open(moment, window := hours(email)):
            _put_off(session, moment, window)
        else:
            taken = {"owner": owner, "lease_until": moment + LEASE, "attempts": email.attempts + 1}
            _set(session, email, status=EmailStatus.SENDING, tried_at=moment, **taken)
            return email
    return None


def obstacle(session: Session, email: Email, moment: datetime) -> tuple[EmailStatus, str] | None:
    """Why a mail must not be sent although it is due, as its last status and the reason; None where it may."""
    if is_suppressed(session, email.to_address):
        return EmailStatus.SUPPRESSED, SUPPRESSED
    if email.sme_id is not None and email.kind not in TO_STAFF and _has_withdrawn(session, email.sme_id):
        return EmailStatus.SUPPRESSED, WITHDRAWN
    if email.deadline < moment:
        return EmailStatus.FAILED, f"{TOO_LATE} {email.error}".rstrip()
    return None


def hours(email: Email) -> Window:
    """At which hours of its recipient a mail may leave."""
    return Window(email.zone, email.opens, email.closes)


def _has_withdrawn(session: Session, sme_id: int) -> bool:
    """Whether the SME took back its consent; the mails of one that was erased went with it."""
    mailing = Consent.sme_id == sme_id, Consent.purpose == Purpose.MAILING
    return session.exec(select(Consent.id).where(*mailing, col(Consent.withdrawn_at).is_not(None))).first() is not None


def _within_caps(session: Session, settings: Settings) -> list[ColumnElement[bool]] | None:
    """What a mail must meet so that no minute has more attempts than its caps; None where none more is allowed.

    An attempt is counted by its mail, so a mail is tried once a minute at most."""
    if not settings.mails_per_minute and not settings.mails_per_domain:
        return []
    if not settings.is_sqlite:  # there, a transaction that may write is alone anyway
        session.connection().execute(select(func.pg_advisory_xact_lock(CAPS_LOCK)))
    since = now(session) - MINUTE
    lately = col(Email.tried_at) > since
    if settings.mails_per_minute:
        count = session.exec(select(func.count()).select_from(Email).where(lately)).one()
        if count >= settings.mails_per_minute:
            return None
    rested = or_(col(Email.tried_at).is_(None), col(Email.tried_at) <= since)
    if not settings.mails_per_domain:
        return [rested]
    busy = select(Email.domain).where(lately).group_by(Email.domain)
    return [rested, col(Email.domain).not_in(busy.having(func.count() >= settings.mails_per_domain))]


def _put_off(session: Session, moment: datetime, window: Window) -> None:
    """Move every due mail of these hours to their next opening: a backlog is moved at once."""
    due = Email.status == EmailStatus.QUEUED, Email.next_at <= moment
    same = Email.zone == window.zone, Email.opens == window.opens, Email.closes == window.closes
    # Those that others are looking at are left to them: to wait for each other would be for ever.
    free = session.exec(select(Email.id).where(*due, *same).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    opening = next_open(moment, window)
    session.connection().execute(update(Email).where(col(Email.id).in_(free)).values(next_at=opening))


def _set(session: Session, email: Email, **values: object) -> None:
    for name, value in values.items():
        setattr(email, name, value)
    session.flush()

"""The outbox: every mail is a row first, written in the transaction of what it is about (law 5)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr

from sqlalchemy import func, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from broker.db import now, wake
from broker.domain import audit
from broker.domain.envelopes import Envelope
from broker.domain.suppressions import among, is_suppressed
from broker.domain.windows import Window, next_open
from broker.errors import ConflictError, NotFoundError
from broker.models import Email, EmailStatus

DEADLINE = timedelta(minutes=15)
"""How long delivery is tried where the mail names no deadline of its own, as a sign-in link that soon expires."""

STOPPED = "Stopped by the organiser."
"""Why a mail is held whose mailing was stopped: by this, and only by this, it is known when that is resumed."""
SUPERSEDED = "A newer shortlist took its place before it left."
LAST_CALLED = "The last call took its place before it left."
ANSWERED = "They answered before the reminder left."
LEFT = "They take no part any more."
TO_REWRITE = "A partner it names takes no part any more: it is written again without it."
PARTNER_LEFT = "A partner it names takes no part any more: build and approve the shortlists again."


def write(
    session: Session,
    message: EmailMessage,
    key: str,
    kind: str,
    event_id: int | None,
    sme_id: int | None,
    deadline: datetime | None = None,
    *,
    not_before: datetime | None = None,
    window: Window | None = None,
) -> Email:
    """Queue a mail in the caller's transaction; the row there is already if `key` was written before.

    not_before, window: when it may leave at the earliest, and at which hours of its recipient."""
    there = session.exec(select(Email).where(Email.key == key)).one_or_none()
    if there is not None:
        return there
    due = max(now(session), not_before or now(session))
    window = window or Window()
    email = _row(session, message, key, kind, event_id, sme_id)
    email.status = EmailStatus.SUPPRESSED if is_suppressed(session, email.to_address) else EmailStatus.QUEUED
    email.next_at, email.deadline = next_open(due, window), deadline or due + DEADLINE
    email.zone, email.opens, email.closes = window.zone, window.opens, window.closes
    session.add(email)
    session.flush()
    wake(session, "outbox.deliver")
    return email


def _row(
    session: Session, message: EmailMessage, key: str, kind: str, event_id: int | None, sme_id: int | None
) -> Email:
    """A mail with its text fixed, to go at no time yet."""
    moment, address = now(session), parseaddr(str(message["To"]))[1]
    return Email(
        key=key,
        kind=kind,
        event_id=event_id,
        sme_id=sme_id,
        to_address=address,
        domain=address.rpartition("@")[2].lower(),
        subject=str(message["Subject"])[:300],
        message_id=str(message["Message-ID"]),
        message=message.as_bytes(policy=message.policy.clone(linesep="\r\n")),  # as SMTP wants its lines
        created_at=moment,
        next_at=moment,
        deadline=moment,
    )


def draft(session: Session, message: EmailMessage, envelope: Envelope, made_of: str) -> None:
    """Write a mail that is not sent before it is released. There must be none of this key."""
    email = _row(session, message, envelope.key, envelope.kind, envelope.event_id, envelope.sme_id)
    email.status, email.made_of = EmailStatus.DRAFT, made_of
    session.add(email)


def release(session: Session, envelopes: Collection[Envelope]) -> None:
    """Queue drafts, each for the time its envelope says; what goes to a suppressed address is not sent."""
    moment = now(session)
    silent = among(session, {envelope.to_address for envelope in envelopes})
    groups: defaultdict[tuple[EmailStatus, datetime, datetime, Window], list[str]] = defaultdict(list)
    for envelope in envelopes:
        due, window = max(moment, envelope.not_before or moment), envelope.window or Window()
        deadline = envelope.deadline or due + DEADLINE
        status = EmailStatus.SUPPRESSED if envelope.to_address in silent else EmailStatus.QUEUED
        groups[status, next_open(due, window), deadline, window].append(envelope.key)
    for (status, next_at, deadline, window), keys in groups.items():
        drafts = update(Email).where(col(Email.key).in_(keys), col(Email.status) == EmailStatus.DRAFT)
        hours = {"zone": window.zone, "opens": window.opens, "closes": window.closes}
        times = {"created_at": moment, "next_at": next_at, "deadline": deadline}
        session.connection().execute(drafts.values(status=status, made_of="", **times, **hours))
    wake(session, "outbox.deliver")


def retry_each(session: Session, actor: str, email_ids: Iterable[int]) -> tuple[int, int]:
    """Queue each of these mails again: (how many are, how many may not be, e.g. as a consent was withdrawn since)."""
    queued = refused = 0
    for email_id in email_ids:
        try:
            retry(session, actor, email_id)
            queued += 1
        except ConflictError:
            refused += 1
    return queued, refused


def count_due(session: Session) -> int:
    """How many mails could be delivered right now."""
    return session.exec(_due(session).where(col(Email.webhook_id).is_(None))).one()


def count_due_calls(session: Session) -> int:
    """How many calls of webhooks could be made right now."""
    return session.exec(_due(session).where(col(Email.webhook_id).is_not(None))).one()


def _due(session: Session) -> SelectOfScalar[int]:
    return select(func.count()).where(Email.status == EmailStatus.QUEUED, Email.next_at <= now(session))


def retry(session: Session, actor: str, email_id: int) -> None:
    """Queue a failed or held mail again. NotFoundError for none, ConflictError for one in another state."""
    # Locked: of two who click at once, the second would queue again what a worker has taken or sent meanwhile.
    email = session.get(Email, email_id, populate_existing=True, with_for_update=True)
    if email is None:
        raise NotFoundError("There is no such mail.")
    if email.status not in {EmailStatus.FAILED, EmailStatus.HELD}:
        raise ConflictError("Only a failed or held mail can be tried again.")
    if email.status == EmailStatus.HELD and email.error == STOPPED:
        raise ConflictError("The organiser stopped these mails. Resume them on the event's page.")
    if not email.message:  # a sign-in link that was sent, or it named somebody who was erased
        raise ConflictError("The text of this mail was deleted, so it cannot be sent again.")
    moment = now(session)
    email.in_doubt = False
    email.status, email.attempts, email.next_at, email.error = EmailStatus.QUEUED, 0, moment, ""
    email.deadline = max(email.deadline, moment + DEADLINE)
    session.add(email)
    audit.record(session, actor, "email.retry", f"email {email.id}")
    wake(session, "outbox.deliver" if email.webhook_id is None else "webhooks.deliver")


def hold(session: Session, actor: str, email_id: int) -> None:
    """Keep a queued mail back until somebody queues it again. NotFoundError, ConflictError as in `retry`."""
    email = session.get(Email, email_id, populate_existing=True, with_for_update=True)
    if email is None:
        raise NotFoundError("There is no such mail.")
    if email.status != EmailStatus.QUEUED:
        raise ConflictError("Only a mail that waits to be sent can be held.")
    email.status = EmailStatus.HELD
    session.add(email)
    audit.record(session, actor, "email.hold", f"email {email.id}")

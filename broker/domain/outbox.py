"""The outbox: every mail is a row first, claimed by one worker, sent, and settled (laws 2 and 5)."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from broker.db import Database, now, wake
from broker.domain import audit
from broker.domain.delivery import PermanentFailure, TemporaryFailure, open_delivery
from broker.domain.suppressions import is_suppressed
from broker.errors import ConflictError, NotFoundError
from broker.models import Email, EmailStatus

LEASE = timedelta(seconds=90)
"""Longer than any delivery may take, so that a mail is never claimed from a worker that still sends it."""
FIRST_RETRY = timedelta(seconds=20)
LAST_RETRY = timedelta(hours=1)
DEADLINE = timedelta(minutes=15)
"""How long delivery is tried where the mail names no deadline of its own, as a sign-in link that soon expires."""


@dataclass(slots=True)
class Delivered:
    """How many mails a delivery sent, put off for a later try, or gave up."""

    sent: int = 0
    later: int = 0
    failed: int = 0


def write(
    session: Session,
    message: EmailMessage,
    key: str,
    kind: str,
    event_id: int | None,
    sme_id: int | None,
    deadline: datetime | None = None,
) -> Email:
    """Queue a mail in the caller's transaction; the row there is already if `key` was written before."""
    there = session.exec(select(Email).where(Email.key == key)).one_or_none()
    if there is not None:
        return there
    moment = now(session)
    address = parseaddr(str(message["To"]))[1]
    email = Email(
        key=key,
        kind=kind,
        event_id=event_id,
        sme_id=sme_id,
        to_address=address,
        subject=str(message["Subject"])[:300],
        message_id=str(message["Message-ID"]),
        message=message.as_bytes(policy=message.policy.clone(linesep="\r\n")),  # as SMTP wants its lines
        status=EmailStatus.SUPPRESSED if is_suppressed(session, address) else EmailStatus.QUEUED,
        created_at=moment,
        next_at=moment,
        deadline=deadline or moment + DEADLINE,
    )
    session.add(email)
    session.flush()
    wake(session, "outbox.deliver")
    return email


def deliver_due(database: Database, *, owner: str, limit: int | None = None) -> Delivered:
    """Deliver what is due, mail by mail: claim and commit, send, settle and commit.

    A worker that dies in between leaves a row that `release_stuck` queues again: nothing is lost, and at most the
    mail in flight goes out twice, with the same Message-ID."""
    outcome = Delivered()
    with open_delivery(database.settings) as delivery:
        while limit is None or sum((outcome.sent, outcome.later, outcome.failed)) < limit:
            with database.write() as session:
                email = claim(session, owner)
            if email is None:
                break
            try:
                delivery.send(email)
            except TemporaryFailure as failure:
                _settle(database, email, owner, outcome, str(failure), permanent=False)
            except PermanentFailure as failure:
                _settle(database, email, owner, outcome, str(failure), permanent=True)
            else:
                _settle(database, email, owner, outcome)
    return outcome


def claim(session: Session, owner: str) -> Email | None:
    """Take the oldest due mail for `owner`, or None; two workers never get the same one."""
    moment = now(session)
    email = session.exec(
        select(Email)
        .where(Email.status == EmailStatus.QUEUED, Email.next_at <= moment)
        .order_by(col(Email.next_at), col(Email.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if email is not None:
        email.status, email.owner, email.lease_until = EmailStatus.SENDING, owner, moment + LEASE
        email.attempts += 1
        session.add(email)
    return email


def _settle(
    database: Database, email: Email, owner: str, outcome: Delivered, error: str = "", permanent: bool = False
) -> None:
    """Write how it went. A mail that went out is sent, whoever holds it by now; a failure is its owner's to tell."""
    with database.write() as session:
        moment = now(session)
        again = next_try(moment, email)
        held: ColumnElement[bool] = (col(Email.status) == EmailStatus.SENDING) & (col(Email.owner) == owner)
        if not error:
            held = col(Email.status).in_([EmailStatus.SENDING, EmailStatus.QUEUED])
            counted, changes = "sent", {"status": EmailStatus.SENT, "sent_at": moment, "error": ""}
            if email.kind == "sign_in" and not database.settings.is_demo:
                changes["message"] = b""  # it holds the link whose hash alone is kept elsewhere
        elif permanent or again > email.deadline:
            counted, changes = "failed", {"status": EmailStatus.FAILED, "error": error[:500]}
        else:
            counted, changes = "later", {"status": EmailStatus.QUEUED, "error": error[:500], "next_at": again}
        settle = update(Email).where(col(Email.id) == email.id, held)
        settled = session.connection().execute(settle.values(owner=None, lease_until=None, **changes))
        setattr(outcome, counted, getattr(outcome, counted) + settled.rowcount)


def next_try(moment: datetime, email: Email) -> datetime:
    """When to try again: twice as long after each attempt, with jitter so that retries do not come in step."""
    wait = min(FIRST_RETRY * 2 ** max(email.attempts - 1, 0), LAST_RETRY)
    spread: timedelta = wait * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
    return moment + spread


def release_stuck(session: Session) -> int:
    """Queue mails again whose worker died while sending (its lease is over); how many."""
    freed = session.connection().execute(
        update(Email)
        .where(col(Email.status) == EmailStatus.SENDING, col(Email.lease_until) < now(session))
        .values(status=EmailStatus.QUEUED, owner=None, lease_until=None)
    )
    return freed.rowcount


def count_due(session: Session) -> int:
    """How many mails could be delivered right now."""
    query = select(func.count()).where(Email.status == EmailStatus.QUEUED, Email.next_at <= now(session))
    return session.exec(query).one()


def retry(session: Session, actor: str, email_id: int) -> None:
    """Queue a failed or held mail again."""
    email = session.get(Email, email_id)
    if email is None:
        raise NotFoundError("There is no such mail.")
    if email.status not in {EmailStatus.FAILED, EmailStatus.HELD}:
        raise ConflictError("Only a failed or held mail can be tried again.")
    moment = now(session)
    email.status, email.attempts, email.next_at, email.error = EmailStatus.QUEUED, 0, moment, ""
    email.deadline = max(email.deadline, moment + DEADLINE)
    session.add(email)
    audit.record(session, actor, "email.retry", f"email {email.id}")
    wake(session, "outbox.deliver")

"""The relay: claims a due mail, sends it, and settles what became of it (laws 2 and 5)."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, select

from broker.db import Database, now
from broker.domain.delivery import PermanentFailure, TemporaryFailure, open_delivery
from broker.models import Email, EmailStatus

LEASE = timedelta(seconds=90)
"""Longer than any delivery may take, so that a mail is never claimed from a worker that still sends it."""
FIRST_RETRY = timedelta(seconds=20)
LAST_RETRY = timedelta(hours=1)


@dataclass(slots=True)
class Delivered:
    """How many mails a delivery sent, put off for a later try, or gave up."""

    sent: int = 0
    later: int = 0
    failed: int = 0


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

"""The relay: claims a due mail, sends it, and settles what became of it (laws 2 and 5)."""

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, case, or_, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import letters, owners, pulses, suppressions
from broker.domain.claims import LEASE, TO_STAFF, claim, hours, obstacle
from broker.domain.delivery import (
    Delivery,
    FileDelivery,
    PermanentFailure,
    TemporaryFailure,
    Unanswered,
    open_delivery,
)
from broker.domain.windows import is_open, next_open
from broker.models import Email, EmailStatus

FIRST_RETRY = timedelta(seconds=20)
LAST_RETRY = timedelta(hours=1)
IN_DOUBT = "The server may have taken it: find out whether it arrived, before you have it sent again."
PULSE_SECONDS = 1.0
PATIENCE_SECONDS = LEASE.total_seconds() / 2
"""How long a mail that went out waits for a database that is away: if it is not told, the mail is sent again."""
Failure = TemporaryFailure | PermanentFailure | None


@dataclass(slots=True)
class Delivered:
    """How many mails a delivery sent, put off for a later try, gave up, or holds for a person."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    held: int = 0


def deliver_due(database: Database, *, owner: str) -> Delivered:
    """Deliver what is due, mail by mail.

    A worker that dies leaves one mail in flight, which `release_stuck` queues again: nothing is lost, and at most
    this one goes out twice, with the same Message-ID."""
    outcome = Delivered()
    beaten = -PULSE_SECONDS
    with open_delivery(database.settings) as delivery:
        with database.write() as session:
            email = claim(session, database.settings, owner)
            pulses.beat(session, "relay")
        while email is not None:
            beat = time.monotonic() - beaten >= PULSE_SECONDS
            beaten = time.monotonic() if beat else beaten
            email = step(database, delivery, owner, email, outcome, beat=beat)
    return outcome


def step(
    database: Database, delivery: Delivery, owner: str, email: Email, outcome: Delivered, *, beat: bool = False
) -> Email | None:
    """Send a claimed mail; settle what became of it and claim the next in one transaction, since a commit takes as
    long as a mail. So a worker never has more than one in flight."""
    failure = _send(database, delivery, owner, email)
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with database.write() as session:
                settled = settle(session, database.settings, email, owner, failure)
                following = claim(session, database.settings, owner)
                if beat:
                    pulses.beat(session, "relay")
            break
        except (InterfaceError, OperationalError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    if settled:
        setattr(outcome, settled, getattr(outcome, settled) + 1)
    return following


def _send(database: Database, delivery: Delivery, owner: str, email: Email) -> Failure:
    try:
        if database.settings.mail_strict:
            delivery.send(email, lambda: _doubt(database, email, owner))
        else:
            delivery.send(email)
    except (TemporaryFailure, PermanentFailure) as failure:
        return failure
    return None


def _doubt(database: Database, email: Email, owner: str) -> None:
    """Write that the server is about to get the text; whoever finds the mail after a crash cannot know more."""
    with database.write() as session:
        held = col(Email.id) == email.id, col(Email.owner) == owner, col(Email.status) == EmailStatus.SENDING
        noted = session.connection().execute(update(Email).where(*held).values(in_doubt=True))
    if noted.rowcount != 1:
        raise TemporaryFailure("it was taken over by another worker")


def settle(session: Session, settings: Settings, email: Email, owner: str, failure: Failure) -> str:
    """Write how it went; the field of Delivered that counts it, or "".

    A mail that went out is sent, whoever holds it by now; a failure is its owner's to tell."""
    moment = now(session)
    held: ColumnElement[bool] = (col(Email.status) == EmailStatus.SENDING) & (col(Email.owner) == owner)
    doubted = failure is not None and settings.mail_strict and isinstance(failure, Unanswered)
    changes: dict[str, object] = {"owner": None, "lease_until": None, "in_doubt": doubted, "error": str(failure or "")}
    again = next_open(next_try(moment, email), hours(email))
    if failure is None:
        in_doubt = (col(Email.status) == EmailStatus.HELD) & col(Email.in_doubt)
        held = col(Email.status).in_([EmailStatus.SENDING, EmailStatus.QUEUED]) | in_doubt
        counted, changes = "sent", changes | {"status": EmailStatus.SENT, "sent_at": moment}
        if email.kind == "sign_in" and not settings.is_demo:
            changes["message"] = b""  # it holds the link whose hash alone is kept elsewhere
    elif doubted:
        counted, changes = "held", changes | {"status": EmailStatus.HELD, "error": f"{IN_DOUBT} {failure}"}
    elif isinstance(failure, PermanentFailure) or again > email.deadline:
        counted, changes = "failed", changes | {"status": EmailStatus.FAILED}
    else:
        counted, changes = "later", changes | {"status": EmailStatus.QUEUED, "next_at": again}
    settled = session.connection().execute(update(Email).where(col(Email.id) == email.id, held).values(changes))
    if settled.rowcount and isinstance(failure, PermanentFailure):
        _give_up(session, settings, email, failure)
    return counted if settled.rowcount else ""


def _give_up(session: Session, settings: Settings, email: Email, failure: PermanentFailure) -> None:
    """Mail no more to an address where nobody is, and tell the broker of the SME. Those who work with the service
    are left out: one wrong answer would lock them out for good, and a mail about a mail could go on for ever."""
    if email.kind in TO_STAFF:
        return
    if failure.is_of_the_address:
        suppressions.suppress(session, email.to_address, f"refused: {failure}")
    letters.undelivered(session, settings, email, str(failure))


def next_try(moment: datetime, email: Email) -> datetime:
    """When to try again: twice as long after each attempt, with jitter so that retries do not come in step."""
    wait = min(FIRST_RETRY * 2 ** max(email.attempts - 1, 0), LAST_RETRY)
    spread: timedelta = wait * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
    return moment + spread


def release_stuck(session: Session) -> int:
    """Queue mails again whose worker died while sending: it is gone from this machine, or its lease is over. Those
    the server may have taken are held instead, where we are strict about it. How many there were."""
    sending = col(Email.status) == EmailStatus.SENDING
    gone = [
        owner for owner in session.exec(select(Email.owner).where(sending).distinct()) if owners.is_gone(owner or "")
    ]
    in_doubt = col(Email.in_doubt)
    freed = session.connection().execute(
        update(Email)
        .where(sending, or_(col(Email.lease_until) < now(session), col(Email.owner).in_(gone)))
        .values(
            status=case((in_doubt, EmailStatus.HELD), else_=EmailStatus.QUEUED),
            error=case((in_doubt, IN_DOUBT), else_=col(Email.error)),
            owner=None,
            lease_until=None,
        )
    )
    return freed.rowcount


def rehearse(database: Database, folder: Path) -> int:
    """Write every mail that would be sent now as a file, were there no caps; how many. Nothing else changes.
    TemporaryFailure where the folder cannot be written."""
    delivery = FileDelivery(folder)
    with database.read() as session:
        moment = now(session)
        due = select(Email).where(Email.status == EmailStatus.QUEUED, Email.next_at <= moment)
        written = 0
        for email in session.exec(due.order_by(col(Email.next_at), col(Email.id))).yield_per(50):
            if obstacle(session, email, moment) is None and is_open(moment, hours(email)):
                delivery.send(email)
                written += 1
    return written

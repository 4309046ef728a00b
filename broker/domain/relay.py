"""The relay: claims a due mail, sends it, and settles what became of it (laws 2 and 5)."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, or_, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import calls, letters, owners, pulses, suppressions, webhooks
from broker.domain.claims import LEASE, Outgoing, claim, waiting
from broker.domain.delivery import (
    Delivery,
    FileDelivery,
    PermanentFailure,
    TemporaryFailure,
    Unanswered,
    open_delivery,
)
from broker.domain.http_delivery import HttpDelivery, Unreached
from broker.domain.windows import is_open, next_open
from broker.models import TO_STAFF, WITH_A_KEY, Email, EmailStatus

FIRST_RETRY = timedelta(seconds=20)
LAST_RETRY = timedelta(hours=1)
IN_DOUBT = "The server may have taken it: find out whether it arrived, before you have it sent again."
PULSE_SECONDS = 1.0
PATIENCE_SECONDS = LEASE.total_seconds() / 2
"""How long a mail that went out waits for a database that is away: if that is never told, it is sent again."""
Failure = TemporaryFailure | PermanentFailure | None
Claim = Callable[[Session, Settings, str, datetime], Outgoing | None]

_SENDING = col(Email.status) == EmailStatus.SENDING
_OURS = (col(Email.id) == bindparam("email_id")) & _SENDING & (col(Email.owner) == bindparam("by"))
# What went out is sent, whoever has it by now; also where it was taken back meanwhile, and held as doubtful.
_SENT = (
    update(Email)
    .where(
        col(Email.id) == bindparam("email_id"),
        or_(
            _SENDING,
            col(Email.status) == EmailStatus.QUEUED,
            and_(col(Email.status) == EmailStatus.HELD, col(Email.in_doubt)),
        ),
    )
    .values(
        status=EmailStatus.SENT,
        sent_at=bindparam("moment"),
        owner=None,
        lease_until=None,
        in_doubt=False,
        error="",
    )
)
_DOUBT = update(Email).where(_OURS).values(in_doubt=True)


@dataclass(slots=True)
class Delivered:
    """How many mails a delivery sent, put off for a later try, gave up, or holds for a person."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    held: int = 0


@dataclass(slots=True)
class Round:
    """One worker at work: it has one connection to the database, and one mail in flight at most."""

    database: Database
    connection: Connection
    delivery: Delivery
    owner: str
    claim: Claim = claim
    pulse: str = "relay"
    """How its pulse is called."""
    ends: float = math.inf
    """No mail is claimed after that, by the clock that `time.monotonic` reads."""
    outcome: Delivered = field(default_factory=Delivered)
    beaten: float = -PULSE_SECONDS


def deliver_due(database: Database, *, owner: str, seconds: float = math.inf) -> Delivered:
    """Deliver what is due, mail by mail, until nothing is or the time is up.

    A worker that dies leaves one mail in flight, which `release_stuck` queues again: nothing is lost, and at most
    this one goes out twice, with the same Message-ID."""
    with database.engine.connect() as connection, open_delivery(database.settings) as delivery:
        work = Round(database, connection, delivery, owner, ends=time.monotonic() + seconds)
        return _deliver_all(work)


def call_due(database: Database, *, owner: str, seconds: float = math.inf) -> Delivered:
    """Make the calls of webhooks that are due, as `deliver_due` does with mails; apart, as servers may be slow."""
    with database.engine.connect() as connection:
        delivery = HttpDelivery(database.settings)
        ends = time.monotonic() + seconds
        return _deliver_all(Round(database, connection, delivery, owner, calls.claim, "webhooks", ends))


def _deliver_all(work: Round) -> Delivered:
    with work.database.write(work.connection) as session:
        # Left from a turn that lost its database between a claim and the answer: this process sends nothing now.
        release_stuck(session, own=work.owner)
        email = _next(session, work, now(session))
    while email is not None:
        email = step(work, email)
    return work.outcome


def step(work: Round, email: Outgoing) -> Outgoing | None:
    """Send a claimed mail; settle what became of it and claim the next, which is given back.

    The two share a transaction, since a commit can take as long as a mail."""
    failure = _send(work, email)
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with work.database.write(work.connection) as session:
                moment = now(session)
                settled = settle(session, work.database.settings, email, work.owner, failure, moment)
                following = _next(session, work, moment)
            break
        except (InterfaceError, OperationalError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    if settled:
        setattr(work.outcome, settled, getattr(work.outcome, settled) + 1)
    return following


def _next(session: Session, work: Round, moment: datetime) -> Outgoing | None:
    in_time = time.monotonic() < work.ends
    email = work.claim(session, work.database.settings, work.owner, moment) if in_time else None
    if time.monotonic() - work.beaten >= PULSE_SECONDS:
        pulses.beat(session, work.pulse)
        work.beaten = time.monotonic()
    return email


def _send(work: Round, email: Outgoing) -> Failure:
    try:
        work.delivery.send(email, (lambda: _doubt(work, email)) if work.database.settings.mail_strict else None)
    except (TemporaryFailure, PermanentFailure) as failure:
        return failure
    return None


def _doubt(work: Round, email: Outgoing) -> None:
    """Write that the server is about to get the text; whoever finds the mail after a crash cannot know more."""
    with work.database.write(work.connection) as session:
        noted = session.connection().execute(_DOUBT, {"email_id": email.id, "by": work.owner})
    if noted.rowcount != 1:
        raise TemporaryFailure("it was taken over by another worker")


def settle(
    session: Session, settings: Settings, email: Outgoing, owner: str, failure: Failure, moment: datetime
) -> str:
    """Write how it went; the field of Delivered that counts it, or "".

    A mail that went out is sent, whoever holds it by now; a failure is its owner's to tell."""
    if failure is None:
        return "sent" if _settle_sent(session, settings, email, moment) else ""
    again = next_chance(moment, email)
    doubted = settings.mail_strict and isinstance(failure, Unanswered)
    changes: dict[str, object] = {"owner": None, "lease_until": None, "in_doubt": doubted, "error": str(failure)[:500]}
    if doubted:
        counted, changes = "held", changes | {"status": EmailStatus.HELD, "error": f"{IN_DOUBT} {failure}"[:500]}
    elif isinstance(failure, PermanentFailure) or again > email.deadline:
        counted, changes = "failed", changes | {"status": EmailStatus.FAILED}
    else:
        counted, changes = "later", changes | {"status": EmailStatus.QUEUED, "next_at": again}
    ours = {"email_id": email.id, "by": owner}
    settled = session.connection().execute(update(Email).where(_OURS).values(changes), ours).rowcount == 1
    if settled and isinstance(failure, PermanentFailure):
        _give_up(session, settings, email, failure)
    if settled and email.call and isinstance(failure, Unreached):
        calls.put_off(session, email.call, again)
    return counted if settled else ""


def _settle_sent(session: Session, settings: Settings, email: Outgoing, moment: datetime) -> bool:
    connection = session.connection()
    sent = connection.execute(_SENT, {"email_id": email.id, "moment": moment}).rowcount == 1
    if sent and email.kind in WITH_A_KEY and not settings.is_demo:
        # It holds the link whose hash alone is kept elsewhere.
        connection.execute(update(Email).where(col(Email.id) == email.id).values(message=b""))
    return sent


def _give_up(session: Session, settings: Settings, email: Outgoing, failure: PermanentFailure) -> None:
    """Mail no more to an address where nobody is, and tell the broker of the SME. Those who work with the service
    are left out: one wrong answer would lock them out for good, and a mail about a mail could go on for ever."""
    if email.call is not None:
        webhooks.switch_off(session, email.call.webhook_id, str(failure))
    if email.kind in TO_STAFF:
        return
    if failure.is_of_the_address:
        suppressions.suppress(
            session, email.to_address, f"refused with {str(failure)[:3]}"
        )  # no word more: it names it
    letters.undelivered(session, settings, session.get_one(Email, email.id), str(failure))


def next_chance(moment: datetime, email: Outgoing) -> datetime:
    """When it is tried again, within its hours; where that would be too late, once more shortly before its deadline."""
    again = next_open(next_try(moment, email), email.window)
    last = email.deadline - LEASE
    may_still = again > email.deadline and last > moment + FIRST_RETRY and is_open(last, email.window)
    return last if may_still else again


def next_try(moment: datetime, email: Outgoing) -> datetime:
    """When to try again: twice as long after each attempt, with jitter so that retries do not come in step."""
    wait = min(FIRST_RETRY * 2 ** min(max(email.attempts - 1, 0), 20), LAST_RETRY)
    spread: timedelta = wait * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
    return moment + spread


def release_stuck(session: Session, own: str = "") -> int:
    """Take mails back whose worker died while sending: it is gone from this machine, or its lease is over. They are
    queued again; those the server may have taken are held, where we are strict about it. How many there were.

    own: the name of a process that asks for what it has left itself; it must not be sending."""
    is_call = col(Email.webhook_id).is_not(None)
    return sum(_release(session, _SENDING & which, own) for which in (~is_call, is_call))


def _release(session: Session, sending: ColumnElement[bool], own: str) -> int:
    """Of mails or of calls: each has an index of its own."""
    names = session.exec(select(Email.owner).where(sending).distinct())
    gone = [owner for owner in names if owner and (owner == own or owners.is_gone(owner))]
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
    written = 0
    with database.read() as session:
        for email in waiting(session):
            delivery.send(email)
            written += 1
    return written

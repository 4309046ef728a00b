"""The life of a profile: draft → in review → reviewed → published ↔ paused, and expired a year after somebody last
said that it is true. Every step is one conditional update, so of two at once one is told that the other was first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import audit, letters
from broker.domain.completeness import status_of
from broker.domain.records import load_record
from broker.errors import ConflictError
from broker.models import Account, Role, Sme, SmeStatus

LIFE = timedelta(days=365)
REMIND_BEFORE = timedelta(days=30)
BATCH = 50
"""Profiles of one sweep: SQLite lets nobody else write meanwhile."""


class Step(StrEnum):
    """What can be done to a profile as a whole."""

    ASK = "ask"
    CONFIRM = "confirm"
    SEND_BACK = "send_back"
    WITHDRAW = "withdraw"
    PUBLISH = "publish"
    PAUSE = "pause"
    RESUME = "resume"
    RENEW = "renew"
    EXPIRE = "expire"


class Move(NamedTuple):
    """From which statuses a step leads to which."""

    before: tuple[SmeStatus, ...]
    after: SmeStatus


MOVES = {
    Step.ASK: Move((SmeStatus.DRAFT,), SmeStatus.IN_REVIEW),
    Step.CONFIRM: Move((SmeStatus.IN_REVIEW,), SmeStatus.REVIEWED),
    Step.SEND_BACK: Move((SmeStatus.IN_REVIEW,), SmeStatus.DRAFT),
    Step.WITHDRAW: Move((SmeStatus.IN_REVIEW,), SmeStatus.DRAFT),
    Step.PUBLISH: Move((SmeStatus.REVIEWED,), SmeStatus.PUBLISHED),
    Step.PAUSE: Move((SmeStatus.PUBLISHED,), SmeStatus.PAUSED),
    Step.RESUME: Move((SmeStatus.PAUSED,), SmeStatus.PUBLISHED),
    Step.RENEW: Move((SmeStatus.PUBLISHED, SmeStatus.EXPIRED), SmeStatus.PUBLISHED),
    Step.EXPIRE: Move((SmeStatus.PUBLISHED, SmeStatus.PAUSED), SmeStatus.EXPIRED),
}
BACK = (Step.RESUME, Step.RENEW)
"""After these a profile is what `resumed` says."""
WORDS = {
    SmeStatus.DRAFT: "a draft",
    SmeStatus.IN_REVIEW: "in review",
    SmeStatus.REVIEWED: "reviewed",
    SmeStatus.PUBLISHED: "published",
    SmeStatus.PAUSED: "paused",
    SmeStatus.EXPIRED: "expired",
}


def may(sme: Sme, step: Step) -> bool:
    """Whether the profile is in a status that the step starts from."""
    return sme.status in MOVES[step].before


def move(session: Session, actor: str, sme: Sme, step: Step, **detail: Any) -> None:
    """Take the step and record it; ConflictError where the profile is in another status by now."""
    before, after = MOVES[step]
    values: dict[str, Any] = {"status": after, "version": Sme.version + 1}
    if step is not Step.EXPIRE:  # what paused itself and expires is renewed as what it was
        values["paused_from"] = None
    if step in BACK:
        values["status"] = resumed(sme.paused_from, load_record(session, sme).facts)
    if step in (Step.PUBLISH, Step.RENEW):
        values |= {"expires_at": now(session) + LIFE, "reminded_at": None}
    statement = update(Sme).where(col(Sme.id) == sme.id, col(Sme.status).in_(before)).values(**values)
    taken = session.connection().execute(statement).rowcount
    session.refresh(sme)
    if not taken:
        raise ConflictError(f"{sme.name} is {WORDS[sme.status]} now: somebody was faster. Look at it again.")
    audit.record(session, actor, f"profile {step}", f"sme:{sme.id}", **detail)


def resumed(paused_from: SmeStatus | None, facts: Mapping[str, Any]) -> SmeStatus:
    """What a paused or expired profile is again: as its SME paused it, else published; a draft if it is not whole."""
    return status_of(paused_from or SmeStatus.PUBLISHED, facts)


def expire_due(session: Session) -> int:
    """Expire profiles whose year is over; how many. One that never had an end gets it now, a year ahead."""
    moment = now(session)
    endless = update(Sme).where(col(Sme.status) == SmeStatus.PUBLISHED, col(Sme.expires_at).is_(None))
    session.connection().execute(endless.values(expires_at=moment + LIFE))
    over = col(Sme.status).in_(MOVES[Step.EXPIRE].before) & (col(Sme.expires_at) <= moment)
    found = session.exec(select(Sme).where(over).limit(BATCH).with_for_update(skip_locked=True)).all()
    for sme in found:
        move(session, "sweep", sme, Step.EXPIRE)
    return len(found)


def remind_due(session: Session, settings: Settings) -> int:
    """Write to the broker of each published profile that expires within thirty days, once; how many.

    A city without a broker is not forgotten: its mails are written as soon as there is one."""
    moment = now(session)
    cities = select(Account.city_code).where(Account.role == Role.BROKER, col(Account.active))
    soon = (
        select(Sme)
        .where(Sme.status == SmeStatus.PUBLISHED, col(Sme.reminded_at).is_(None), col(Sme.city_code).in_(cities))
        .where(col(Sme.expires_at) > moment, col(Sme.expires_at) <= moment + REMIND_BEFORE)
        .order_by(col(Sme.id))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return sum(_remind(session, settings, sme, moment) for sme in session.exec(soon))


def _remind(session: Session, settings: Settings, sme: Sme, moment: datetime) -> bool:
    account = letters.broker_of(session, sme.city_code)
    assert account is not None and sme.expires_at is not None  # noqa: S101, PT018 - asked for by the query
    letters.expiry(session, settings, sme, account, sme.expires_at)
    sme.reminded_at = moment
    session.add(sme)
    return True


def is_due(sme: Sme, moment: datetime) -> bool:
    """Whether a published profile waits for somebody to say that it is still true, or has expired."""
    ends = sme.expires_at
    soon = sme.status is SmeStatus.PUBLISHED and ends is not None and ends <= moment + REMIND_BEFORE
    return soon or sme.status is SmeStatus.EXPIRED

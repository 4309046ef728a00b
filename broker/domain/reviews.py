"""A second broker reads a profile before it is published: asked for, then confirmed or sent back with a note."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import accounts, lifecycle
from broker.domain.completeness import needed
from broker.domain.lifecycle import Step
from broker.domain.records import chunks, load_record
from broker.errors import ConflictError, InvalidError, NotAllowedError
from broker.models import (
    Account,
    AuditEntry,
    ChangeSet,
    City,
    ProfileChange,
    Review,
    ReviewOutcome,
    Sector,
    Sme,
    SmeStatus,
)

WRITTEN = ("profile created", "profile updated")
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A profile in the queue of reviews."""

    review: Review
    sme: Sme
    city: City
    sector: Sector | None
    asked_by: Account
    is_own: bool
    """Of the reader's city: its name may be shown."""


def lacking(session: Session, sme: Sme) -> list[str]:
    """What has to be there before a second broker is asked, in plain words."""
    return needed(load_record(session, sme).facts)


def ask(session: Session, account: Account, sme: Sme) -> None:
    """Ask for a second broker. InvalidError says what is to be finished first; ConflictError where it is no draft."""
    if still := lacking(session, sme):
        raise InvalidError(f"Finish this first: {', '.join(still)}.")
    lifecycle.move(session, accounts.actor(account), sme, Step.ASK)
    open_many(session, account, [sme])


def open_many(session: Session, account: Account, smes: Sequence[Sme]) -> None:
    """Put profiles that are in review by now into the queue of second brokers."""
    moment = now(session)
    for part in chunks(smes):
        _close(session, part, ReviewOutcome.WITHDRAWN, account, "")  # left open as the profile lost a part
        asked = [{"sme_id": sme.id, "asked_by_id": account.id, "asked_at": moment} for sme in part]
        session.execute(insert(Review), asked)


def unask(session: Session, sme_ids: Collection[int]) -> None:
    """Delete the open reviews of profiles, as if nobody had asked: what was decided before is their last one again."""
    still_open = col(Review.sme_id).in_(sme_ids) & col(Review.outcome).is_(None)
    session.execute(delete(Review).where(still_open))


def withdraw(session: Session, account: Account, sme: Sme) -> None:
    """Take the profile out of the queue again."""
    lifecycle.move(session, accounts.actor(account), sme, Step.WITHDRAW)
    _close(session, [sme], ReviewOutcome.WITHDRAWN, account, "")


def confirm(session: Session, account: Account, sme: Sme, version: str, note: str = "") -> None:
    """Confirm the profile as it was read. NotAllowedError for its author; ConflictError where it changed meanwhile."""
    _check(session, account, sme, version, note)
    lifecycle.move(session, accounts.actor(account), sme, Step.CONFIRM)
    _close(session, [sme], ReviewOutcome.CONFIRMED, account, note)


def send_back(session: Session, account: Account, sme: Sme, version: str, note: str) -> None:
    """Give the profile back to its author with a note. Raises as `confirm` does, and InvalidError without a note."""
    if not note.strip():
        raise InvalidError("Write what is to be changed: the author reads it.")
    _check(session, account, sme, version, note)
    lifecycle.move(session, accounts.actor(account), sme, Step.SEND_BACK)
    _close(session, [sme], ReviewOutcome.SENT_BACK, account, note)


def _check(session: Session, account: Account, sme: Sme, version: str, note: str) -> None:
    if len(note) > LONGEST_NOTE:
        raise InvalidError(f"A note of at most {LONGEST_NOTE} characters.")
    if is_author(session, account, sme):
        raise NotAllowedError("You wrote this profile or asked for its review: somebody else has to read it.")
    if version != str(sme.version):
        raise ConflictError("The profile was changed while you read it. Read it again before you decide.")


def _close(session: Session, smes: Sequence[Sme], outcome: ReviewOutcome, account: Account, note: str) -> None:
    still_open = col(Review.sme_id).in_([sme.id for sme in smes]) & col(Review.outcome).is_(None)
    decided = {"outcome": outcome, "decided_by_id": account.id, "decided_at": now(session), "note": note.strip()}
    session.execute(update(Review).where(still_open).values(**decided))


def is_author(session: Session, account: Account, sme: Sme) -> bool:
    """Whether the account asked for the open review, or ever wrote in the profile, whatever its name was then.

    An import counts while it is kept to be undone."""
    asked = select(Review.id).where(
        Review.sme_id == sme.id, col(Review.outcome).is_(None), Review.asked_by_id == account.id
    )
    if session.exec(asked.limit(1)).first() is not None:
        return True
    wrote = select(AuditEntry.id).where(
        AuditEntry.subject == f"sme:{sme.id}",
        col(AuditEntry.actor).endswith(accounts.number(account), autoescape=True),
        col(AuditEntry.action).in_(WRITTEN),
    )
    imported = (
        select(ProfileChange.id)
        .join(ChangeSet, col(ChangeSet.id) == ProfileChange.set_id)
        .where(ProfileChange.sme_id == sme.id, ChangeSet.account_id == account.id, ChangeSet.action == "import")
    )
    return any(session.exec(query.limit(1)).first() is not None for query in (wrote, imported))


def last(session: Session, sme: Sme) -> tuple[Review, Account] | None:
    """The newest review of a profile, with who decided it, or who asked while it is open."""
    who = (col(Account.id) == Review.decided_by_id) | (
        col(Review.decided_by_id).is_(None) & (col(Account.id) == Review.asked_by_id)
    )
    newest = select(Review, Account).join(Account, who).where(Review.sme_id == sme.id)
    return session.exec(newest.order_by(col(Review.id).desc()).limit(1)).first()


def waiting(session: Session, city: str | None) -> list[Waiting]:
    """All profiles that wait for a second broker, the oldest first. city: the reader's; None for every city."""
    query = (
        select(Review, Sme, Sector, Account)
        .join(Sme, col(Sme.id) == Review.sme_id)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .join(Account, col(Account.id) == Review.asked_by_id)
        .where(col(Review.outcome).is_(None), Sme.status == SmeStatus.IN_REVIEW)
        .order_by(col(Review.asked_at), col(Review.id))
    )
    cities = {row.code: row for row in session.exec(select(City))}
    return [
        Waiting(review, sme, cities[sme.city_code], sector, asker, is_own=city in (None, sme.city_code))
        for review, sme, sector, asker in session.exec(query)
    ]

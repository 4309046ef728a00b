"""What the pages read about changes that can be undone."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain.changes import LIFE, can_undo
from broker.domain.queries.shortlists import place
from broker.models import ChangeSet, ProfileChange, Sme

PAGE_SIZE = 50
PAST = 20
"""So many that cannot be undone any more are listed still."""


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A change set as its page shows it; lists are cut, counts are not."""

    change_set: ChangeSet
    can_undo: bool
    made: list[Sme]
    changed: list[Sme]
    left: list[tuple[Sme, str]]
    """What an undo left alone, and why; only what still is there."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change set in the list, and how many profiles it changed; until when it can be undone, if it can."""

    change_set: ChangeSet
    profiles: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One page of the list."""

    rows: list[ChangeRow]
    page: int
    pages: int


def history(session: Session, account_id: int | None, page: int = 1) -> ChangePage:
    """The change sets of an account, or of all (None), that can be undone, and the last `PAST` that cannot any more,
    the newest first; two statements, and the clock."""
    moment = now(session)
    theirs = () if account_id is None else (ChangeSet.account_id == account_id,)
    is_open = col(ChangeSet.undone_at).is_(None) & (col(ChangeSet.at) > moment - LIFE)
    newest = col(ChangeSet.at).desc(), col(ChangeSet.id).desc()
    past = select(ChangeSet.id).where(~is_open, *theirs).order_by(*newest).limit(PAST)
    told = or_(is_open, col(ChangeSet.id).in_(past)), *theirs
    total = session.exec(select(func.count()).select_from(ChangeSet).where(*told)).one()
    page, pages, first = place(page, total, PAGE_SIZE)
    kept = select(func.count()).where(col(ProfileChange.set_id) == ChangeSet.id).correlate(ChangeSet).scalar_subquery()
    rows = session.exec(select(ChangeSet, kept).where(*told).order_by(*newest).offset(first).limit(PAGE_SIZE))
    return ChangePage([_row(change_set, count, moment) for change_set, count in rows], page, pages)


def _row(change_set: ChangeSet, kept: int, moment: datetime) -> ChangeRow:
    until = change_set.at + LIFE
    is_open = change_set.undone_at is None and until > moment
    return ChangeRow(change_set, kept, until if is_open else None)


def change_view(session: Session, change_set: ChangeSet, city: str | None, limit: int = 500) -> ChangeView:
    """Three queries whatever the number of profiles. city: the reader's, whose SMEs alone are told; None for all: who
    works for another city by now is not told any more who is in the former one."""
    theirs = () if city is None else (col(Sme.city_code) == city,)
    rows = session.exec(
        select(Sme, col(ProfileChange.before).is_(None))
        .join(ProfileChange, col(ProfileChange.sme_id) == Sme.id)
        .where(ProfileChange.set_id == change_set.id, *theirs)
        .order_by(Sme.name_key, col(Sme.id))
        .limit(limit)
    ).all()
    kept = list(map(int, change_set.left))[:limit]
    still_there = select(Sme).where(col(Sme.id).in_(kept), *theirs).order_by(Sme.name_key)
    left = session.exec(still_there).all() if kept else []
    return ChangeView(
        change_set=change_set,
        can_undo=can_undo(session, change_set),
        made=[sme for sme, is_made in rows if is_made],
        changed=[sme for sme, is_made in rows if not is_made],
        left=[(sme, change_set.left[str(sme.id)]) for sme in left],
    )

"""What the pages read about changes that can be undone."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from broker.domain.changes import can_undo
from broker.models import ChangeSet, ProfileChange, Sme


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A change set as its page shows it; lists are cut, counts are not."""

    change_set: ChangeSet
    can_undo: bool
    made: list[Sme]
    changed: list[Sme]
    left: list[tuple[Sme, str]]
    """What an undo left alone, and why; only what still is there."""


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

"""How far an event is, counted in one statement."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, case, cast, distinct, func, literal, select, union_all
from sqlmodel import Session, col

from broker.models import (
    Answer,
    Email,
    EmailStatus,
    Interest,
    Introduction,
    Invitation,
    Mailing,
    Registration,
    Shortlist,
    ShortlistStatus,
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of an event's rows; `mails` are of approved shortlists, `planned` the kinds of mail that have a date."""

    registered: int
    invited: Counter[str]
    """By what they said: yes, no, or nothing yet ("")."""
    lists: Counter[ShortlistStatus]
    mails: Counter[EmailStatus]
    answers: Counter[Answer]
    answered: int
    introductions: int
    planned: int

    @property
    def drafts(self) -> int:
        """Shortlists to review."""
        return self.lists[ShortlistStatus.DRAFT]

    @property
    def approved(self) -> int:
        """Shortlists that the SMEs see."""
        return self.lists[ShortlistStatus.APPROVED]


def tally(session: Session, event_id: int) -> Tally:
    """The counts of an event."""
    said = case((col(Invitation.takes_part).is_(True), "yes"), (col(Invitation.takes_part).is_(False), "no"), else_="")
    counted = union_all(
        _count("registered", Registration, event_id),
        _count("invited", Invitation, event_id, said),
        _count("lists", Shortlist, event_id, Shortlist.status),
        _count("mails", Email, event_id, Email.status).where(
            col(Email.kind) == "shortlist", col(Email.status) != EmailStatus.DRAFT
        ),
        _count("answers", Interest, event_id, Interest.answer),
        _count("introductions", Introduction, event_id),
        _count("planned", Mailing, event_id),
        select(literal("answered"), literal(""), func.count(distinct(col(Interest.sme_id)))).where(
            col(Interest.event_id) == event_id
        ),
    )
    found: dict[str, Counter[str]] = {}
    for what, key, n in session.connection().execute(counted):
        found.setdefault(what, Counter())[key] = n
    return _read(found)


def _count(what: str, table: Any, event_id: int, key: Any = "") -> Any:
    """Its rows of an event by `key`, as text: enums are stored as such."""
    named = cast(key, String) if key != "" else literal("")
    query = select(literal(what), named, func.count()).where(table.event_id == event_id)
    return query.group_by(named) if key != "" else query


def _read(found: Mapping[str, Counter[str]]) -> Tally:
    empty = Counter[str]()
    return Tally(
        registered=found.get("registered", empty).total(),
        invited=found.get("invited", empty),
        lists=Counter({ShortlistStatus(key): n for key, n in found.get("lists", empty).items()}),
        mails=Counter({EmailStatus(key): n for key, n in found.get("mails", empty).items()}),
        answers=Counter({Answer(key): n for key, n in found.get("answers", empty).items()}),
        answered=found.get("answered", empty).total(),
        introductions=found.get("introductions", empty).total(),
        planned=found.get("planned", empty).total(),
    )

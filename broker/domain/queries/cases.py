"""The cases of a city's SMEs: who said yes to whom, who is waited for, who was introduced, and what brokers noted."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, bindparam, case, func, tuple_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain.disclosure import described
from broker.domain.places import city_name, sector_rows
from broker.domain.queries.case_tables import CaseState, CaseTables, urgent_first
from broker.domain.queries.shortlists import place
from broker.models import Account, Answer, CaseNote, City, Contact, Event, NoteKind

PAGE_SIZE = 20
WATCH = "watch"
"""Asked for in place of a state: what needs the city's brokers now."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. Its name, contact and broker are told only where the reader may know them."""

    sme_id: int
    name: str
    is_named: bool
    is_own: bool
    city: str
    group: str
    """Of its sector: creative, growth, or empty."""
    answer: Answer | None
    answered_at: datetime | None
    contact: Contact | None
    broker: Account | None


@dataclass(frozen=True, slots=True)
class Note:
    """What a broker left at a case."""

    author: str
    account_id: int
    kind: NoteKind
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A pair at an event, the reader's own side first."""

    event: Event
    city: City
    """Of the event: its dates are told in its zone."""
    state: CaseState
    own: Side
    other: Side
    introduced_at: datetime | None
    notes: Sequence[Note] = ()
    followers: Sequence[Note] = ()

    @property
    def waiting_for(self) -> Side | None:
        """Who has not answered the other's yes yet and still can."""
        if self.state not in (CaseState.YOURS, CaseState.THEIRS):
            return None
        return self.own if self.own.answer is None else self.other

    @property
    def since(self) -> datetime:
        """When it came to be: the introduction, else the yes."""
        said = [side.answered_at for side in (self.own, self.other) if side.answer is Answer.INTERESTED]
        return self.introduced_at or min(moment for moment in said if moment is not None)

    @property
    def touched_at(self) -> datetime:
        """When one of the four last did something."""
        said = [side.answered_at for side in (self.own, self.other) if side.answered_at is not None]
        return max([*said, self.since, *(note.at for note in (*self.notes, *self.followers))])

    def is_followed_by(self, account: Account) -> bool:
        """Whether this broker said so."""
        return any(note.account_id == account.id for note in self.followers)


@dataclass(frozen=True, slots=True)
class CasePage:
    """One page of the cases; `counts` by state, and of those to WATCH, are of all the city's."""

    rows: list[Case]
    counts: dict[str, int]
    total: int
    page: int
    pages: int
    moment: datetime


def case_page(session: Session, city: str | None, shown: str = "", page: int = 1) -> CasePage:
    """The cases of a city (None: of all) in one state, or to WATCH, or all; three statements."""
    moment = now(session)
    counted = session.execute(_counts(city is None), {"city": city, "moment": moment}).all()
    counts = {name: count for name, count, _ in counted} | {WATCH: sum(int(watched) for _, _, watched in counted)}
    total = counts.get(shown, 0) if shown else sum(count for _, count, _ in counted)
    page, pages, first = place(page, total, PAGE_SIZE)
    rows = _found(session, city, moment, shown, first, PAGE_SIZE)[0] if total else []
    return CasePage(_with_notes(session, city, rows), counts, total, page, pages, moment)


def watched(session: Session, city: str | None, moment: datetime, limit: int) -> tuple[list[Case], int]:
    """The first cases to watch, and how many there are; one statement."""
    return _found(session, city, moment, WATCH, 0, limit)


def _found(
    session: Session, city: str | None, moment: datetime, shown: str, first: int, limit: int
) -> tuple[list[Case], int]:
    """(Cases from the `first` on, without their notes; how many there are)."""
    asked = {"city": city, "moment": moment, "shown": shown, "first": first, "most": limit}
    rows = session.execute(_rows(city is None, shown if shown in ("", WATCH) else "state"), asked).all()
    return [_case(row[1:], city) for row in rows], rows[0].total if rows else 0


@lru_cache
def _counts(everywhere: bool) -> Any:
    """(state, how many, how many of them to watch)."""
    each = CaseTables(everywhere).each().c
    return sa_select(each.state, func.count(), func.sum(case((each.watch, 1), else_=0))).group_by(each.state)


@lru_cache
def _rows(everywhere: bool, kind: str) -> Any:
    """The cases to WATCH, all (""), or ("state") those in the one given as `shown`."""
    tables = CaseTables(everywhere)
    each = tables.each().c
    asked = [each.watch] if kind == WATCH else [each.state == bindparam("shown")] if kind else []
    query = sa_select(*each, func.count().over().label("total")).where(*asked).order_by(*urgent_first(each))
    first, most = bindparam("first", type_=Integer()), bindparam("most", type_=Integer())
    return tables.rows(query.offset(first).limit(most).subquery())


def _case(row: Sequence[Any], city: str | None) -> Case:
    event, event_city, state, introduced_at, *sides = row
    a, b = (_side(part, city, introduced_at is not None) for part in (sides[:7], sides[7:]))
    own, other = (b, a) if b.is_own and not a.is_own else (a, b)
    return Case(event, event_city, CaseState(state), own, other, introduced_at)


def _side(part: Sequence[Any], city: str | None, is_introduced: bool) -> Side:
    sme_id, name, city_code, sector_code, interest, contact, account = part
    is_own = city in (None, city_code)
    is_named = is_own or is_introduced
    return Side(
        sme_id=sme_id,
        name=name if is_named else described(sector_code),
        is_named=is_named,
        is_own=is_own,
        city=city_name(city_code),
        group=next((row["group"] for row in sector_rows() if row["code"] == sector_code), ""),
        answer=interest.answer if interest else None,
        answered_at=interest.answered_at if interest else None,
        contact=contact,
        broker=account,
    )


def _with_notes(session: Session, city: str | None, cases: list[Case]) -> list[Case]:
    """What brokers left at each. The other city's are told by their city until the names are known."""
    if not cases:
        return []
    by_key = {_key(found): found for found in cases}
    notes: dict[tuple[int, int, int], list[Note]] = defaultdict(list)
    keys = tuple_(col(CaseNote.event_id), col(CaseNote.a_id), col(CaseNote.b_id))
    query = select(CaseNote, Account).join(Account, col(Account.id) == CaseNote.account_id).where(keys.in_(by_key))
    for row, account in session.exec(query.order_by(col(CaseNote.at), col(CaseNote.id))):
        key = (row.event_id, row.a_id, row.b_id)
        author = _author(account, knows=by_key[key].other.is_named or city in (None, account.city_code))
        notes[key].append(Note(author, row.account_id, row.kind, row.text, row.at))
    return [_noted(found, notes[key]) for key, found in by_key.items()]


def _key(found: Case) -> tuple[int, int, int]:
    a_id, b_id = sorted((found.own.sme_id, found.other.sme_id))
    return found.event.id, a_id, b_id


def _noted(found: Case, left: list[Note]) -> Case:
    return Case(
        found.event,
        found.city,
        found.state,
        found.own,
        found.other,
        found.introduced_at,
        notes=[note for note in left if note.kind is NoteKind.NOTE],
        followers=[note for note in left if note.kind is NoteKind.FOLLOWS],
    )


def _author(account: Account, *, knows: bool) -> str:
    if account.city_code is None:
        return account.name if knows else "The network’s administrator"
    city = city_name(account.city_code)
    return f"{account.name}, {city}" if knows else f"The broker of {city}"

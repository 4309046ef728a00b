"""An event's match list: its pairs filtered, sorted, and as the columns somebody chose. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from broker.domain.keys import text_key
from broker.domain.reports import Table
from broker.models import Answer

STATES = {
    "mutual": "Both said yes",
    "waiting": "One yes, the other has not answered",
    "declined": "Somebody declined",
    "unanswered": "Nobody has answered",
}
SORTS = {
    "strength": "Strongest first",
    "newest": "Newest answer first",
    "name": "By name",
    "city": "By city",
}
COLUMNS = {
    "city": "City",
    "sector": "Sector",
    "strength": "Strength",
    "answers": "Answers",
    "answered": "Time of the answers",
    "introduced": "Introduced",
    "reasons": "Reasons",
    "hub": "Hub",
    "languages": "Languages",
    "contacts": "Contact (both said yes)",
}
SHOWN = ("city", "sector", "strength", "answers")
"""The columns of whoever has not chosen any."""
DETAILED = frozenset({"reasons", "hub", "languages", "contacts"})
"""Columns for which more must be read."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for; empty values ask for nothing."""

    words: str = ""
    city: str = ""
    sector: str = ""
    state: str = ""
    at_least: int = 0
    """Strength in per cent."""
    sort: str = "strength"


class Side(NamedTuple):
    """One of the two SMEs of a pair, and what it says of the other. There are thousands: a tuple is made sooner."""

    sme_id: int
    name: str
    city: str
    city_name: str
    sector: str
    sector_name: str
    group: str
    answer: Answer | None
    answered_at: datetime | None


class PairRow(NamedTuple):
    """One pair of an event."""

    match_id: int
    one: Side
    other: Side
    strength: float
    introduced_at: datetime | None

    @property
    def state(self) -> str:
        """One of STATES."""
        if self.introduced_at is not None:
            return "mutual"
        answers = {self.one.answer, self.other.answer} - {None}
        if not answers:
            return "unanswered"
        return "waiting" if answers == {Answer.INTERESTED} else "declined"

    @property
    def newest_answer(self) -> datetime | None:
        """When one of the two answered last."""
        return max((side.answered_at for side in (self.one, self.other) if side.answered_at), default=None)


@dataclass(frozen=True, slots=True)
class Detail:
    """What else is known of a pair, where a column asks for it: each a text for the one and for the other."""

    reasons: tuple[str, str] = ("", "")
    hub: tuple[str, str] = ("", "")
    languages: tuple[str, str] = ("", "")
    contacts: tuple[tuple[str, str, str], tuple[str, str, str]] = (("", "", ""), ("", "", ""))
    """Name, e-mail and telephone; empty unless both said yes (law 7)."""

    def turned(self) -> "Detail":
        """The same from the other side."""
        return Detail(self.reasons[::-1], self.hub[::-1], self.languages[::-1], self.contacts[::-1])


@dataclass(frozen=True, slots=True)
class Counts:
    """The pairs of an event by state, and its SMEs by whether they answered at all."""

    pairs: int
    states: Mapping[str, int]
    smes: int
    silent: int


def counts(rows: Iterable[PairRow], silent: int) -> Counts:
    """Of all pairs, whatever is filtered."""
    rows = list(rows)
    smes = {row.one.sme_id for row in rows} | {row.other.sme_id for row in rows}
    return Counts(len(rows), Counter(row.state for row in rows), len(smes), silent)


def choices(rows: Iterable[PairRow]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(code, name) of every city, and of every sector, that there is to filter by."""
    sides = [side for row in rows for side in (row.one, row.other)]
    cities = dict({(side.city, side.city_name) for side in sides})
    sectors = dict({(side.sector, side.sector_name) for side in sides if side.sector})
    return _by_label(cities), _by_label(sectors)


def _by_label(choices: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(choices.items(), key=lambda choice: choice[1])


def fitting(rows: Iterable[PairRow], filters: Filters) -> list[PairRow]:
    """The pairs that fit, sorted; whoever is looked for stands first in its pair."""
    wanted = text_key(filters.words).split()
    found: list[PairRow] = []
    for row in rows:
        if filters.state not in ("", row.state) or 100 * row.strength < filters.at_least:
            continue
        if _fits(row.one, filters, wanted):
            found.append(row)
        elif _fits(row.other, filters, wanted):
            found.append(row._replace(one=row.other, other=row.one))
    return sorted(found, key=_ORDERS.get(filters.sort, _ORDERS["strength"]))


def _fits(side: Side, filters: Filters, wanted: Sequence[str]) -> bool:
    if filters.city not in ("", side.city) or filters.sector not in ("", side.sector):
        return False
    name = f" {_key(side.name)}" if wanted else ""
    return all(f" {word}" in name for word in wanted)


_key = lru_cache(maxsize=10_000)(text_key)


def _by_name(row: PairRow) -> tuple[str, str, int]:
    return _key(row.one.name), _key(row.other.name), row.match_id


def _by_answer(row: PairRow) -> tuple[float, float, int]:
    newest = row.newest_answer
    return -newest.timestamp() if newest else 0.0, -row.strength, row.match_id


_ORDERS: dict[str, Any] = {
    "strength": lambda row: (-row.strength, row.match_id),
    "newest": _by_answer,
    "name": _by_name,
    "city": lambda row: (row.one.city_name, row.other.city_name, *_by_name(row)),
}
FIELDS = {
    "city": ("{}_city",),
    "sector": ("{}_sector", "{}_group"),
    "answers": ("answer_{}",),
    "answered": ("answer_{}_at",),
    "reasons": ("reason_for_{}",),
    "hub": ("{}_hub",),
    "languages": ("{}_languages_in_english",),
    "contacts": ("{}_contact", "{}_email", "{}_phone"),
}
"""The columns of a file, of which there is one for each side; the others are of the pair."""
OF_PAIR = {"strength": "strength", "introduced": "introduced_at"}


def table(rows: Iterable[PairRow], columns: Sequence[str], details: Mapping[int, Detail]) -> Table:
    """The pairs as a file has them: a row each, with the chosen columns in their fixed order."""
    chosen = [name for name in COLUMNS if name in columns]
    head = ["sme", "partner"]
    for name in chosen:
        sides = [field.format(side) for side in ("sme", "partner") for field in FIELDS.get(name, ())]
        head += [OF_PAIR[name]] if name in OF_PAIR else sides
    return Table(tuple(head), [_cells(row, chosen, details.get(row.match_id, Detail())) for row in rows])


def _cells(row: PairRow, chosen: Sequence[str], detail: Detail) -> tuple[str, ...]:
    cells = [row.one.name, row.other.name]
    for name in chosen:
        if name == "strength":
            cells.append(f"{row.strength:.3f}")
        elif name == "introduced":
            cells.append(_time(row.introduced_at))
        else:
            cells += _of_side(name, row.one, detail, 0) + _of_side(name, row.other, detail, 1)
    return tuple(cells)


def _of_side(name: str, side: Side, detail: Detail, place: int) -> list[str]:
    if name == "contacts":
        return list(detail.contacts[place])
    told = {
        "city": [side.city_name],
        "sector": [side.sector_name, side.group],
        "answers": [side.answer.value if side.answer else ""],
        "answered": [_time(side.answered_at)],
    }
    return told[name] if name in told else [getattr(detail, name)[place]]


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else ""

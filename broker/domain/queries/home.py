"""What needs the brokers of a city today, each with a count and the first few, and the events that are coming."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, cast, func, literal, null, select, true, union_all
from sqlmodel import Session, col

from broker.db import UTCDateTime, now
from broker.domain import zones
from broker.domain.queries import todo
from broker.domain.queries.cases import Case, watched
from broker.domain.zones import Zone
from broker.models import City, Event, Interest, Introduction, Registration, Sme

FIRST = 4
"""How many of each task are told by name."""
EVENTS = 5
UNDATED = ("proposal", "mail", "consents", "sent_back", "finish", "publish", "review")
"""Reasons of `todo.conditions` without a date by which to act."""
ERASE_WITHIN = timedelta(days=30)
"""The law gives a month after an SME asked."""
READ = "read"
"""Profiles of other cities that wait for a second broker; who they are is not told."""


@dataclass(frozen=True, slots=True)
class Named:
    """An SME that a task is about, and by when."""

    sme_id: int
    name: str
    until: datetime | None
    zone: str
    """In which its days are counted: the event's, else that of its city."""


@dataclass(frozen=True, slots=True)
class Task:
    """One reason to do something: its name as the list's filter has it (or READ), how many SMEs, the first of them."""

    reason: str
    count: int
    first: list[Named]


@dataclass(frozen=True, slots=True)
class ComingEvent:
    """An event that is not over, with how the city's SMEs stand for it."""

    event: Event
    city: City
    registered: int
    answered: int
    introduced: int

    @property
    def zone(self) -> Zone:
        """That its times are told in."""
        return zones.of_event(self.event, self.city)


@dataclass(frozen=True, slots=True)
class Home:
    """The page of a city (or of all). `smes`: how many there are at all."""

    smes: int
    tasks: list[Task]
    cases: list[Case]
    cases_count: int
    events: list[ComingEvent]
    moment: datetime


def city_home(session: Session, city: str | None) -> Home:
    """What needs the brokers of a city (None: of all) now; three statements."""
    moment = now(session)
    smes, tasks = _tasks(session, city, moment)
    cases, count = watched(session, city, moment, FIRST)
    return Home(smes, tasks, cases, count, _events(session, city, moment), moment)


def _tasks(session: Session, city: str | None, moment: datetime) -> tuple[int, list[Task]]:
    """How many SMEs there are, and the tasks that are not done, in the order in which they are urgent."""
    rows: dict[str, list[Any]] = {}
    for row in session.execute(_tasks_statement(city is None), todo.at(moment) | {"city": city}):
        rows.setdefault(row.reason, []).append(row)
    everything = rows.pop("all", [])
    return everything[0].total if everything else 0, [_task(reason, found) for reason, found in rows.items()]


@lru_cache
def _tasks_statement(everywhere: bool) -> Any:
    """All tasks as one statement; it is large, so it is built once."""
    of_city = true() if everywhere else col(Sme.city_code) == bindparam("city")
    conditions, deadlines = todo.conditions(), todo.unanswered()
    return union_all(
        _arm("erasure", conditions["erasure"] & of_city, col(Sme.erasure_asked_at)),
        _arm("answer", of_city, deadlines.c.deadline, deadlines),
        *(_arm(reason, conditions[reason] & of_city) for reason in UNDATED),
        _arm("expiring", conditions["expiring"] & of_city, col(Sme.expires_at)),
        *([] if everywhere else [_arm(READ, conditions["review"] & ~of_city)]),
        _arm("all", of_city),
    )


def _arm(reason: str, condition: Any, until: Any = None, source: Any = None) -> Any:
    """(reason, id, name, until, its zone, how many in all) of the first SMEs: what is due first, then by name."""
    moment = cast(null(), UTCDateTime()) if until is None else until
    query = select(
        literal(reason).label("reason"),
        col(Sme.id).label("sme_id"),
        col(Sme.name).label("name"),
        moment.label("until"),
        (col(City.timezone) if source is None else source.c.zone).label("zone"),
        func.count().over().label("total"),
    ).join_from(Sme, City, col(City.code) == Sme.city_code)
    if source is not None:
        query = query.join(source, source.c.sme_id == Sme.id)
    order = [*([until] if until is not None else []), col(Sme.name_key), col(Sme.id)]
    first = query.where(condition).order_by(*order).limit(1 if reason == "all" else FIRST).subquery()
    return select(first.c.reason, first.c.sme_id, first.c.name, first.c.until, first.c.zone, first.c.total)


def _task(reason: str, rows: Sequence[Any]) -> Task:
    given = ERASE_WITHIN if reason == "erasure" else timedelta()
    named = [Named(row.sme_id, row.name, row.until + given if row.until else None, row.zone) for row in rows]
    return Task(reason, rows[0].total, [] if reason == READ else named)


def _events(session: Session, city: str | None, moment: datetime) -> list[ComingEvent]:
    """Events that are not over, the next first; also those where none of the city is registered yet."""
    ours = select(col(Sme.id)).where(true() if city is None else col(Sme.city_code) == city)
    registered = select(func.count()).where(col(Registration.event_id) == Event.id, col(Registration.sme_id).in_(ours))
    answered = select(func.count(func.distinct(Interest.sme_id))).where(
        col(Interest.event_id) == Event.id, col(Interest.sme_id).in_(ours)
    )
    introduced = select(func.count()).where(
        col(Introduction.event_id) == Event.id, col(Introduction.a_id).in_(ours) | col(Introduction.b_id).in_(ours)
    )
    counts = [query.correlate(Event).scalar_subquery() for query in (registered, answered, introduced)]
    query = select(Event, City, *counts).join(City, col(City.code) == Event.city_code)
    rows = session.execute(query.where(col(Event.ends_at) > moment).order_by(col(Event.starts_at)).limit(EVENTS))
    return [ComingEvent(*row) for row in rows]

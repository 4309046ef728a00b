"""What the organiser's page of registrations reads. SMEs that are not registered are only counted, never named."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func
from sqlmodel import Session, col, select

from broker.domain.queries.shortlists import place
from broker.models import INACTIVE, City, Consent, Event, Hub, Purpose, Registration, Sector, Sme

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class CityGauge:
    """How full a city is: SMEs registered, SMEs that could be as well, and the places for it (None: no limit)."""

    city: City
    registered: int
    waiting: int
    places: int | None

    @property
    def possible(self) -> int:
        """SMEs that are or could be registered."""
        return self.registered + self.waiting

    @property
    def over(self) -> int:
        """SMEs more than there are places."""
        return max(self.registered - self.places, 0) if self.places is not None else 0

    @property
    def room(self) -> int:
        """What a full gauge stands for."""
        return max(self.places if self.places is not None else self.possible, 1)


@dataclass(frozen=True, slots=True)
class Participant:
    """A registered SME; `late` where it came after the deadline."""

    sme: Sme
    city: City
    hub: str
    sector: Sector | None
    registered_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class ParticipantPage:
    """One page of those registered."""

    rows: Sequence[Participant]
    total: int
    page: int
    pages: int


def gauges(session: Session, event: Event) -> list[CityGauge]:
    """Every city that has SMEs or places, by name; one statement."""
    registered = exists().where(col(Registration.event_id) == event.id, col(Registration.sme_id) == Sme.id)
    mine = func.count().filter(registered)
    could = func.count().filter(_can_take_part(), ~registered)
    counted = (
        select(Sme.city_code.label("code"), mine.label("mine"), could.label("could"))  # type: ignore[attr-defined]
        .group_by(Sme.city_code)
        .subquery()
    )
    rows = session.exec(
        select(City, counted.c.mine, counted.c.could)
        .outerjoin(counted, counted.c.code == City.code)
        .order_by(City.name)
    )
    found = [CityGauge(city, mine or 0, could or 0, event.places.get(city.code)) for city, mine, could in rows]
    return [row for row in found if row.registered or row.possible or row.places is not None]


def _can_take_part() -> Any:
    left = exists().where(
        col(Consent.sme_id) == Sme.id, col(Consent.purpose) == Purpose.MATCHING, col(Consent.withdrawn_at).is_not(None)
    )
    return col(Sme.status).not_in(INACTIVE) & ~left


def participants(
    session: Session, event: Event, city: str | None = None, *, late_only: bool = False, page: int = 1
) -> ParticipantPage:
    """Who is registered, by name; of one city or of all; late ones only if asked."""
    query = (
        select(Registration, Sme, City, Hub.name, Sector, func.count().over())  # type: ignore[call-overload]
        .join(Sme, col(Sme.id) == Registration.sme_id)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(Registration.event_id == event.id)
        .order_by(func.lower(Sme.name), col(Sme.id))
    )
    if city:
        query = query.where(Sme.city_code == city)
    if late_only and event.register_until is not None:
        query = query.where(col(Registration.registered_at) > event.register_until)
    found = session.exec(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    total = found[0][-1] if found else 0
    if not found and page > 1:
        return participants(session, event, city, late_only=late_only)
    number, pages, _ = place(page, total, PAGE_SIZE)
    until = event.register_until
    rows = [
        Participant(sme, home, hub or "", sector, row.registered_at, bool(until and row.registered_at > until))
        for row, sme, home, hub, sector, _ in found
    ]
    return ParticipantPage(rows, total, number, pages)


def waiting(session: Session, event: Event, city: str) -> tuple[Counter[str], Counter[str]]:
    """SMEs of a city that could be registered and are not: how many by hub, and by sector ("" for none)."""
    registered = exists().where(col(Registration.event_id) == event.id, col(Registration.sme_id) == Sme.id)
    rows = session.exec(
        select(Hub.name, Sector.name, func.count())
        .select_from(Sme)
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(Sme.city_code == city, ~registered, _can_take_part())
        .group_by(Hub.name, Sector.name)
    )
    hubs, sectors = Counter[str](), Counter[str]()
    for hub, sector, n in rows:
        hubs[hub or ""] += n
        sectors[sector or ""] += n
    return hubs, sectors

"""Workshops: create and change one, register SMEs and withdraw them, pin and ban pairs."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit
from broker.domain.involvement import EVENT, WITHDRAWN
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import INACTIVE, City, Consent, Event, Purpose, Registration, Sme

YEARS = range(2000, 2201)
"""Leaves room on both sides for every zone and deadline; anything else is a slip of the keyboard."""


def _moment(value: object) -> datetime:
    """A date and time in ISO 8601; a bare number is none, though it could be one in Unix time."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        moment = None
    if moment is None or moment.year not in YEARS:
        raise ValueError(f"expected a date and time such as 2027-03-24T09:30, from {YEARS[0]} to {YEARS[-1]}")
    return moment


Moment = Annotated[datetime, BeforeValidator(_moment)]


class EventData(BaseModel):
    """What an organiser fills in. Times without a zone are the city's."""

    name: str = Field(min_length=1, max_length=200)
    city: str = Field(min_length=1, max_length=40)
    starts: Moment
    ends: Moment
    venue: str = Field("", max_length=200)
    policy: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> "EventData":
        if (self.starts.tzinfo is None) == (self.ends.tzinfo is None) and self.ends <= self.starts:
            raise ValueError("the end must be later than the start")
        return self


def parse(**fields: Any) -> EventData:
    """EventData from plain values; InvalidError says which field and what was expected."""
    try:
        return EventData(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{where or 'event'}: {first['msg'].removeprefix('Value error, ')}") from error


def create(session: Session, actor: str, data: EventData, organiser_id: int | None = None) -> Event:
    """A new event; its city gives its time zone. InvalidError for an unknown city."""
    city = session.get(City, data.city)
    if city is None:
        raise InvalidError(f"city: {data.city!r} is not one of the network's cities")
    starts, ends = (_in_zone(moment, city) for moment in (data.starts, data.ends))
    if ends <= starts:
        raise InvalidError("ends: the end must be later than the start")
    event = Event(
        name=data.name,
        city_code=city.code,
        venue=data.venue,
        starts_at=starts,
        ends_at=ends,
        answers_until=starts,
        zone=city.timezone,
        organiser_id=organiser_id,
        policy=data.policy,
        created_at=now(session),
    )
    session.add(event)
    session.flush()
    audit.record(session, actor, "event.create", f"event {event.id}", name=event.name)
    return event


def add(session: Session, actor: str, columns: Mapping[str, Any], organiser_id: int) -> Event:
    """A new event of an organiser, as its form says."""
    event = Event(**columns, organiser_id=organiser_id, created_at=now(session))
    session.add(event)
    session.flush()
    audit.record(session, actor, "event.create", f"event {event.id}", name=event.name)
    return event


def lock(session: Session, event_id: int) -> Event:
    """The event, its row ours until the end of the transaction; NotFoundError. Answers are not kept waiting."""
    event = session.get(Event, event_id, with_for_update={"key_share": True}, populate_existing=True)
    if event is None:
        raise NotFoundError(f"There is no event {event_id}.")
    return event


def change(session: Session, actor: str, event_id: int, version: int, columns: Mapping[str, Any]) -> list[str]:
    """Write what differs; the columns that did. ConflictError where another version than `version` is there by now."""
    event = lock(session, event_id)
    if event.version != version:
        raise ConflictError("Somebody else changed this event in the meantime.")
    changed = [name for name, value in columns.items() if getattr(event, name) != value]
    for name in changed:
        setattr(event, name, columns[name])
    if changed:
        event.version += 1
        session.add(event)
        session.flush()
        audit.record(session, actor, "event.change", f"event {event_id}", changed=changed)
    return changed


def set_places(session: Session, actor: str, event_id: int, places: Mapping[str, int]) -> None:
    """How many SMEs of each city there is room for; a city not named has no limit."""
    event = lock(session, event_id)
    if event.places != places:
        event.places = dict(places)
        session.add(event)
        audit.record(session, actor, "event.places", f"event {event_id}", **places)


def _in_zone(moment: datetime, city: City) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(city.timezone))).astimezone(UTC)


def get(session: Session, event_id: int) -> Event:
    """The event, or NotFoundError."""
    event = session.get(Event, event_id)
    if event is None:
        raise NotFoundError(f"There is no event {event_id}.")
    return event


def register(session: Session, actor: str, event_id: int, sme_ids: Collection[int]) -> int:
    """Register SMEs; those already registered stay as they are. Returns how many are new."""
    event = get(session, event_id)
    there = set(session.exec(select(Registration.sme_id).where(Registration.event_id == event_id)))
    moment = now(session)
    new = sorted(set(sme_ids) - there)
    session.add_all(Registration(event_id=event_id, sme_id=sme_id, registered_at=moment) for sme_id in new)
    session.flush()
    if new:
        audit.record(session, actor, "event.register", f"event {event.id}", count=len(new))
    return len(new)


def withdraw(session: Session, actor: str, event_id: int, sme_id: int) -> Registration | None:
    """Take an SME off an event; the registration there was, which `withdrawals.undo` takes. Its link opens nothing any
    more; what it answered and was told stays."""
    row = session.exec(
        select(Registration).where(Registration.event_id == event_id, Registration.sme_id == sme_id)
    ).one_or_none()
    if row is not None:
        session.delete(row)
        session.flush()
        audit.record(session, actor, WITHDRAWN, f"{EVENT}{event_id}", sme=sme_id)
    return row


def where(event: Event, city: City) -> list[str]:
    """Venue, address and city, as they are told to SMEs; the city only where neither of the others names it."""
    told = [line for line in (event.venue, event.address) if line]
    return told if any(city.name in line for line in told) else [*told, city.name]


def can_register(session: Session, city: str | None = None) -> list[int]:
    """Ids of every SME that is not paused or expired and has not withdrawn from matching, of one city or of all."""
    withdrawn = select(Consent.sme_id).where(
        Consent.purpose == Purpose.MATCHING, col(Consent.withdrawn_at).is_not(None)
    )
    query = (
        select(Sme.id)
        .where(
            col(Sme.status).not_in(INACTIVE),
            col(Sme.id).not_in(withdrawn),
        )
        .order_by(col(Sme.id))
    )
    if city is not None:
        query = query.where(Sme.city_code == city)
    return [sme_id for sme_id in session.exec(query) if sme_id is not None]

"""An event as programs write and read it; what they write goes through the form of an event, and is checked there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from broker.domain import event_form
from broker.domain.event_form import EventDetails, FormError
from broker.domain.event_hours import BREAK_FIELD, MOST_BREAKS, breaks_of, clock_text
from broker.domain.events import Moment
from broker.domain.shortlists import policies
from broker.models import City, Event
from broker.web.api.problems import FieldProblem, refused
from broker.web.api.schemas import UNSENT, Partial, Strict, Text, Told

PLACES = {
    "city": "city_code",
    "first_day": "starts_at",
    "day_from": "starts_at",
    "last_day": "ends_at",
    "day_to": "ends_at",
}
"""Where a program finds the fields of the form that are called otherwise there."""
CLOCK = {"examples": ["12:30"]}


def _bounds(name: str) -> dict[str, Any]:
    """Told in the description of the API, and checked by the form, in its words."""
    low, high = (policies.LIMITS | event_form.NUMBERS)[name]
    return {"minimum": low, "maximum": high}


def _length(name: str) -> dict[str, Any]:
    return {"maxLength": event_form.LENGTHS[name]}


class BreakTimes(Strict):
    """A pause of every day."""

    name: Annotated[Text, Field(max_length=80, description="“Break” where it is empty.")] = ""
    begins: Annotated[Text, Field(min_length=1, max_length=8, json_schema_extra=CLOCK)]
    ends: Annotated[Text, Field(min_length=1, max_length=8, json_schema_extra=CLOCK)]


class PolicyIn(Partial):
    """What is asked of every shortlist. Null sets a number back to the default."""

    min_partners: Annotated[int | None, Field(json_schema_extra=_bounds("min_partners"))] = None
    max_partners: Annotated[int | None, Field(json_schema_extra=_bounds("max_partners"))] = None
    max_lists: Annotated[int | None, Field(json_schema_extra=_bounds("max_lists"))] = None
    min_other_city: Annotated[int | None, Field(json_schema_extra=_bounds("min_other_city"))] = None
    min_other_sector: Annotated[int | None, Field(json_schema_extra=_bounds("min_other_sector"))] = None
    min_creative_growth: Annotated[int | None, Field(json_schema_extra=_bounds("min_creative_growth"))] = None
    require_other_city: bool | None = None
    require_other_sector: bool | None = None
    dial: Annotated[
        float | None,
        Field(json_schema_extra={"minimum": 0, "maximum": 1}, description="0 deepens, 1 explores."),
    ] = None


class EventChange(Partial):
    """What of an event is to be changed; the rest stays. Times without a zone are the event's, to the minute."""

    name: Annotated[Text, Field(json_schema_extra=_length("name") | {"minLength": 1})] = UNSENT
    city_code: Annotated[Text, Field(max_length=40)] = UNSENT
    zone: Annotated[Text, Field(max_length=64, description="An IANA name; null is that of the city.")] | None = None
    venue: Annotated[Text, Field(json_schema_extra=_length("venue"))] = UNSENT
    address: Annotated[Text, Field(json_schema_extra=_length("address"))] = UNSENT
    starts_at: Moment = UNSENT
    ends_at: Annotated[Moment, Field(description="At most a month later; every day ends at its time of day.")] = UNSENT
    slot_minutes: Annotated[int, Field(json_schema_extra=_bounds("slot_minutes"))] = UNSENT
    tables: Annotated[int, Field(json_schema_extra=_bounds("tables"))] = UNSENT
    breaks: Annotated[list[BreakTimes], Field(max_length=MOST_BREAKS, description="Of every day: all of them.")] = (
        UNSENT
    )
    register_until: Annotated[Moment | None, Field(description="Null: until it begins.")] = None
    answers_until: Annotated[Moment | None, Field(description="Null: until it begins.")] = None
    policy: Annotated[PolicyIn | None, Field(description="What is not sent of it stays; null is the default.")] = None


class EventIn(EventChange):
    """A new event. Times without a zone are its own, to the minute."""

    name: Annotated[Text, Field(json_schema_extra=_length("name") | {"minLength": 1})]
    city_code: Annotated[Text, Field(max_length=40)]
    starts_at: Moment
    ends_at: Annotated[Moment, Field(description="At most a month later; every day ends at its time of day.")]


class Policy(Told):
    """What is asked of every shortlist."""

    min_partners: int
    max_partners: int
    max_lists: int
    min_other_city: int
    min_other_sector: int
    min_creative_growth: int
    require_other_city: bool
    require_other_sector: bool
    dial: float
    """0 deepens, 1 explores."""


class BreakOut(Told):
    """A pause of every day. What is told is never refused, whatever a table holds."""

    name: str
    begins: str
    ends: str


class EventOut(Told):
    """An event of the caller's."""

    id: int
    name: str
    city_code: str
    zone: str
    """An IANA name: of the breaks, and of times that are sent without a zone."""
    venue: str
    address: str
    starts_at: datetime
    ends_at: datetime
    slot_minutes: int
    tables: int
    breaks: list[BreakOut]
    register_until: datetime | None
    """Null: until it begins."""
    answers_until: datetime
    policy: Policy
    created_at: datetime

    @classmethod
    def of(cls, event: Event) -> "EventOut":
        """As stored."""
        columns = {name: getattr(event, name) for name in cls.model_fields}
        pauses = [
            {"name": pause.name, "begins": clock_text(pause.begins), "ends": clock_text(pause.ends)}
            for pause in breaks_of(event.breaks)
        ]
        return cls(**columns | {"breaks": pauses, "policy": policies.complete(event.policy)})


def details(body: EventChange, stored: Mapping[str, str], cities: Mapping[str, City]) -> EventDetails:
    """The event the form would make of what is stored and sent. ApiError 422 names the fields that cannot be used."""
    try:
        return event_form.read(_typed(body.model_dump(exclude_unset=True), stored, cities), cities)
    except FormError as error:
        errors = [FieldProblem(field=_place(name), message=told) for name, told in error.problems.items()]
        raise refused(*errors) from error


def _typed(sent: Mapping[str, Any], stored: Mapping[str, str], cities: Mapping[str, City]) -> dict[str, str]:
    """What is sent, as if it were typed over what is stored."""
    fields = dict(stored)
    for name in ("name", "zone", "venue", "address", "slot_minutes", "tables"):
        if name in sent:
            fields[name] = _text(sent[name])
    fields["city"] = sent.get("city_code", fields["city"])
    zone = event_form.zone_of(fields, cities.get(fields["city"]))
    for name, day, clock in (("starts_at", "first_day", "day_from"), ("ends_at", "last_day", "day_to")):
        if name in sent:
            fields[day], _, fields[clock] = _local(sent[name], zone).partition("T")
    for name in ("register_until", "answers_until"):
        if name in sent:
            fields[name] = _local(sent[name], zone)
    if "policy" in sent:
        fields |= policies.fields_of({}) if sent["policy"] is None else _texts(sent["policy"])
    return fields if "breaks" not in sent else _with_breaks(fields, sent["breaks"])


def _text(value: object) -> str:
    """A box that is ticked says 1, one that is not says nothing; so does what is sent as null."""
    return "1" if value is True else "" if value is None or value is False else str(value)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    return f"{moment.astimezone(zone) if moment.tzinfo else moment:%Y-%m-%dT%H:%M}"


def _with_breaks(fields: Mapping[str, str], breaks: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Rows of the form count from 1."""
    rows = {
        f"break_{part}_{number}": pause[name]
        for number, pause in enumerate(breaks, 1)
        for part, name in (("name", "name"), ("from", "begins"), ("to", "ends"))
    }
    return {name: text for name, text in fields.items() if not BREAK_FIELD.fullmatch(name)} | rows


def _place(field: str) -> str:
    """What a program calls a field of the form."""
    kind, _, number = field.rpartition("_")
    if kind == "break":
        return f"breaks.{int(number) - 1}"
    return f"policy.{field}" if field in policies.LABELS else PLACES.get(field, field)

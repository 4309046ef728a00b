"""The form of an event: from its fields to an event, and back. What cannot be used is told field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from broker.domain.event_hours import Break, breaks_of, clock_text, minute_of, read_breaks, stored
from broker.domain.events import YEARS
from broker.domain.shortlists import policies
from broker.errors import InvalidError
from broker.models import City, Event

LABELS = {
    "name": "Name",
    "city": "City",
    "zone": "Time zone",
    "venue": "Venue",
    "address": "Address",
    "first_day": "First day",
    "last_day": "Last day",
    "day_from": "Begins at",
    "day_to": "Ends at",
    "slot_minutes": "Minutes of a meeting",
    "tables": "Tables",
    "breaks": "Breaks",
    "register_until": "Registration until",
    "answers_until": "Answers until",
} | policies.LABELS
LENGTHS = {"name": 200, "venue": 200, "address": 200}
NUMBERS = {"slot_minutes": (5, 180), "tables": (1, 500)}
MOST_DAYS = 30
EXPECTED_MOMENT = "expected a date and time such as 2027-03-24T09:30"
Fields = Mapping[str, str]


class FormError(InvalidError):
    """What cannot be used, by field; its words name the first."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        name, told = next(iter(self.problems.items()))
        super().__init__(f"{label(name)}: {told}.")


@dataclass(frozen=True, slots=True)
class EventDetails:
    """What the form says, read and checked; the names are those of the event's columns."""

    name: str
    city_code: str
    zone: str
    venue: str
    address: str
    starts_at: datetime
    ends_at: datetime
    slot_minutes: int
    tables: int
    breaks: Sequence[Break]
    register_until: datetime | None
    answers_until: datetime
    policy: dict[str, Any]

    def columns(self) -> dict[str, Any]:
        """By column of the event."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"breaks": stored(self.breaks)}


def label(field: str) -> str:
    """What a field is called on the form; a break's by its row."""
    kind, _, number = field.rpartition("_")
    return f"Break {number}" if kind == "break" else LABELS.get(field, field)


def empty() -> dict[str, str]:
    """The fields of an event nobody has described yet."""
    blank = dict.fromkeys(LABELS, "") | {"day_from": "09:30", "day_to": "17:30", "slot_minutes": "20", "tables": "10"}
    return blank | policies.fields_of({})


def fields_of(event: Event, city: City) -> dict[str, str]:
    """An event as its form shows it."""
    zone = ZoneInfo(event.zone)
    starts, ends = event.starts_at.astimezone(zone), event.ends_at.astimezone(zone)
    fields = {
        "name": event.name,
        "city": event.city_code,
        "zone": "" if event.zone == city.timezone else event.zone,
        "venue": event.venue,
        "address": event.address,
        "first_day": f"{starts:%Y-%m-%d}",
        "last_day": f"{ends:%Y-%m-%d}",
        "day_from": f"{starts:%H:%M}",
        "day_to": f"{ends:%H:%M}",
        "slot_minutes": str(event.slot_minutes),
        "tables": str(event.tables),
        "register_until": _local(event.register_until, zone),
        "answers_until": _local(event.answers_until, zone),
    }
    rows = {
        f"break_{part}_{number}": text
        for number, pause in enumerate(breaks_of(event.breaks), 1)
        for part, text in (("name", pause.name), ("from", clock_text(pause.begins)), ("to", clock_text(pause.ends)))
    }
    return empty() | fields | rows | policies.fields_of(event.policy)


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}" if moment else ""


def read(fields: Fields, cities: Mapping[str, City]) -> EventDetails:
    """The event in the fields of the form; FormError names every field that cannot be used, and what was expected."""
    problems: dict[str, str] = {}
    texts = {name: _text(fields, name, most, problems) for name, most in LENGTHS.items()}
    city = cities.get(fields.get("city", ""))
    if city is None:
        problems["city"] = "expected one of the network's cities"
    zone = zone_of(fields, city)
    if fields.get("zone", "").strip() not in zones() | {""}:
        problems["zone"] = "expected a name such as Europe/Berlin, or nothing for that of the city"
    numbers = {name: _number(fields, name, *bounds, problems) for name, bounds in NUMBERS.items()}
    span = _span(fields, zone, problems)
    breaks = read_breaks(fields, problems)
    deadlines = _deadlines(fields, zone, span, problems)
    reading = policies.read(fields)
    problems |= reading.problems
    if problems or city is None or span is None or deadlines is None:
        raise FormError({name: problems[name] for name in sorted(problems, key=_place)})
    typed_zone = fields.get("zone", "").strip()
    return EventDetails(
        name=texts["name"],
        venue=texts["venue"],
        address=texts["address"],
        city_code=city.code,
        zone=typed_zone or (city.timezone if city else "UTC"),
        starts_at=span[0],
        ends_at=span[1],
        slot_minutes=numbers["slot_minutes"],
        tables=numbers["tables"],
        breaks=breaks,
        register_until=deadlines[0],
        answers_until=deadlines[1],
        policy=reading.policy,
    )


def _place(field: str) -> int:
    order = list(LABELS)
    return order.index(field) if field in order else order.index("breaks")


def _text(fields: Fields, name: str, most: int, problems: dict[str, str]) -> str:
    text = " ".join(fields.get(name, "").split())
    if name == "name" and not text:
        problems[name] = "expected a name, such as Internationalisation Workshop"
    if len(text) > most:
        problems[name] = f"expected at most {most} letters"
    return text


def _number(fields: Fields, name: str, low: int, high: int, problems: dict[str, str]) -> int:
    text = fields.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and low <= int(text) <= high):
        problems[name] = f"expected a whole number from {low} to {high}"
        return low
    return int(text)


@cache
def zones() -> frozenset[str]:
    """UTC, and the names of all time zones with a place in them."""
    return frozenset(
        name for name in available_timezones() if name == "UTC" or ("/" in name and not name.startswith("Etc/"))
    )


def zone_of(fields: Fields, city: City | None) -> ZoneInfo:
    """The zone in which the form's times are: the one typed, else the city's; UTC where neither is known."""
    typed = fields.get("zone", "").strip()
    return ZoneInfo(typed if typed in zones() else city.timezone if city else "UTC")


def _span(fields: Fields, zone: ZoneInfo, problems: dict[str, str]) -> tuple[datetime, datetime] | None:
    """(start, end) in UTC: the first day's beginning and the last day's end."""
    first, last = (_day(fields, name, problems) for name in ("first_day", "last_day"))
    begins, ends = (minute_of(fields.get(name, "")) for name in ("day_from", "day_to"))
    for name, minute in (("day_from", begins), ("day_to", ends)):
        if minute is None:
            problems[name] = "expected a time such as 09:30"
    if first is None or last is None or begins is None or ends is None:
        return None
    wrong = {}
    if last < first:
        wrong["last_day"] = "expected the first day or a later one"
    if (last - first).days > MOST_DAYS:
        wrong["last_day"] = "expected at most a month after the first day"
    if last == first and ends <= begins:
        wrong["day_to"] = f"expected a time later than {clock_text(begins)}"
    problems |= wrong
    return None if wrong else (_moment(first, begins, zone), _moment(last, ends, zone))


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(*divmod(minute, 60)), zone).astimezone(UTC)


def _day(fields: Fields, name: str, problems: dict[str, str]) -> date | None:
    text = fields.get(name, "").strip()
    if name == "last_day" and not text:
        text = fields.get("first_day", "").strip()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        problems[name] = f"expected a date such as 2027-03-24, from {YEARS[0]} to {YEARS[-1]}"
        return None
    return day


def _deadlines(
    fields: Fields, zone: ZoneInfo, span: tuple[datetime, datetime] | None, problems: dict[str, str]
) -> tuple[datetime | None, datetime] | None:
    """(registration until, answers until); answers end as the event begins where nothing is said."""
    register, answers = (_deadline(fields, name, zone, problems) for name in ("register_until", "answers_until"))
    if span is None:
        return None
    answers = answers or span[0]
    if answers > span[1]:
        problems["answers_until"] = "expected a time before the event ends"
    if register is not None and register > span[1]:
        problems["register_until"] = "expected a time before the event ends"
    return register, answers


def _deadline(fields: Fields, name: str, zone: ZoneInfo, problems: dict[str, str]) -> datetime | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(second=0, microsecond=0)
        if moment.year not in YEARS:
            raise ValueError
    except ValueError:
        problems[name] = EXPECTED_MOMENT
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def differences(typed: Fields, stored: Fields) -> list[tuple[str, str, str]]:
    """(label, what is stored now, what was typed) of every field in which the two differ; breaks as one."""
    rows = [
        (text, stored.get(name, ""), typed.get(name, "").strip())
        for name, text in LABELS.items()
        if name != "breaks" and not _same(stored.get(name, ""), typed.get(name, ""))
    ]
    before, now = (_breaks_told(fields) for fields in (stored, typed))
    return rows + ([(LABELS["breaks"], before, now)] if before != now else [])


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return " ".join(one.split()) == " ".join(other.split())


def _breaks_told(fields: Fields) -> str:
    pauses = read_breaks(fields, {})
    return ", ".join(f"{pause.name} {clock_text(pause.begins)}–{clock_text(pause.ends)}" for pause in pauses)

"""The zone that an event's own times are shown and typed in."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from broker.errors import InvalidError
from broker.models import City, Event

UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Zone:
    """An IANA zone by the name people know it by: as with a city, whose zone it may be."""

    timezone: str
    name: str

    @property
    def label(self) -> str:
        """ "Berlin time"; UTC is no city's."""
        return UTC if self.timezone == UTC else f"{self.name} time"


def of_event(event: Event, city: City) -> Zone:
    """The zone of an event in this city; another than the city's is called by its own name."""
    own = event.zone == city.timezone
    return Zone(event.zone, city.name if own else event.zone.rpartition("/")[2].replace("_", " "))


def of_mail(event: Event, city: City) -> dict[str, Any]:
    """What the templates of a mail about an event read: `zone` to turn a time into it, `time` to name it."""
    return {"zone": ZoneInfo(event.zone), "time": of_event(event, city).label}


def choices(cities: Collection[City], standing: str) -> list[tuple[str, str]]:
    """(zone, words) of what an organiser may choose: the cities', UTC, and the one that stands."""
    named = {city.timezone: f"{city.name} ({city.timezone})" for city in cities} | {UTC: UTC}
    return list(named.items()) if standing in named else [(standing, standing), *named.items()]


def checked(name: str) -> str:
    """An IANA zone as it was typed; InvalidError for what is none."""
    if name not in available_timezones():
        raise InvalidError("Time zone: expected a name such as Europe/Berlin, or UTC.")
    return name


def time_left(moment: datetime, until: datetime, timezone: str) -> str:
    """In words: "in 2 days" by the calendar of this zone, "in 20 hours", "in less than an hour"."""
    hours = (until - moment) // timedelta(hours=1)
    if hours < 1:
        return "in less than an hour"
    today, last = (day.astimezone(ZoneInfo(timezone)).date() for day in (moment, until))
    days = (last - today).days
    if hours < 36 or days < 2:
        return "in 1 hour" if hours == 1 else f"in {hours} hours"
    return f"in {days} days"

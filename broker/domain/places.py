"""Cities and sectors: load them from `data/`, and find the one a spreadsheet means."""

import re
from functools import lru_cache
from typing import Any

from sqlmodel import Session, col, select

from broker.domain.keys import key_index, read_table, split_words, text_key
from broker.domain.languages import country_code
from broker.domain.sectors import SectorGuess, find_sector
from broker.domain.zones import UTC, Zone
from broker.models import City, Sector

__all__ = [
    "SectorGuess",
    "cities",
    "city_codes",
    "city_name",
    "city_names",
    "city_zone",
    "find_city",
    "find_sector",
    "load_reference",
    "sector_rows",
]

SEGMENTS = re.compile(r"[,;/()\[\]|\n]| [-–—] ")
POSTCODE = re.compile(
    r"^(?:[A-Z]{1,3}[- ])?(?:\d{2}[- ]\d{3}|\d{3} \d{2}|\d{4}[- ]\d{3}|\d{4,5}(?: ?[A-Z]{2})?(?= )"
    r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?= ))[ ,]*"
)
"""Postcodes of our ten countries before the name: 10115, D-10115, 1012 AB, 111 20, 1100-148, 00-001, B2 4QA."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


LEADING = _words(
    "city town of the greater metropolitan stadt land hansestadt hauptstadt landeshauptstadt stadtgemeinde gemeinde "
    "magistrat mesto hlavni statutarni miasto m st stoleczne gmina municipio concelho distrito cidade de area "
    "metropolitana comune citta di provincia stad kommun lan linn linna municipality region regiao"
)
"""Words that may stand before a city's name without making it another place."""
ELSEWHERE = ("linz am rhein", "roma norte", "roma sur", "berlin heights", "rome city")
"""Places that begin like one of ours and are not."""
AMERICAN_STATES = _words(
    "al ak az ar ca co ct de fl ga hi ia id il in ks ky la ma md me mi mn mo ms mt nc nd ne nh nj nm nv ny oh ok or "
    "pa ri sc sd tn tx ut va vt wa wi wv wy alabama connecticut georgia illinois indiana iowa kansas maryland "
    "massachusetts michigan missouri new-hampshire new-jersey new-york north-dakota ohio oregon pennsylvania texas "
    "tennessee vermont wisconsin ontario"
)
"""Where the namesakes of our cities are; DE is left to Germany."""


def load_reference(session: Session) -> None:
    """Bring cities and sectors up to `data/cities.csv` and `data/sectors.csv`; safe to repeat."""
    for row in read_table("cities.csv"):
        fields: dict[str, Any] = {name: value for name, value in row.items() if name != "aliases"}
        session.merge(City.model_validate(fields))
    for position, row in enumerate(read_table("sectors.csv")):
        session.merge(Sector(code=row["code"], name=row["name"], group=row["group"], position=position))
    session.flush()


def cities(session: Session) -> list[City]:
    """All cities of the network by name."""
    return list(session.exec(select(City).order_by(col(City.name))))


def city_names() -> list[str]:
    """The English names of the network's cities, in order."""
    return sorted(row["name"] for row in read_table("cities.csv"))


@lru_cache
def names_by_code() -> dict[str, str]:
    """The English name of each of the network's cities by its code."""
    return {row["code"]: row["name"] for row in read_table("cities.csv")}


def city_codes() -> list[str]:
    """The codes of the network's cities, by their English names."""
    return [row["code"] for row in sorted(read_table("cities.csv"), key=lambda row: row["name"])]


def sector_rows() -> tuple[dict[str, str], ...]:
    """Our sectors in their own order, as `data/sectors.csv` has them; no question to the database."""
    return read_table("sectors.csv")


def city_name(code: str) -> str:
    """The English name of a city's code; the code itself where it is none of ours."""
    return names_by_code().get(code, code)


@lru_cache
def city_zone(code: str | None) -> Zone:
    """The zone of a city by its code; UTC for none of ours. No question to the database."""
    rows = (row for row in read_table("cities.csv") if row["code"] == code)
    return next((Zone(row["timezone"], row["name"]) for row in rows), Zone(UTC, UTC))


@lru_cache(maxsize=2_000)
def find_city(text: str) -> str | None:
    """The code of the city `text` names in any spelling or language; None for none, another place, or two."""
    key = text_key(text)
    if key.startswith(ELSEWHERE):
        return None
    if key in _aliases():
        return _aliases()[key]
    segments = [segment.strip() for segment in SEGMENTS.split(text) if segment.strip()]
    found = {city: rest for city, rest in map(_city_of_segment, segments) if city is not None}
    if len(found) != 1:
        return None
    [(city, rest)] = found.items()
    others = [segment for segment in segments if _city_of_segment(segment)[0] is None]
    return None if any(_is_abroad(place, city) for place in (*others, *rest)) else city


@lru_cache
def _aliases() -> dict[str, str]:
    return key_index(
        (name, row["code"]) for row in read_table("cities.csv") for name in (row["code"], *split_words(row["aliases"]))
    )


@lru_cache
def _longest_alias() -> int:
    return max(len(alias.split()) for alias in _aliases())


@lru_cache(maxsize=2_000)
def _city_of_segment(segment: str) -> tuple[str | None, tuple[str, ...]]:
    """The city a segment begins with, and the words after it as they were written."""
    written = re.split(r"[\s\-–.]+", POSTCODE.sub("", segment).strip())
    words = [text_key(word) for word in written]
    while words and words[0] in LEADING:
        words, written = words[1:], written[1:]
    for size in range(_longest_alias(), 0, -1):
        city = _aliases().get(" ".join(words[:size]))
        if city is not None and len(words) >= size:
            return city, tuple(written[size:])
    return None, ()


def _is_abroad(place: str, city: str) -> bool:
    """Whether `place` names a state of America, or a country other than the city's ('Rome, GA')."""
    country = next(row["country"] for row in read_table("cities.csv") if row["code"] == city)
    if len(place) == 2 and not place.isupper():
        return False  # "in" and "de" are words, IN and DE are codes
    named = country_code(place)
    if named is not None:
        return named != country
    return "-".join(text_key(place).split()) in AMERICAN_STATES

"""Which column of a spreadsheet means what: guessed from its header in ten languages, or given."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from broker.domain.keys import read_table, split_words, text_key
from broker.errors import InvalidError

NOTHING = ("", "-")
"""Given as the header of a field: no column means it, whatever the guess."""
BARE_NAMES = frozenset({"name", "nome", "naam", "namn", "nimi", "vardas", "jmeno", "imie"})
"""Beside 'Company', a column 'Name' holds a person's."""


def labels() -> dict[str, str]:
    """{field: what people call it}, in the order in which a form asks for them."""
    fields = {row["field"]: row["label"] for row in read_table("columns.csv")}
    first = ("name", "city", "hub", "sector", "tags", "description", "offers", "needs")
    return {field: fields[field] for field in (*first, *(field for field in fields if field not in first))}


def guess(headers: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, int]:
    """{field: index of its column}; each column means one thing. InvalidError for an unknown field or header."""
    chosen = {field: _find_header(headers, field, header) for field, header in (given or {}).items()}
    found = {field: at for field, at in chosen.items() if at is not None}
    keys = [text_key(header) for header in headers]
    for guesses in (_exact(keys), _persons(keys), _contained(keys)):
        for field, at in guesses:
            if field not in found and field not in chosen and at not in found.values():
                found[field] = at
    return found


def require(found: Mapping[str, int], headers: Sequence[str], has_city: bool) -> None:
    """InvalidError unless there is a column for the name, and one for the city or a city given for all rows."""
    if missing := lacking(found, has_city):
        raise InvalidError(
            f"No column for the {' and the '.join(missing)} was recognised. The headers found are: {listed(headers)}. "
            f"Say which one it is, e.g. {missing[0]}={headers[0]}"
            f"{', or give one city for the whole file' if 'city' in missing else ''}."
        )


def lacking(found: Collection[str], has_city: bool) -> list[str]:
    """The fields no file can do without for which there is no column."""
    return [field for field in ("name", "city") if field not in found and not (field == "city" and has_city)]


def listed(headers: Sequence[str]) -> str:
    """The headers for a message, long ones cut."""
    return ", ".join(header[:60] for header in headers[:40])


def _find_header(headers: Sequence[str], field: str, header: str) -> int | None:
    if field not in labels():
        raise InvalidError(f"There is no field {field!r}. The fields are: {', '.join(labels())}.")
    if header.strip() in NOTHING:
        return None
    for same in (str.strip, text_key):
        matching = [at for at, found in enumerate(headers) if same(found) == same(header)]
        if matching:
            return matching[0]
    raise InvalidError(f"There is no column {header!r}. The headers found are: {listed(headers)}.")


def _exact(keys: Sequence[str]) -> list[tuple[str, int]]:
    """Best first: of two headers that fit a field, the one whose word stands earlier in our list."""
    fits = [(rank, at, field) for at, key in enumerate(keys) for field, rank in _names().get(key, {}).items()]
    return [(field, at) for _, at, field in sorted(fits)]


def _persons(keys: Sequence[str]) -> list[tuple[str, int]]:
    return [("contact", at) for at, key in enumerate(keys) if key in BARE_NAMES]


def _contained(keys: Sequence[str]) -> list[tuple[str, int]]:
    """Headers that hold a known word among others ('Was suchen Sie?'); the most telling fields first."""
    fits = []
    for order, row in enumerate(read_table("columns.csv")):
        for word in _contained_words(row["field"]):
            fits += [(order, -len(word), at, row["field"]) for at, key in enumerate(keys) if f" {word} " in f" {key} "]
    return [(field, at) for _, _, at, field in sorted(fits)]


@lru_cache
def _names() -> dict[str, dict[str, int]]:
    """{key of a header: {field: how good a name it is, 0 the best}}."""
    names: dict[str, dict[str, int]] = {}
    for row in read_table("columns.csv"):
        for rank, name in enumerate((*split_words(row["exact"]), row["label"], row["field"])):
            names.setdefault(text_key(name), {}).setdefault(row["field"], rank)
    return names


@lru_cache
def _contained_words(field: str) -> tuple[str, ...]:
    row = next(row for row in read_table("columns.csv") if row["field"] == field)
    return tuple(text_key(word) for word in split_words(row["contained"]))

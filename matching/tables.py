"""The CSV files the commands read. What is wrong with one is told in one line: the file, the row, what was expected."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matching.profile import Pair, Profile, pair

COLUMNS = [
    "id",
    "name",
    "city",
    "country",
    "sector",
    "description",
    "offers",
    "needs",
    "languages",
    "activity",
    "group",
    "markets",
    "readiness",
    "owner",
]
ANSWERS = {"interested": True, "yes": True, "1": True, "not now": False, "never": False, "no": False, "0": False}
NO_ANSWER = "already know"  # says nothing about whether the two fit
LARGEST_FIELD = 10_000_000  # characters; the csv module's own limit is 131,072


class InputError(ValueError):
    """A file cannot be used; the message is one line that says which, where and why."""


@dataclass(frozen=True, slots=True)
class Table:
    """The profiles of a file, and how often each was seen before (0 where the file does not say), by id."""

    profiles: tuple[Profile, ...]
    activity: dict[str, float]


def rows_of(path: Path, required: Sequence[str], known: Sequence[str] = ()) -> list[dict[str, str]]:
    """The file's rows by column, stripped; columns that are neither required nor known are refused."""
    csv.field_size_limit(LARGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            require_columns(path, header, required, known)
            rows = [{name: (row.get(name) or "").strip() for name in header} for row in reader]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: no CSV file in UTF-8 ({error})") from error
    if not rows:
        raise InputError(f"{path}: no rows below the header")
    return rows


def require_columns(path: Path, header: Sequence[str], required: Sequence[str], known: Sequence[str]) -> None:
    """InputError for an empty file, and for columns missing, unknown or given twice."""
    if not any(header):
        raise InputError(f"{path}: the file is empty; expected the columns {', '.join(required)}")
    for name in required:
        if name not in header:
            raise InputError(f"{path}: no column '{name}'; found {', '.join(header)}")
    for name in header:
        if name not in (*required, *known):
            raise InputError(f"{path}: unknown column '{name}'; expected {', '.join([*required, *known])}")
        if header.count(name) > 1:
            raise InputError(f"{path}: column '{name}' stands there twice")


def read_profiles(path: Path) -> Table:
    """`profiles.csv`: any column but `id` may be missing or empty."""
    rows = rows_of(path, ["id"], COLUMNS[1:])
    profiles, activity = [], {}
    for line, row in enumerate(rows, start=2):
        if not row["id"]:
            raise InputError(f"{path}, row {line}: no id")
        if row["id"] in activity:
            raise InputError(f"{path}, row {line}: id {row['id']} stands there twice")
        activity[row["id"]] = number(path, line, "activity", row.get("activity", "")) or 0.0
        profiles.append(profile_of(path, line, row))
    return Table(tuple(profiles), activity)


def profile_of(path: Path, line: int, row: dict[str, str]) -> Profile:
    """One row as a profile; lists are separated by semicolons."""
    group = row.get("group", "").casefold()
    if group not in ("", "creative", "growth"):
        raise InputError(f"{path}, row {line}: group '{group}' must be 'creative', 'growth' or empty")
    readiness = number(path, line, "readiness", row.get("readiness", ""))
    if readiness is not None and readiness not in (1, 2, 3, 4, 5):
        raise InputError(f"{path}, row {line}: readiness {row['readiness']} must be 1, 2, 3, 4 or 5")
    return Profile(
        id=row["id"],
        name=row.get("name", "") or row["id"],
        city=row.get("city", ""),
        country=row.get("country", ""),
        sector=row.get("sector", ""),
        group=group,
        description=row.get("description", ""),
        offers=listed(row.get("offers", "")),
        needs=listed(row.get("needs", "")),
        languages=frozenset(code.casefold() for code in listed(row.get("languages", ""))),
        markets=frozenset(code.upper() for code in listed(row.get("markets", ""))),
        readiness=None if readiness is None else int(readiness),
        owner=row.get("owner", ""),
    )


def listed(cell: str) -> tuple[str, ...]:
    """The entries of a cell, once each."""
    return tuple(dict.fromkeys(part.strip() for part in cell.split(";") if part.strip()))


def number(path: Path, line: int, column: str, cell: str) -> float | None:
    """A cell as a finite number, None where it is empty."""
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise InputError(f"{path}, row {line}: {column} '{cell}' must be a number from 0 on")
    return value


def read_pairs(path: Path, known: Iterable[str]) -> dict[str, frozenset[str]]:
    """`pairs.csv`: the partners of each query; an id that no profile has is an error."""
    ids = frozenset(known)
    found: dict[str, set[str]] = {}
    for line, row in enumerate(rows_of(path, ["query", "partner"]), start=2):
        for column in ("query", "partner"):
            if row[column] not in ids:
                raise InputError(f"{path}, row {line}: {column} '{row[column]}' is in no profile")
        if row["query"] == row["partner"]:
            raise InputError(f"{path}, row {line}: {row['query']} as its own partner")
        found.setdefault(row["query"], set()).add(row["partner"])
    return {query: frozenset(partners) for query, partners in sorted(found.items())}


def read_history(path: Path | None) -> frozenset[Pair]:
    """`history.csv`: who already worked with whom, ids outside the profiles included; nothing without a file."""
    if path is None:
        return frozenset()
    rows = rows_of(path, ["a", "b"])
    for line, row in enumerate(rows, start=2):
        if not row["a"] or not row["b"]:
            raise InputError(f"{path}, row {line}: a pair needs both ids")
    return frozenset(pair(row["a"], row["b"]) for row in rows if row["a"] != row["b"])


def read_answers(path: Path, known: Iterable[str]) -> dict[Pair, bool]:
    """`answers.csv`: by SME and partner shown to it, in this order, whether it was interested."""
    ids = frozenset(known)
    found: dict[Pair, bool | None] = {}
    for line, row in enumerate(rows_of(path, ["sme", "partner", "answer"]), start=2):
        for column in ("sme", "partner"):
            if row[column] not in ids:
                raise InputError(f"{path}, row {line}: {column} '{row[column]}' is in no profile")
        asked, answer = (row["sme"], row["partner"]), " ".join(row["answer"].casefold().replace("_", " ").split())
        if answer not in (*ANSWERS, NO_ANSWER):
            expected = ", ".join([*ANSWERS, NO_ANSWER])
            raise InputError(f"{path}, row {line}: answer '{row['answer']}' must be one of {expected}")
        if asked[0] == asked[1]:
            raise InputError(f"{path}, row {line}: {asked[0]} as its own partner")
        if asked in found:
            raise InputError(f"{path}, row {line}: {asked[0]} answers on {asked[1]} twice")
        found[asked] = ANSWERS.get(answer)
    return {asked: answer for asked, answer in sorted(found.items()) if answer is not None}


def read_texts(path: Path) -> list[dict[str, str]]:
    """Reference texts of a background, each once in its language."""
    rows = rows_of(path, ["lang", "text"])
    for line, row in enumerate(rows, start=2):
        if not row["lang"] or not row["text"]:
            raise InputError(f"{path}, row {line}: a text needs both lang and text")
    return rows


def read_twins(path: Path) -> list[dict[str, str]]:
    """`languages.csv`: texts in one language with their English twins; rows that lack one of the three are left out."""
    rows = rows_of(path, ["lang", "text", "english"], ["code"])
    whole = [row for row in rows if row["lang"] and row["text"] and row["english"]]
    if not whole:
        raise InputError(f"{path}: no row has lang, text and english")
    return whole

"""Two people write one profile: what both can have, and in which fields one of them has to choose.

A form carries a mark of what each of its fields held when it was opened. A field is in conflict only where it was
changed by the writer and, since then, by somebody else to something different."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256
from itertools import groupby

THEIRS, MINE, BOTH = "theirs", "mine", "both"
SEPARATORS = {"offers": "\n", "needs": "\n", "languages": ", ", "markets": ", "}
"""Of the fields that are lists: of these one can have BOTH."""
MOST_COMPARED = 600
"""Words of a text; longer ones are not compared, because that takes long."""
Values = Mapping[str, str]
"""Fields as a form holds them, by name."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that two people changed in different ways."""

    field: str
    theirs: str
    mine: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a value; `is_only` where the other one does not have it."""

    text: str
    is_only: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """What may be saved as it is, and the fields that somebody has to choose in (there `values` has what is stored)."""

    values: dict[str, str]
    conflicts: tuple[Conflict, ...]


def mark(value: str) -> str:
    """What a form keeps of a field's value at the time it was opened."""
    return sha256(value.encode()).hexdigest()[:16]


def marks(values: Values) -> dict[str, str]:
    """The mark of each field."""
    return {field: mark(value) for field, value in values.items()}


def merge(stored: Values, typed: Values, seen: Values, choices: Values) -> Merged:
    """Stored and typed values brought together, field by field.

    seen: the marks of the fields when the form was opened; one that is missing equals nothing.
    choices: THEIRS, MINE or BOTH (the lines of both) for fields that were in conflict before."""
    values: dict[str, str] = {}
    conflicts = []
    for field, mine in typed.items():
        theirs = stored[field]
        if choices.get(field) == BOTH and field in SEPARATORS:
            mine = both(theirs, mine, SEPARATORS[field])
        is_settled = mine == theirs or choices.get(field) == THEIRS or seen.get(field) == mark(mine)
        if not is_settled and seen.get(field) != mark(theirs):
            conflicts.append(Conflict(field, theirs, mine))
            is_settled = True
        values[field] = theirs if is_settled else mine
    return Merged(values, tuple(conflicts))


def both(theirs: str, mine: str, separator: str) -> str:
    """Their entries, and after them those of mine that are not among them."""
    first = theirs.split(separator) if theirs else []
    return separator.join([*first, *(entry for entry in mine.split(separator) if entry and entry not in first)])


def compared(theirs: str, mine: str, separator: str = "") -> tuple[list[Piece], list[Piece]]:
    """Both values in pieces: the entries of lists, else runs of words. What has nothing in common is left unmarked."""
    a, b = _parts(theirs, separator), _parts(mine, separator)
    if max(len(a), len(b)) > MOST_COMPARED:
        return [Piece(theirs, False)], [Piece(mine, False)]
    blocks = SequenceMatcher(None, a, b).get_matching_blocks()
    in_a = {block.a + step for block in blocks for step in range(block.size)}
    in_b = {block.b + step for block in blocks for step in range(block.size)}
    if not in_a:
        in_a, in_b = set(range(len(a))), set(range(len(b)))
    if separator:
        return _pieces(a, in_a), _pieces(b, in_b)
    return _runs(_pieces(a, in_a)), _runs(_pieces(b, in_b))


def _parts(value: str, separator: str) -> list[str]:
    return [part for part in value.split(separator) if part] if separator else re.findall(r"\s*\S+", value)


def _pieces(parts: Sequence[str], shared: set[int]) -> list[Piece]:
    return [Piece(part, place not in shared) for place, part in enumerate(parts)]


def _runs(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one kind as one piece."""
    runs = groupby(pieces, key=lambda piece: piece.is_only)
    return [Piece("".join(piece.text for piece in run), is_only) for is_only, run in runs]

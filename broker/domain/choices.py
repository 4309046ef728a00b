"""What a broker decides about a row that may be an SME there is already."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Do(StrEnum):
    """What becomes of the row; without a decision it is left out."""

    SKIP = "skip"
    MERGE = "merge"
    SEPARATE = "separate"


class Take(StrEnum):
    """Whose value a merged field gets."""

    STORED = "stored"
    FILE = "file"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision; fields not in `take` are filled where they are empty, and new statements are added."""

    do: Do = Do.SKIP
    take: Mapping[str, Take] = field(default_factory=dict)


Choices = Mapping[int, Choice]
"""By row number."""
UNDECIDED = Choice()


@dataclass(frozen=True, slots=True)
class Side:
    """One field of which the row says something else than the profile. Without `options` nobody is asked."""

    field: str
    stored: Any
    file: Any
    options: tuple[Take, ...]
    take: Take


def to_json(choices: Choices) -> dict[str, Any]:
    """As they are kept with the file."""
    return {str(row): {"do": choice.do, "take": dict(choice.take)} for row, choice in choices.items()}


def from_json(kept: Mapping[str, Any]) -> dict[int, Choice]:
    """As they were kept."""
    return {
        int(row): Choice(Do(choice["do"]), {name: Take(take) for name, take in choice["take"].items()})
        for row, choice in kept.items()
    }

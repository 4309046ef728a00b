"""What the fault suite measured: how large it ran, its figures as a table and, on request, as a file."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

FULL = os.environ.get("FAULTS") == "full"
"""`make test-faults` runs in full; else every part runs at a size that suits each change."""
Figure = str | int | float
_measured: dict[str, dict[str, Figure]] = {}


def size(full: int, reduced: int) -> int:
    """How many: mails, kills, rounds."""
    return full if FULL else reduced


def databases(first: str) -> Sequence[str]:
    """Both kinds of database in full size, else only the one named; for parts that take long."""
    return ["sqlite", "postgresql"] if FULL else [first]


def note(fault: str, **figures: Figure) -> None:
    """Keep the figures of one fault; those noted later join the earlier ones."""
    rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}
    _measured.setdefault(fault, {}).update(rounded)


def seconds(values: list[float]) -> dict[str, Figure]:
    """Of some waits the middle one and the longest."""
    ordered = sorted(values)
    return {"recovery_median_s": ordered[len(ordered) // 2], "recovery_longest_s": ordered[-1]} if ordered else {}


def table() -> Iterator[str]:
    """One line a fault."""
    width = max((len(fault) for fault in _measured), default=0)
    for fault, figures in _measured.items():
        yield f"{fault:<{width}}  {_told(figures)}"


def _told(figures: Mapping[str, Figure]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())


def write(path: Path) -> None:
    """All figures as JSON."""
    path.write_text(json.dumps({"full": FULL, "figures": _measured}, indent=2, ensure_ascii=False) + "\n")

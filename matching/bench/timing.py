"""How a task is timed: beside its floor and its peers in the same run, so that a loaded machine slows all alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timing:
    """One task: seconds, those of its floor and of its peers measured beside it, and the ratio to the floor."""

    seconds: float
    floor_seconds: float
    ratio: float
    peers: dict[str, float] = field(default_factory=dict)
    notes: dict[str, float] = field(default_factory=dict)  # what else was measured: recall, a gap to a bound, …


def timing(
    seconds: float, floor: float, peers: dict[str, float] | None = None, notes: dict[str, float] | None = None
) -> Timing:
    """A Timing with its ratio, rounded to what a clock can tell."""
    return Timing(
        seconds=round(seconds, 5),
        floor_seconds=round(floor, 5),
        ratio=round(seconds / floor, 3),
        peers={name: round(value, 5) for name, value in (peers or {}).items()},
        notes={name: round(value, 5) for name, value in (notes or {}).items()},
    )


def best_of(times: int, task: Callable[[], object]) -> float:
    """The least seconds of some runs: what the machine can do when nothing else disturbs it."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        task()
        found.append(time.perf_counter() - start)
    return min(found)

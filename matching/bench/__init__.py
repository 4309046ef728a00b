"""Times of the engine beside the floor in the same run: figures of two machines, or two loads, do not compare."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from matching.bench import engine, selection
from matching.bench.encoder import encoder_rates

PARTS = {"engine": engine.tasks, "selection": selection.tasks}  # each gives Timings by name


def bench(home: Path, say: Callable[[str], None]) -> dict[str, object]:
    """All figures as one dictionary: 'tasks' (seconds beside floor and peers) and 'encoder' (texts per second)."""
    found: dict[str, object] = {}
    for part, tasks in PARTS.items():
        say(part)
        found |= {name: asdict(one) for name, one in tasks().items()}
    say("encoder")
    return {"tasks": found, "encoder": encoder_rates(home)}

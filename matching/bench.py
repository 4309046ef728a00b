"""Times of the engine beside the floor in the same run: figures of two machines, or two loads, do not compare."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.combination import Weights, assess
from matching.encoder import load_encoder
from matching.engine import build
from matching.fingerprint import precision
from matching.profile import Cohort, Policy, Profile, texts
from matching.statements import gather

SIZES = (102, 1000)  # a workshop like that of 2014, and a large brokerage event
DIMENSIONS, STATEMENTS = 384, 3
GROUPS = ("creative", "growth")
ENCODED = 240  # texts for the encoder's figure


@dataclass(frozen=True, slots=True)
class Timing:
    """One task: seconds, the floor's seconds measured beside it, and their ratio."""

    seconds: float
    floor_seconds: float
    ratio: float


def bench(home: Path, say: Callable[[str], None]) -> dict[str, object]:
    """All figures as one dictionary: 'tasks' (seconds beside their floor) and 'encoder' (texts per second)."""
    say("engine")
    tasks: dict[str, object] = {f"fit_{n}": asdict(fit_beside_product(n)) for n in SIZES}
    tasks[f"build_{SIZES[0]}"] = {"seconds": round(best_of(3, lambda: whole_build(SIZES[0])), 4)}
    say("encoder")
    return {"tasks": tasks, "encoder": encoder_rates(home)}


def synthetic(n: int, seed: int = 0) -> tuple[Cohort, dict[str, NDArray[np.float32]]]:
    """A cohort of n invented profiles in 11 cities and 12 sectors, and random vectors for its texts."""
    draw = np.random.default_rng(seed)
    people = tuple(invented(i, draw) for i in range(n))
    every = sorted({text for profile in people for text in texts(profile)})
    rows = draw.standard_normal((len(every), DIMENSIONS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Cohort(people), dict(zip(every, rows, strict=True))


def invented(i: int, draw: np.random.Generator) -> Profile:
    """A profile that says something different from every other."""
    said = [
        f"statement {word} of firm {i} about {draw.integers(1000)}" for word in ("one", "two", "three")[:STATEMENTS]
    ]
    return Profile(
        id=f"{i:05d}",
        name=f"Firm {i}",
        city=f"city {draw.integers(11)}",
        country="DE",
        sector=f"sector {draw.integers(12)}",
        group=GROUPS[int(draw.integers(2))],
        description=f"Firm {i} describes itself here.",
        offers=tuple(f"offer: {text}" for text in said),
        needs=tuple(f"need: {text}" for text in said),
        languages=frozenset({"en"}),
        markets=frozenset({"DE", "SE"}),
        readiness=int(draw.integers(1, 6)),
    )


def fit_beside_product(n: int) -> Timing:
    """All criteria of all pairs, beside one float64 product of the same needs and offers."""
    cohort, vectors = synthetic(n)
    gathered = gather(cohort.profiles, vectors)
    floor = best_of(3, lambda: gathered.needs.vectors @ gathered.offers.vectors.T)
    seconds = best_of(3, lambda: assess(cohort.profiles, gathered, Policy(), Weights()))
    return Timing(round(seconds, 4), round(floor, 5), round(seconds / floor, 1))


def whole_build(n: int) -> None:
    """Rules to evidence."""
    cohort, vectors = synthetic(n)
    build(cohort, vectors, Policy(), Weights(), seed=1)


def encoder_rates(home: Path) -> dict[str, object]:
    """Texts per second, and per second of CPU time, in float32 and in the arithmetic chosen for this machine."""
    sample = [f"We look for partner {i} who builds {'light and quiet ' * (i % 5)}machines." for i in range(ENCODED)]
    rates: dict[str, object] = {"chosen": precision()}
    for arithmetic in dict.fromkeys(("fp32", precision())):
        encoder = load_encoder("bundled", home, arithmetic)
        encoder.encode(sample[:16])  # the first call sets up kernels
        wall, cpu = time.perf_counter(), time.process_time()
        encoder.encode(sample)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rates[arithmetic] = {
            "texts_per_second": round(ENCODED / wall, 1),
            "texts_per_cpu_second": round(ENCODED / cpu, 1),
        }
    return rates


def best_of(times: int, task: Callable[[], object]) -> float:
    """The least seconds of some runs: what the machine can do when nothing else disturbs it."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        task()
        found.append(time.perf_counter() - start)
    return min(found)

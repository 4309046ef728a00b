"""The criteria and a whole build of invented cohorts."""

import numpy as np
from numpy.typing import NDArray

from matching.bench.timing import Timing, best_of, timing
from matching.combination import Weights, assess
from matching.engine import build, situation_of
from matching.pairs import all_pairs
from matching.profile import Cohort, Policy, Profile, texts

SIZES = (102, 1000)  # a workshop like that of 2014, and a large brokerage event
DIMENSIONS, STATEMENTS = 384, 3
GROUPS = ("creative", "growth")


def tasks() -> dict[str, Timing]:
    """Criteria of all pairs beside one product, and a whole build beside its criteria."""
    found = {f"fit_{n}": fit_beside_product(n) for n in SIZES}
    return found | {f"build_{SIZES[0]}": whole_build(SIZES[0])}


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
    situation = situation_of(*synthetic(n), Policy(), Weights())
    needs, offers = situation.texts.needs.vectors, situation.texts.offers.vectors
    floor = best_of(3, lambda: needs @ offers.T)
    return timing(best_of(3, lambda: assess(situation, all_pairs(n))), floor)


def whole_build(n: int) -> Timing:
    """Rules to evidence, beside the criteria alone."""
    cohort, vectors = synthetic(n)
    situation = situation_of(cohort, vectors, Policy(), Weights())
    floor = best_of(3, lambda: assess(situation, all_pairs(n)))
    return timing(best_of(3, lambda: build(cohort, vectors, Policy(), Weights(), seed=1)), floor)

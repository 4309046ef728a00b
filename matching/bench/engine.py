"""The criteria, the first pass and whole builds of invented cohorts."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matching import first_pass
from matching.bench.timing import Timing, best_of, timing
from matching.combination import Assessment, Situation, Weights, assess
from matching.engine import build, situation_of
from matching.pairs import Pairs, all_pairs
from matching.profile import Cohort, Policy, Profile, texts
from matching.shortfall import Outcome, shortfalls

SIZES = (102, 1000)  # a workshop like that of 2014, and a large brokerage event
LARGE = 3000  # where the first pass begins, and every pair can still be judged to compare
DIMENSIONS, STATEMENTS = 384, 3
TOPICS, SHARE = 400, 0.6  # what statements are about, and how much of a vector is its topic: cosine .36 within one
BEST = 20  # of each SME, that the first pass has to find
GROUPS = ("creative", "growth")


def tasks() -> dict[str, Timing]:
    """Criteria of all pairs beside one product, whole builds and shortfalls beside them, what the first pass finds."""
    found = {f"fit_{n}": fit_beside_product(n) for n in SIZES}
    found |= {f"build_{n}": whole_build(n) for n in SIZES}
    found |= {f"short_{n}": everybody_short(n) for n in SIZES}
    return found | {f"first_pass_{LARGE}": first_pass_beside_product(LARGE)}


def synthetic(n: int, seed: int = 0) -> tuple[Cohort, dict[str, NDArray[np.float32]]]:
    """A cohort of n invented profiles in 11 cities and 12 sectors, and vectors of its texts: a topic and noise."""
    draw = np.random.default_rng(seed)
    people = tuple(invented(i, draw) for i in range(n))
    every = sorted({text for profile in people for text in texts(profile)})
    topics, noise = (unit(draw.standard_normal((rows, DIMENSIONS))) for rows in (TOPICS, len(every)))
    about = np.array([int(text.rsplit("topic", 1)[1]) for text in every], dtype=np.int64)
    vectors = unit(SHARE * topics[about] + np.sqrt(1 - SHARE**2) * noise).astype(np.float32)
    return Cohort(people), dict(zip(every, vectors, strict=True))


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length one."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def invented(i: int, draw: np.random.Generator) -> Profile:
    """A profile that says something different from every other, about a few topics."""
    about = draw.integers(TOPICS, size=2 * STATEMENTS + 1).tolist()
    country = int(draw.integers(11))
    return Profile(
        id=f"{i:05d}",
        name=f"Firm {i}",
        city=f"city {country}",
        country=f"C{country}",
        sector=f"sector {draw.integers(12)}",
        group=GROUPS[int(draw.integers(2))],
        description=f"Firm {i} describes itself by topic{about[0]}",
        offers=tuple(f"firm {i} offers work on topic{topic}" for topic in about[1 : STATEMENTS + 1]),
        needs=tuple(f"firm {i} seeks help with topic{topic}" for topic in about[STATEMENTS + 1 :]),
        languages=frozenset({"en"}),
        markets=frozenset(f"C{market}" for market in draw.integers(11, size=3)),
        readiness=int(draw.integers(1, 6)),
    )


def invented_situation(n: int) -> Situation:
    """What the pairs of an invented cohort are judged by."""
    return situation_of(*synthetic(n), Policy(), Weights())


def fit_beside_product(n: int) -> Timing:
    """All criteria of all pairs, beside one float64 product of the same needs and offers."""
    situation = invented_situation(n)
    needs, offers = situation.texts.needs.vectors, situation.texts.offers.vectors
    floor = best_of(3, lambda: needs @ offers.T)
    return timing(best_of(3, lambda: assess(situation, all_pairs(n))), floor)


def whole_build(n: int) -> Timing:
    """Rules to evidence with all vectors at hand, beside the criteria alone."""
    cohort, vectors = synthetic(n)
    situation = invented_situation(n)
    floor = best_of(3, lambda: assess(situation, all_pairs(n)))
    return timing(best_of(3, lambda: build(cohort, vectors, Policy(), Weights(), seed=1)), floor)


def everybody_short(n: int) -> Timing:
    """Reasons and advice where all sit in one city and half state no needs, beside the criteria of all pairs."""
    cohort, vectors = synthetic(n)
    people = tuple(
        replace(p, city="city", needs=p.needs[: STATEMENTS * (i % 2)]) for i, p in enumerate(cohort.profiles)
    )
    situation = situation_of(Cohort(people), vectors, Policy(), Weights())
    nobody = Pairs(n, np.zeros(0, np.int64), np.zeros(0, np.int64))
    outcome = Outcome(situation, people, {"other_city": np.full(n, 2)}, np.full(n, 5), nobody)
    notes = {"short": float(len(shortfalls(outcome)))}
    floor = best_of(2, lambda: assess(situation, all_pairs(n)))
    return timing(best_of(2, lambda: shortfalls(outcome)), floor, notes=notes)


def first_pass_beside_product(n: int) -> Timing:
    """Finding candidates, beside the bare products of the same statements; notes: how many of the exact best are found.

    The peer judges every pair exactly, as cohorts up to this size are.
    """
    situation = invented_situation(n)
    needs, offers = (s.vectors.astype(np.float32) for s in (situation.texts.needs, situation.texts.offers))
    floor = best_of(2, lambda: (needs @ offers.T, offers @ needs.T))
    seconds = best_of(2, lambda: first_pass.candidates(situation))
    found = first_pass.candidates(situation)
    exact = assess(situation, all_pairs(n))
    peers = {"every_pair": best_of(1, lambda: assess(situation, all_pairs(n)))}
    return timing(seconds, floor, peers, {"recall": recall(exact, found), "candidates": 2 * len(found) / n})


def recall(exact: Assessment, found: Pairs) -> float:
    """The part of each SME's exact best partners that are among the candidates; equals count as one another."""
    n = found.n
    strength = np.zeros((n, n), np.float32)
    there = np.zeros((n, n), dtype=bool)
    strength[exact.pairs.first, exact.pairs.second] = exact.strength
    there[found.first, found.second] = True
    strength, there = strength + strength.T, there | there.T
    least = -np.partition(-strength, BEST - 1, axis=1)[:, BEST - 1 : BEST]
    best = (strength >= least) & (strength > 0)
    return float(np.mean(np.minimum((best & there).sum(axis=1) / np.minimum(best.sum(axis=1), BEST), 1)))

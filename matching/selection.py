"""Joint selection: all shortlists of a run are chosen together, as one set of undirected pairs.

A chosen pair stands on both lists, so both sides can answer. The programme: each SME on min to max lists, with its
minimums of partners from other cities, other sectors and across creative and growth; first the worst-served SME, then
the total. Every minimum is soft at a high price, so there always is an answer, and what it lacks can be told.

Solved with HiGHS: the linear relaxation on a sparse set of candidate pairs first. Its prices show which pairs outside
the set could still improve it; they are added until none can (column generation), so the bound holds for all pairs.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.pairs import Mask
from matching.programme import Programme, Relaxation, integral, relaxed

Array = NDArray[np.float64]

FIRST_CANDIDATES, PER_TRAIT = 12, 4  # pairs per SME to begin with: its best, and its best of each trait
TIE = 1e-6  # far below a strength's five digits: it decides between equals only
WORTH = 0.4  # what a further partner beyond the minimum must add: below it, a shorter list serves the SME better
NEARLY = 0.85  # of the highest share of its best list that all can have: what every SME must get
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What is asked of the lists: at most and at least so many pairs per SME, and so many with each trait; (n,)."""

    most: NDArray[np.int64]
    least: dict[str, NDArray[np.int64]]  # 'partners' and the traits, each no more than the candidates allow
    traits: dict[str, Mask]  # (n, n) which pairs have it; 'partners' all


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen pairs as places (i < j), and how far below the relaxation's bound they are, as part of their total."""

    pairs: tuple[tuple[int, int], ...]
    gap: float


def select_dense(
    strength: Array,
    mask: Mask,
    pinned: Mask,
    limits: Limits,
    ties: NDArray[np.uint64],
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Selection:
    """Choose the pairs; strength in 0..1, mask and pinned (n, n) symmetric, ties (n,) one random word per SME."""
    order = np.argsort(ties, kind="stable")  # the solver sees SMEs in this order, never in that of the input
    turned = np.ix_(order, order)
    utility = np.where(mask, strength, 0.0)[turned] + TIE * pair_ties(ties)[turned]
    problem = Programme(
        utility=utility,
        worth=WORTH,
        open=mask[turned],
        pinned=pinned[turned],
        most=limits.most[order],
        least={name: least[order] for name, least in limits.least.items()},
        traits={name: trait[turned] for name, trait in limits.traits.items()},
    )
    candidates = first_candidates(problem)
    candidates, best = grow(problem, candidates, None)
    tick(1, 3)
    share = NEARLY * float(np.round(best.share, 6))
    candidates, bound = grow(problem, candidates, share)
    tick(2, 3)
    chosen, value = integral(problem, candidates, share)
    tick(3, 3)
    places = sorted((min(a, b), max(a, b)) for a, b in ((int(order[i]), int(order[j])) for i, j in chosen))
    total = sum(utility[i, j] for i, j in chosen)
    return Selection(tuple(places), gap=float(np.round(max(0.0, bound.value - value) / max(1.0, total), 5)))


def random_words(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """(n,) one word per SME from its id and the seed alone."""
    digests = [hashlib.blake2b(f"{seed}\0{sme}".encode(), digest_size=8).digest() for sme in ids]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def pair_ties(words: NDArray[np.uint64]) -> Array:
    """(n, n) symmetric numbers in 0..1, one per pair of ids (finaliser of splitmix64 over the sum of both words)."""
    mixed = words[:, None] + words[None, :]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) / 2.0**64, np.float64)


def first_candidates(problem: Programme) -> Mask:
    """(n, n) symmetric: each SME's best pairs, its best of each trait, and the pins."""
    chosen = best_of_each(problem.utility, problem.open, FIRST_CANDIDATES)
    for trait in problem.traits.values():
        chosen |= best_of_each(problem.utility, problem.open & trait, PER_TRAIT)
    return (chosen | chosen.T | problem.pinned) & problem.open


def best_of_each(utility: Array, open_pairs: Mask, count: int) -> Mask:
    """(n, n): the `count` open pairs of highest utility in each row."""
    n = len(utility)
    chosen = np.zeros((n, n), dtype=bool)
    if n:
        best = np.argsort(np.where(open_pairs, -utility, np.inf), axis=1, kind="stable")[:, :count]
        np.put_along_axis(chosen, best, True, axis=1)
    return chosen & open_pairs


def grow(problem: Programme, candidates: Mask, share: float | None) -> tuple[Mask, Relaxation]:
    """Add pairs that the prices call for until the relaxation is optimal over all pairs."""
    for _ in range(ROUNDS):
        found = relaxed(problem, candidates, share)
        missing = problem.open & ~candidates & (found.saving > 1e-7)
        if not missing.any():
            return candidates, found
        added = best_of_each(found.saving, missing, FIRST_CANDIDATES)
        candidates = candidates | added | added.T
    return problem.open, relaxed(problem, problem.open, share)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is asked of the lists, over the open pairs of n SMEs; (m,) pairs and (n,) SMEs."""

    n: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    utility: Array
    pinned: NDArray[np.bool_]
    most: NDArray[np.int64]
    least: dict[str, NDArray[np.int64]]
    traits: dict[str, NDArray[np.bool_]]
    words: NDArray[np.uint64]


def select(problem: Problem, tick: Callable[[int, int], None] = lambda done, total: None) -> Selection:
    """(adapter until the edge-list selection is merged)"""

    def dense(values: Any, kind: Any) -> Any:
        full = np.zeros((problem.n, problem.n), dtype=kind)
        full[problem.first, problem.second] = values
        return np.maximum(full, full.T)

    return select_dense(
        dense(problem.utility, float),
        dense(True, bool),
        dense(problem.pinned, bool),
        Limits(problem.most, problem.least, {k: dense(v, bool) for k, v in problem.traits.items()}),
        problem.words,
        tick,
    )

"""The joint selection of invented strengths, beside the relaxation of all pairs solved from nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.bench.timing import Timing, best_of, timing
from matching.programme import WORTH, Problem, Programme
from matching.selection import Selection, random_words, select

SIZES = (500, 2000, 10_000)
POLICY_SIZES = (102, 2000)
PER_SME = 64  # candidate pairs: those among the best so many of one of the two
FULL = 8  # partners asked for, and at most, where no other policy is meant
DIMENSIONS, BLOCK = 16, 1000
POLICY = {"partners": 3, "other_city": 2, "other_sector": 2, "creative_growth": 1}
KINDS = {"other_city": 11, "other_sector": 12, "creative_growth": 2}  # values that tell SMEs apart, by trait
POLICY_MOST = 5


def tasks() -> dict[str, Timing]:
    """So many partners for each, and a policy with traits."""
    found = {f"selection_{n}": selected(invented(n, {"partners": FULL}, FULL)) for n in SIZES}
    return found | {f"selection_policy_{n}": selected(invented(n, POLICY, POLICY_MOST)) for n in POLICY_SIZES}


def invented(n: int, least: dict[str, int], most: int, seed: int = 0) -> Problem:
    """Strengths as of a need and an offer per SME, both ways, over each SME's best candidates."""
    draw = np.random.default_rng(seed)
    kinds = {trait: draw.integers(count, size=n) for trait, count in KINDS.items()}
    need, offer = draw.standard_normal((2, n, DIMENSIONS)) + 0.4 * draw.standard_normal(DIMENSIONS)
    first, second, utility = best_pairs(unit(need), unit(offer), min(PER_SME, n - 1))
    ends = np.concatenate([first, second])
    traits = {name: kinds[name][first] != kinds[name][second] for name in least if name in kinds}
    traits = {"partners": np.ones(len(first), dtype=bool), **traits}
    there = {name: np.bincount(ends[np.tile(trait, 2)], minlength=n) for name, trait in traits.items()}
    return Problem(
        n=n,
        first=first,
        second=second,
        utility=utility,
        pinned=np.zeros(len(first), dtype=bool),
        most=np.full(n, most),
        least={name: np.minimum(count, there[name]) for name, count in least.items()},
        traits=traits,
        words=random_words([str(i) for i in range(n)], seed=1),
    )


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length one."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def best_pairs(
    need: NDArray[np.float64], offer: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The union of each SME's best pairs and their strength: the harmonic mean of how well each serves the other."""
    n, keys, values = len(need), [], []
    for rows in np.array_split(np.arange(n), max(1, n // BLOCK)):
        there, back = fit(need[rows] @ offer.T), fit(offer[rows] @ need.T)
        strength = np.round(2 * there * back / (there + back), 5)
        strength[np.arange(len(rows)), rows] = -1
        best = np.argpartition(-strength, count - 1, axis=1)[:, :count]
        keys.append((np.minimum(rows[:, None], best) * n + np.maximum(rows[:, None], best)).ravel())
        values.append(np.take_along_axis(strength, best, axis=1).ravel())
    key, at = np.unique(np.concatenate(keys), return_index=True)
    return key // n, key % n, np.concatenate(values)[at]


def fit(product: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products of unit vectors as 0..1."""
    return np.asarray(1 / (1 + np.exp(1 - 4 * product)))


def selected(problem: Problem) -> Timing:
    """The whole selection; its floor is HiGHS from nothing on the relaxation with the limits of the lists alone."""
    found = select(problem)
    seconds = best_of(3, lambda: select(problem))
    notes = {"gap": found.gap, "short": float(left_short(problem, found)), "pairs": float(len(problem.first))}
    return timing(seconds, best_of(1, lambda: bound(problem)), notes=notes)


def left_short(problem: Problem, found: Selection) -> int:
    """How many SMEs have less than one of their minimums."""
    first, second = np.array(found.pairs, dtype=np.int64).reshape(-1, 2).T
    chosen = np.flatnonzero(np.isin(problem.first * problem.n + problem.second, first * problem.n + second))
    programme = Programme(problem)
    lacking = [programme.reached(name, chosen) < least for name, least in programme.least.items()]
    return int(np.any(lacking, axis=0).sum())


def bound(problem: Problem) -> None:
    """The relaxation of all pairs at once, minimums of traits and shares left out."""
    from scipy import sparse
    from scipy.optimize import linprog

    n, m = problem.n, len(problem.first)
    ends = np.concatenate([problem.first, problem.second])
    lists: Any = sparse.csr_array((np.ones(2 * m), (ends, np.tile(np.arange(m), 2))), shape=(n, m))
    least: Any = sparse.hstack([-lists, -sparse.eye_array(n)])
    most: Any = sparse.hstack([lists, sparse.csr_array((n, n))])
    rows: Any = sparse.vstack([most, least])
    limits = np.concatenate([problem.most, -problem.least["partners"]])
    cost = np.concatenate([WORTH - problem.utility, np.full(n, 400.0)])
    upper = np.concatenate([np.ones(m), np.full(n, np.inf)])
    solve: Any = linprog
    found = solve(cost, A_ub=rows, b_ub=limits, bounds=np.column_stack([np.zeros(m + n), upper]), method="highs")
    if found.status != 0:
        raise RuntimeError(f"the relaxation failed: {found.message}")

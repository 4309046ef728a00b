"""The joint selection as an integer programme over a list of pairs: what is asked for and what each lack costs.

Every pair is 0 or 1. An SME takes part in at most so many pairs and wants at least so many, at least so many of each
trait, and a share of its ideal list: the best list it could have, were it alone. Only the upper limit is hard. Every
other lack has a price, so there always is an answer, and what it lacks can be told.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]

SHARE = "share"
# Prices of one missing unit, each above what the ones after it can add. The share that even the worst-served SME lacks
# stands last: a hundredth of it outweighs any one pair.
PRICES = {"partners": 400.0, "other_city": 100.0, "other_sector": 100.0, "creative_growth": 100.0, SHARE: 80.0}
WORTH = 0.4  # what a further partner beyond the minimum must add: below it, a shorter list serves the SME better
NOTHING = 0.01  # a list that adds no more than this has no share worth asking for
SPARE, PER_TRAIT = 4, 4  # candidates of each SME to begin with: so many beyond a full list, and so many of each trait


@dataclass(frozen=True, slots=True)
class Problem:
    """The open pairs of a run and what is asked of the lists; m pairs of n SMEs, by place."""

    n: int
    first: Places  # (m,) first < second, in ascending order of (first, second)
    second: Places
    utility: Array  # (m,) 0..1
    pinned: NDArray[np.bool_]  # (m,) always chosen
    most: Places  # (n,) no less than an SME's pins
    least: dict[str, Places]  # 'partners' and the traits, each (n,), no more than the candidates allow
    traits: dict[str, NDArray[np.bool_]]  # (m,) which pairs have it; 'partners' all
    words: NDArray[np.uint64]  # (n,) one random word per SME


@dataclass(frozen=True)
class Programme:
    """A problem with SMEs in the order of their words and seeded ties added to the utility: what is solved."""

    problem: Problem

    @cached_property
    def gain(self) -> Array:
        """(m,) what a pair adds: its utility above what a further partner must be worth."""
        return self.problem.utility - WORTH

    @cached_property
    def weights(self) -> dict[str, Array]:
        """(m,) what a pair counts for each of its two SMEs: towards partners and traits one, towards the share."""
        counts = {name: self.problem.traits[name].astype(np.float64) for name in self.problem.least}
        counts[SHARE] = np.asarray(np.round(np.maximum(self.gain, 0.0), 5), np.float64)  # without the ties
        return counts

    @cached_property
    def least(self) -> dict[str, Places]:
        """(n,) the minimums, no more than fit on a list: what cannot be for anybody is told, not priced."""
        return {name: np.minimum(least, self.problem.most) for name, least in self.problem.least.items()}

    @cached_property
    def ranked(self) -> tuple[Places, Places, Places]:
        """(2m,) both ends of all pairs by SME, best first: the SME, the pair, and its rank on the SME's own list."""
        given = self.problem
        best_first = np.argsort(-given.utility, kind="stable")
        ends = np.column_stack([given.first[best_first], given.second[best_first]]).ravel()
        # Small integers are sorted by radix, which is several times faster.
        by_sme = np.argsort(ends.astype(np.min_scalar_type(max(given.n, 1))), kind="stable")
        sme, pair = ends[by_sme], best_first[by_sme // 2]
        return sme, pair, np.arange(len(sme)) - np.searchsorted(sme, np.arange(given.n))[sme]

    @cached_property
    def ideal(self) -> Array:
        """(n,) how well the best full list an SME could have would serve it; 0 if next to nothing would."""
        sme, pair, rank = self.ranked
        on_list = rank < self.problem.most[sme]
        served = np.bincount(sme[on_list], self.weights[SHARE][pair[on_list]], self.problem.n)
        return np.where(served > NOTHING, served, 0.0)

    def first_candidates(self) -> Places:
        """The pairs to begin with: each SME's best, its best of each trait, and the pins; ascending."""
        sme, pair, rank = self.ranked
        wanted = rank < self.problem.most[sme] + SPARE
        starts = np.searchsorted(sme, np.arange(self.problem.n))
        for trait in self.problem.traits.values():
            before = np.concatenate([[0], np.cumsum(trait[pair])])
            wanted |= trait[pair] & (before[:-1] - before[starts[sme]] < PER_TRAIT)
        return np.flatnonzero(np.bincount(pair[wanted], minlength=len(self.gain)) + self.problem.pinned)

    def reached(self, kind: str, pairs: Places, amount: Array | None = None) -> Array:
        """(n,) what some pairs (or an amount of each) add up to for each SME."""
        weight = self.weights[kind][pairs] * (1.0 if amount is None else amount)
        first, second, n = self.problem.first[pairs], self.problem.second[pairs], self.problem.n
        return np.asarray(np.bincount(first, weight, n) + np.bincount(second, weight, n))

    def shares(self, pairs: Places, amount: Array | None = None) -> Array:
        """(n,) how much of its ideal list each SME has; all of it where nothing would serve it."""
        some = self.ideal > 0
        return np.where(some, self.reached(SHARE, pairs, amount) / np.where(some, self.ideal, 1.0), 1.0)

    def value(self, pairs: Places, floor: float) -> float:
        """What a choice of pairs adds, less the prices of all it lacks; even the worst-served is to have `floor`."""
        lack = {kind: np.maximum(least - self.reached(kind, pairs), 0).sum() for kind, least in self.least.items()}
        lack[SHARE] = max(0.0, floor - self.shares(pairs).min())
        return float(self.gain[pairs].sum() - sum(PRICES[kind] * amount for kind, amount in lack.items()))

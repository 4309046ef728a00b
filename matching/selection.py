"""Joint selection: all shortlists of a run are chosen together, as one set of undirected pairs.

A chosen pair stands on both lists, so both sides can answer. The programme (`programme.py`): each SME on min to max
lists, with its minimums of partners from other cities, other sectors and across creative and growth; first the
worst-served SME, then the total. Its linear relaxation (`relaxation.py`) tells how high the share of its ideal list
can be that all get, and what no choice can exceed; whole pairs are made of it in `rounding.py`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matching.programme import Problem, Programme
from matching.relaxation import NEARLY, Relaxation
from matching.rounding import whole_pairs

__all__ = ["Problem", "Selection", "pair_ties", "random_words", "select"]

TIE = 1e-6  # far below a strength's five digits: it decides between equals only


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen pairs as places (i < j), and how far they may be from the best there are.

    The gap is to the bound on all choices, pairs in part included, that serve the worst-served SME as well; as part of
    the total strength.
    """

    pairs: tuple[tuple[int, int], ...]
    gap: float
    floor: float  # the share of its ideal list that every SME has


def select(problem: Problem, tick: Callable[[int, int], None] = lambda done, total: None) -> Selection:
    """Choose the pairs."""
    order = np.argsort(problem.words, kind="stable")  # the solver sees SMEs in this order, never in that of the input
    programme = Programme(with_ties(reordered(problem, order)))
    if not len(programme.gain):
        return Selection((), 0.0, NEARLY)
    relaxation = Relaxation(programme)
    relaxation.grow()
    tick(1, 3)
    floor = NEARLY
    if programme.shares(relaxation.pairs, relaxation.amount).min() < floor:
        floor *= relaxation.seek_highest_share()
    tick(2, 3)
    chosen, bound = choose(relaxation, floor, np.flatnonzero(programme.problem.pinned))
    if (reached := float(programme.shares(chosen).min())) < floor:  # whole pairs could not: once more from there
        floor = reached
        chosen, bound = choose(relaxation, floor, chosen)
    tick(3, 3)
    first, second = order[programme.problem.first[chosen]], order[programme.problem.second[chosen]]
    pairs = sorted(zip(np.minimum(first, second).tolist(), np.maximum(first, second).tolist(), strict=True))
    total = max(1.0, float(programme.problem.utility[chosen].sum()))
    gap = max(0.0, bound - programme.value(chosen, floor)) / total
    return Selection(tuple(pairs), gap=round(gap, 5), floor=floor)


def choose(relaxation: Relaxation, floor: float, known: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
    """The best pairs when all must have `floor` of their ideal list, or the known ones, and the bound for any such."""
    relaxation.fix_share(floor)
    relaxation.grow()
    bound = relaxation.value
    return whole_pairs(relaxation, floor, known), bound


def reordered(problem: Problem, order: NDArray[np.int64]) -> Problem:
    """The same problem with the SMEs in another order: `order` has the present place of each."""
    place = np.empty(problem.n, dtype=np.int64)
    place[order] = np.arange(problem.n)
    first, second = place[problem.first], place[problem.second]
    first, second = np.minimum(first, second), np.maximum(first, second)
    at = np.argsort(first * problem.n + second)
    return replace(
        problem,
        first=first[at],
        second=second[at],
        utility=problem.utility[at],
        pinned=problem.pinned[at],
        most=problem.most[order],
        least={name: least[order] for name, least in problem.least.items()},
        traits={name: trait[at] for name, trait in problem.traits.items()},
        words=problem.words[order],
    )


def with_ties(problem: Problem) -> Problem:
    """The same problem with a little added to each utility, so that none equals another."""
    ties = pair_ties(problem.words[problem.first], problem.words[problem.second])
    return replace(problem, utility=problem.utility + TIE * ties)


def random_words(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """(n,) one word per SME from its id and the seed alone."""
    digests = [hashlib.blake2b(f"{seed}\0{sme}".encode(), digest_size=8).digest() for sme in ids]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def pair_ties(one: NDArray[np.uint64], two: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in 0..1, one per pair of words whichever comes first (finaliser of splitmix64 over their sum)."""
    mixed = one + two
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) / 2.0**64, np.float64)

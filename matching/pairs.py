"""Pairs of SMEs as arrays: what is said of a pair is one number a pair, so that 100 SMEs and 10,000 take one path.

An array over pairs is (m,). What is said of a direction is (2, m): row 0 is what `second` is to `first`, row 1 what
`first` is to `second`; reversing the rows turns the direction round.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching.tiles import in_workers

Places = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Undirected pairs of n SMEs by their places: first < second, in ascending order of (first, second).

    But seen from some SMEs (see with_everybody) these come first.
    """

    n: int
    first: Places
    second: Places

    def __len__(self) -> int:
        return len(self.first)

    def where(self, chosen: Mask | Places) -> "Pairs":
        """Those for which `chosen` (m,) holds, or those at these places."""
        return Pairs(self.n, self.first[chosen], self.second[chosen])

    def codes(self) -> Places:
        """(m,) one number a pair, whichever of the two comes first; rising as the pairs do."""
        return np.asarray(np.minimum(self.first, self.second) * self.n + np.maximum(self.first, self.second))

    def counts(self, chosen: Mask) -> Places:
        """(n,) at how many of the chosen pairs each SME is."""
        return np.bincount(self.first[chosen], minlength=self.n) + np.bincount(self.second[chosen], minlength=self.n)


def all_pairs(n: int) -> Pairs:
    """Every pair of n SMEs."""
    first, second = np.triu_indices(n, 1)
    return Pairs(n, first, second)


def pairs_of(place: int, n: int) -> Pairs:
    """One SME with each other, in the order of the others' places."""
    others = np.delete(np.arange(n), place)
    return Pairs(n, np.minimum(others, place), np.maximum(others, place))


def with_everybody(places: Sequence[int] | Places, n: int) -> Pairs:
    """Each of some SMEs, in rising order, with every SME in turn: a table of len(places) rows and n columns.

    It holds each with itself, too, which is no pair: the caller leaves it out.
    """
    chosen = np.asarray(places, dtype=np.int64)
    return Pairs(n, np.repeat(chosen, n), np.tile(np.arange(n), len(chosen)))


def pairs_from(one: Places, other: Places, n: int) -> Pairs:
    """Pairs from two arrays of places in any order: once each, nobody with itself."""
    apart = one != other
    low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    codes = np.unique(low.astype(np.int64) * n + high)
    return Pairs(n, codes // max(n, 1), codes % max(n, 1))


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive pairs: where they stand, the SMEs at either end once each, each pair's row and column among them."""

    span: slice
    firsts: Places
    seconds: Places
    row: Places
    column: Places


CELLS = 250_000  # SMEs times SMEs of a block: what a block computes of all pairs at once fits the memory


def blocks(pairs: Pairs, most: int = CELLS) -> Iterator[Block]:
    """All pairs, block by block: many rows (`most` at most) where nearly all of their pairs are asked for, else
    SME by SME.

    The pairs of one SME (see pairs_of) are two blocks: those in which it comes second, and those in which first.
    """
    dense = 8 * len(pairs) > (np.count_nonzero(np.diff(pairs.first)) + 1) * pairs.n
    rows = max(1, min(most, CELLS // max(pairs.n, 1))) if dense else 1
    edges = np.searchsorted(pairs.first, np.arange(0, pairs.n + rows, rows))
    last = int(np.searchsorted(pairs.first, pairs.first[-1])) if len(pairs) else 0
    if not dense and np.all(pairs.second[:last] == pairs.second[:1]):
        edges = np.array([0, last, len(pairs)])
    for start, end in pairwise(edges.tolist()):
        if end > start:
            span = slice(start, end)
            firsts, row = once_each(pairs.first[span], pairs.n)
            seconds, column = once_each(pairs.second[span], pairs.n)
            yield Block(span, firsts, seconds, row, column)


def once_each(places: Places, n: int) -> tuple[Places, Places]:
    """The distinct places in order, and for each place its position among them; np.unique without its sort."""
    there = np.zeros(n, dtype=bool)
    there[places] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[places]


def by_block(pairs: Pairs, work: Callable[[Block], None], most: int = CELLS) -> None:
    """Do `work` for every block (see `blocks`), in workers with one BLAS thread each; each writes to its own span."""
    every = list(blocks(pairs, most))
    in_workers(lambda number: work(every[number]), len(every), None)

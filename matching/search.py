"""Exact nearest partners among thousands of vectors: in one direction, or in both by harmonic mean; masked, by tiles.

The rows of both sides belong to the same n entries: row i of the needs and row i of the offers are entry i. An entry
is never its own neighbour, nor is one with an equal label (the same city, the same sector); an unknown label equals
none. Of equally good entries the one in the lower row comes first.

The lists are the same, bit by bit, for every number of workers and every size of tile: see `on_grid`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.tiles import Wave, block, in_workers, panels, tile
from matching.top_lists import (
    NO_COLUMN,
    NOTHING,
    UNKNOWN,
    Costs,
    Keys,
    columns_of,
    costs_of,
    empty_keys,
    enter,
    keys_of,
)

Vectors = NDArray[np.float32]
Labels = NDArray[np.signedinteger]

GRID = np.float32(2.0**12)
SIDE = 512  # rows and columns of a tile that serves the lists of both
TALL, WIDE = 1024, 2048  # rows and columns of a tile that serves the lists of its rows alone
STRETCH = 16384  # rows at once where only the list of one is wanted
TRIED = 8  # so many times k are tried in both directions for a bound on the rest
INFINITE = np.float32(np.inf)
STEEPEST = 80.0  # the exponential of more is no float32


@dataclass(frozen=True, slots=True)
class Lists:
    """The k best of n entries, best first; both arrays are (n, k)."""

    places: NDArray[np.int32]  # -1 where there are no more; -2 where a spare is not known (see `patch`)
    costs: Costs  # what orders them, the least first; inf where there is no entry


@dataclass(frozen=True, slots=True)
class Sides:
    """Needs and offers of n entries, what forbids a pair, and how steeply a product becomes a chance."""

    needs: Vectors  # (n, d), on the grid
    offers: Vectors  # (n, d), on the grid
    labels: Labels  # (n, m): two entries equal in any column are no pair; negative where unknown
    slope: float  # of the logistic curve; above 0, at most 80

    def __post_init__(self) -> None:
        """ValueError for parts that do not belong together."""
        if self.needs.shape != self.offers.shape or len(self.labels) != len(self.needs):
            raise ValueError(f"needs {self.needs.shape}, offers {self.offers.shape}, labels {self.labels.shape}")
        if not 0 < self.slope <= STEEPEST:
            raise ValueError(f"the slope must be above 0 and at most {STEEPEST:.0f}, not {self.slope}")


def on_grid(rows: NDArray[np.floating]) -> Vectors:
    """Rows no longer than 1, coordinates rounded to multiples of 2^-12; a row on the grid stays as it is.

    A product of two is then a multiple of 2^-24, and so is every partial sum, none of them above 1 (Cauchy and
    Schwarz): float32 holds each exactly. So no order of summation, no tiling and no number of threads changes a bit,
    and a row computed alone equals that row of a whole run. The price is an error of about .0001 in a cosine, the same
    for everybody. ValueError for a row longer than 1 (divide all by the longest: the order stays) or not finite.
    """
    plain = np.asarray(rows, dtype=np.float32)
    if not (squares(plain) <= 1 + 1e-3).all():
        raise ValueError("vectors must be finite and no longer than 1")
    units, factor = np.rint(plain * GRID), 1.0
    # Rounding leaves about half of the unit rows a ten-thousandth too long: shorten these until they are not.
    while len(long := np.flatnonzero(squares(units) > float(GRID) ** 2)):
        factor -= 2.0**-14
        units[long] = np.rint(plain[long] * np.float32(float(GRID) * factor))
    return np.asarray(units / GRID)


def squares(rows: Vectors) -> NDArray[np.float64]:
    """(n,) squared lengths, without rounding where the coordinates are integers."""
    return np.asarray(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))


def label_codes(*columns: Sequence[str]) -> NDArray[np.int32]:
    """(n, m) codes of m columns of n names, such as all cities and all sectors; -1 for an empty name."""
    found = [np.unique(np.array(names, dtype=np.str_), return_inverse=True) for names in columns]
    return np.stack([np.where(names[code] == "", -1, code) for names, code in found], axis=1).astype(np.int32)


def nearest(queries: Vectors, keys: Vectors, k: int, labels: Labels, workers: int | None = None) -> Lists:
    """For each row of `queries` the k rows of `keys` (both (n, d), on the grid) of greatest product; cost: -product."""
    n, codes = len(queries), small(labels)
    found = empty_keys(n, k)

    def panel(number: int) -> None:
        rows = block(number, n, TALL)
        asked, space = -queries[rows], np.empty(TALL * WIDE, dtype=np.float32)
        for other in range(panels(n, WIDE)):
            columns = block(other, n, WIDE)
            costs = np.matmul(asked, keys[columns].T, out=tile(space, rows, columns))
            enter(found[rows], costs, allowed(codes, rows, columns), columns.start)

    in_workers(panel, panels(n, TALL), workers)
    return lists_of(found)


def reciprocal(sides: Sides, k: int, workers: int | None = None) -> Lists:
    """For each entry the k with which the harmonic mean of both chances is greatest; cost: see `both_odds`.

    A pair's two products serve the lists of both its entries, so only tiles on and above the diagonal are computed:
    half the arithmetic of two whole products. Beside the lists, memory is two tiles a worker.
    """
    n, codes = len(sides.needs), small(sides.labels)
    found, count = empty_keys(n, k), panels(n, SIDE)
    wave = Wave(count)

    def panel(number: int) -> None:
        rows = block(number, n, SIDE)
        spaces = np.empty((2, SIDE * SIDE), dtype=np.float32)
        for other in range(number, count):
            columns = block(other, n, SIDE)
            costs = both_odds(sides, rows, columns, [tile(space, rows, columns) for space in spaces])
            may = allowed(codes, rows, columns)
            wave.wait(number, other)
            enter(found[rows], costs, may, columns.start)
            if other > number:
                enter(found[columns], costs.T, may.T, rows.start)
            wave.tell(number, other)

    in_workers(wave.ended_by(panel), count, workers)
    return lists_of(found)


def reciprocal_list(sides: Sides, place: int, k: int, workers: int | None = None) -> Lists:
    """The one row of `reciprocal` that belongs to the entry `place`."""
    return lists_of(own_keys(row_costs(sides, place, k, workers=workers), k))


def patch(sides: Sides, lists: Lists, place: int, k: int, workers: int | None = None) -> Lists:
    """`lists` of the sides, brought up to date after entry `place` has changed in them; their first k stay exact.

    Touched are only the entry's own list and those that it enters, leaves or moves in. Columns beyond the k-th are
    spares: a list that the entry leaves is filled from them, for who came next is not known, and its last is then
    marked as not known. A list with fewer than k left is computed anew, with all spares.
    """
    width = lists.places.shape[1]
    last = last_known(lists)
    costs = row_costs(sides, place, width, costs_of(last), workers)
    fresh = np.where(np.isinf(costs), NOTHING, keys_of(costs, np.full(len(costs), place)))
    enters = fresh <= last
    enters[place] = False
    holds = np.flatnonzero(lists.places == place) // width
    touched = np.union1d(holds, np.flatnonzero(enters))
    keys = replaced(lists, touched, place, np.where(enters, fresh, NOTHING)[touched])
    for i in np.flatnonzero(keys[:, k - 1] == UNKNOWN):
        keys[i] = own_keys(row_costs(sides, int(touched[i]), width, workers=workers), width)
    return with_rows(lists, np.append(touched, place), np.concatenate([keys, own_keys(costs, width)]))


def last_known(lists: Lists) -> Keys:
    """(n,) the key behind which nothing can enter: that of the last entry known, NOTHING where the list has all."""
    keys = keys_of(lists.costs[:, -1], lists.places[:, -1])
    rows = np.flatnonzero(keys == UNKNOWN)
    last = (lists.places[rows] >= 0).sum(axis=1) - 1
    keys[rows] = keys_of(lists.costs[rows, last], lists.places[rows, last])
    return keys


def replaced(lists: Lists, rows: NDArray[np.int64], place: int, fresh: Keys) -> Keys:
    """(r, width) the keys of some lists without the entry `place`, or with its fresh key where that is one."""
    places = lists.places[rows]
    gap = np.where(places[:, -1] == NO_COLUMN, NOTHING, UNKNOWN)[:, None]  # what stands where somebody has left
    keys = np.where(places == place, gap, keys_of(lists.costs[rows], places))
    longer = np.column_stack([keys, np.minimum(fresh[:, None], gap)])
    return np.sort(longer, axis=1)[:, :-1]


def with_rows(lists: Lists, rows: NDArray[np.int64], keys: Keys) -> Lists:
    """A copy of the lists with some of them replaced."""
    places, costs = lists.places.copy(), lists.costs.copy()
    places[rows], costs[rows] = columns_of(keys), costs_of(keys)
    return Lists(places, costs)


def row_costs(sides: Sides, place: int, k: int, limits: Costs | float = -np.inf, workers: int | None = None) -> Costs:
    """(n,) the costs of one entry with all; inf for who is no pair, or certainly behind both its k best and `limits`.

    A pair costs more than one direction of it does. Completing those who cost least in the first gives a bound, and
    whoever is beyond it already needs no second product: mostly all but a few, and half the reading is saved.
    """
    n = len(sides.needs)
    may = allowed(small(sides.labels), block(place, n, 1), slice(0, n))[0]
    there = np.where(may, row_odds(sides.needs[place], sides.offers, np.arange(n), sides.slope, workers), INFINITE)
    tried = np.flatnonzero((there <= kth(there, TRIED * k)) & may)
    bound = kth(there[tried] + row_odds(sides.offers[place], sides.needs, tried, sides.slope, workers), k)
    left = np.flatnonzero((there <= np.maximum(bound, limits)) & may)
    costs = np.full(n, INFINITE)
    costs[left] = there[left] + row_odds(sides.offers[place], sides.needs, left, sides.slope, workers)
    return costs


def row_odds(
    one: Vectors, rows: Vectors, some: NDArray[np.int64], slope: float, workers: int | None
) -> NDArray[np.float32]:
    """(s,) the odds of one vector (d,) with some of the rows (n, d)."""
    found, every = np.empty(len(some), dtype=np.float32), len(some) == len(rows)

    def stretch(number: int) -> None:
        part = block(number, len(some), STRETCH)
        odds(np.matmul(rows[part] if every else rows[some[part]], one, out=found[part]), slope)

    in_workers(stretch, panels(len(some), STRETCH), workers)
    return found


def kth(costs: Costs, k: int) -> np.float32:
    """The k-th least, inf where there are fewer."""
    return INFINITE if len(costs) < k else np.float32(np.partition(costs, k - 1)[k - 1])


def own_keys(costs: Costs, k: int) -> Keys:
    """(1, k) the list of an entry from its costs (n,) with all; inf is no pair."""
    some = np.flatnonzero((costs <= kth(costs, k)) & (costs < INFINITE))
    found = empty_keys(1, k)
    best = np.sort(keys_of(costs[some], some))[:k]
    found[0, : len(best)] = best
    return found


def lists_of(keys: Keys) -> Lists:
    """Sorted keys taken apart."""
    return Lists(columns_of(keys), costs_of(keys))


def acceptance(costs: Costs, offset: float = 0.0) -> NDArray[np.float64]:
    """Harmonic mean of both chances, 0 to 1, from the costs of reciprocal lists; `offset` is that of the curve.

    A chance is 1 / (1 + exp(-(slope * product + offset))); the offset changes no order.
    """
    return np.asarray(2 / (2 + np.exp(-offset) * costs.astype(np.float64)))


def both_odds(sides: Sides, rows: slice, columns: slice, out: Sequence[Costs]) -> Costs:
    """(r, c) the odds of both directions, added, in the first of two tiles of memory.

    With chances p and q of 1 / (1 + odds) the harmonic mean 2pq / (p + q) is 2 / (2 + odds_p + odds_q): least odds,
    greatest mean, and no division for pairs that nobody will see (harmonic mean: Pizzato 2010).
    """
    there = odds(np.matmul(sides.needs[rows], sides.offers[columns].T, out=out[0]), sides.slope)
    there += odds(np.matmul(sides.offers[rows], sides.needs[columns].T, out=out[1]), sides.slope)
    return there


def odds(products: Costs, slope: float) -> Costs:
    """exp(-slope * product), the odds against a yes but for the curve's offset; in place."""
    products *= np.float32(-slope)
    return np.exp(products, out=products)


def small(labels: Labels) -> Labels:
    """(m, n) the labels as the smallest integers that hold them: comparing those is quickest."""
    most = int(labels.max(initial=0))
    return np.ascontiguousarray(np.maximum(labels, -1).T.astype(np.min_scalar_type(-most - 2)))


def allowed(codes: Labels, rows: slice, columns: slice) -> NDArray[np.bool_]:
    """(r, c): true for two entries that are not the same and have no label in common."""
    may = np.ones((rows.stop - rows.start, columns.stop - columns.start), dtype=bool)
    for code in codes:
        mine = np.where(code[rows] < 0, -2, code[rows]).astype(code.dtype)  # two unknown ones are not equal
        may &= mine[:, None] != code[columns]
    itself = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
    may[itself - rows.start, itself - columns.start] = False
    return may

"""The k least costs of every row, kept while tiles of costs come in: one sortable integer for a cost and its column."""

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float32]
Keys = NDArray[np.int64]

NOTHING = np.int64(2**63 - 1)  # the key of an empty entry: behind every other
UNKNOWN = np.int64(2**63 - 2)  # the key of an entry that is not known: behind those that are
NO_COLUMN, UNKNOWN_COLUMN = -1, -2  # what stands for them among the columns
GROUPS = 16  # at most so many columns share one minimum where a first bound is looked for


def empty_keys(rows: int, k: int) -> Keys:
    """(rows, k) lists without entries."""
    return np.full((rows, k), NOTHING)


def keys_of(costs: Costs, columns: NDArray[np.signedinteger]) -> Keys:
    """Integers that sort as (cost, column) do: the upper half orders as the float does, the lower is the column.

    The bits of a positive float order as an integer; those of a negative one the other way round. Columns
    -1 and -2 stand for no entry.
    """
    bits = (costs + np.float32(0)).view(np.int32)  # + 0: -0 and 0 are equal and must not be told apart
    upper = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64) << 32
    return np.where(columns < 0, NOTHING + np.minimum(columns + 1, 0), upper | columns)


def costs_of(keys: Keys) -> Costs:
    """The costs in some keys; inf where there is no entry."""
    bits = (keys >> 32).astype(np.int32)
    costs = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(np.float32)
    return np.where(keys >= UNKNOWN, np.float32(np.inf), costs)


def columns_of(keys: Keys) -> NDArray[np.int32]:
    """The columns in some keys; -1 where there is no entry, -2 where it is not known."""
    missing = np.where(keys == UNKNOWN, UNKNOWN_COLUMN, NO_COLUMN)
    return np.where(keys >= UNKNOWN, missing, keys & 0xFFFFFFFF).astype(np.int32)


def enter(keys: Keys, costs: Costs, allowed: NDArray[np.bool_], first: int) -> None:
    """Put what a tile (r, c) of costs holds into the sorted lists (r, k), in place. `first` is its first column.

    Equal costs are won by the lower column. Tiles must come in ascending order of their columns: then an equal cost
    of a later tile never enters, and whatever the tiles' sizes the lists are those of a stable sort.
    """
    limit = costs_of(keys[:, -1])
    if np.isinf(limit).any():
        limit = np.minimum(limit, first_bound(costs, allowed, keys.shape[1]))
    hits = costs < limit[:, None]
    hits &= allowed
    own, other = positions(hits)
    if len(own):
        merge(keys, own, keys_of(costs[own, other], other + first))


def first_bound(costs: Costs, allowed: NDArray[np.bool_], k: int) -> Costs:
    """(r,): a float just above a value that k allowed costs of the row do not exceed; inf where there is no such.

    It is the k-th least of the minima of groups of columns: these are k columns or more, and to look for it among
    the minima is cheaper than among all.
    """
    rows, columns = costs.shape
    if k > columns:
        return np.full(rows, np.float32(np.inf))
    masked = np.where(allowed, costs, np.float32(np.inf))
    size = max(1, min(GROUPS, columns // (4 * k)))
    grouped = np.ascontiguousarray(masked)[:, : columns // size * size].reshape(rows, size, -1).min(axis=1)
    return np.nextafter(np.partition(grouped, k - 1, axis=1)[:, k - 1], np.float32(np.inf))


def positions(hits: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of every hit, by row and then by column, for either order in memory."""
    rows, columns = hits.shape
    if hits.flags.c_contiguous:
        flat = np.flatnonzero(hits)
        own = flat // columns
        return own, flat - own * columns
    flat = np.flatnonzero(hits.T)
    other = flat // rows
    own = flat - other * rows
    order = np.argsort(own.astype(np.min_scalar_type(rows)), kind="stable")
    return own[order], other[order]


def merge(keys: Keys, own: NDArray[np.int64], fresh: Keys) -> None:
    """Put fresh keys into the lists of their rows `own` (ascending), in place."""
    k = keys.shape[1]
    counts = np.bincount(own, minlength=len(keys))
    touched = np.flatnonzero(counts)
    place = np.cumsum(counts > 0) - 1
    slots = np.arange(len(own)) - (np.cumsum(counts) - counts)[own]
    longer = np.full((len(touched), k + counts.max()), NOTHING)
    longer[:, :k] = keys[touched]
    longer[place[own], k + slots] = fresh
    longer.sort(axis=1)
    keys[touched] = longer[:, :k]

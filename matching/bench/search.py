"""The exact search among thousands, beside the bare products it cannot do without and beside what others would use.

A floor is the least of two ways to use the same cores: BLAS with its own threads, and our workers with one BLAS thread
each. Task and floor take turns, so that a change of load meets both; of each the least time counts.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from matching.bench.timing import Timing, timing
from matching.search import Sides, nearest, on_grid, patch, reciprocal, reciprocal_list
from matching.tiles import block, cores, in_workers, panels

PROFILES = 10_000  # all pairs, and the change of one
LISTED = (10_000, 100_000)  # one list among so many
DIMENSIONS, TOPICS, CITIES, SECTORS = 384, 60, 11, 12
PARTNERS, SPARES = 20, 8
FETCHED = 64  # neighbours that a library without masks is asked for, so that enough pass the filter
SLOPE = 8.0
TURNS, PEER_TURNS, LIST_TURNS, CHANGES = 4, 2, 30, 40
STRIP = 500  # rows at once in plain numpy


def tasks() -> dict[str, Timing]:
    """All pairs in one direction and in both, one list, one changed profile."""
    sides, last = invented(PROFILES), LISTED[-1]
    lists = {f"reciprocal_list_{n}": one_list(sides if n == PROFILES else invented(n)) for n in LISTED[:-1]}
    found = {
        f"all_pairs_{PROFILES}": all_pairs(sides),
        f"reciprocal_{PROFILES}": both_directions(sides),
        f"changed_profile_{PROFILES}": changed_profile(sides),
    }
    del sides
    return found | lists | {f"reciprocal_list_{last}": one_list(invented(last))}


def invented(n: int, seed: int = 0) -> Sides:
    """Needs and offers as mixtures of few topics with noise, in 11 cities and 12 sectors."""
    draw = np.random.default_rng(seed)
    topics = draw.standard_normal((TOPICS, DIMENSIONS), dtype=np.float32)
    labels = np.stack([draw.integers(CITIES, size=n), draw.integers(SECTORS, size=n)], axis=1).astype(np.int32)
    return Sides(mixtures(n, topics, draw), mixtures(n, topics, draw), labels, SLOPE)


def mixtures(n: int, topics: NDArray[np.float32], draw: np.random.Generator) -> NDArray[np.float32]:
    """(n, d) unit rows on the grid: some topics each, and as much that nobody shares."""
    weights = draw.gamma(0.1, size=(n, len(topics))).astype(np.float32)
    rows = weights / np.linalg.norm(weights, axis=1, keepdims=True) @ topics
    rows += 0.6 * draw.standard_normal(rows.shape, dtype=np.float32)
    return on_grid(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def in_turns(times: int, *every: Callable[[], object]) -> list[float]:
    """The least seconds of each, run one after the other some times over."""
    least = [float("inf")] * len(every)
    for _ in range(times):
        for i, task in enumerate(every):
            start = time.perf_counter()
            task()
            least[i] = min(least[i], time.perf_counter() - start)
    return least


def products(pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> list[Callable[[], object]]:
    """The bare products of all rows with all rows, into memory that is there already: by BLAS' threads, by workers."""
    n = len(pairs[0][0])
    out, size = np.empty((n, n), dtype=np.float32), panels(n, cores())

    def strip(number: int) -> None:
        rows = block(number, n, size)
        for left, right in pairs:
            np.matmul(left[rows], right.T, out=out[rows])

    return [
        lambda: [np.matmul(left, right.T, out=out) for left, right in pairs],
        lambda: in_workers(strip, panels(n, size), None),
    ]


def all_pairs(sides: Sides) -> Timing:
    """Top 20 with masks of everybody, one direction, beside one product; scikit-learn's brute force and plain numpy."""
    needs, offers = sides.needs, sides.offers
    ours, *floors = in_turns(
        TURNS, lambda: nearest(needs, offers, PARTNERS, sides.labels), *products([(needs, offers)])
    )
    served: list[float] = []
    peers = in_turns(PEER_TURNS, lambda: served.append(brute_force(sides)), lambda: plain_nearest(sides))
    named = dict(zip(("sklearn_brute", "numpy_plain"), peers, strict=True))
    return timing(ours, min(floors), named, {"sklearn_served": served[0]})


def both_directions(sides: Sides) -> Timing:
    """Reciprocal top 20 with masks of everybody, beside its two products, and plain numpy."""
    pairs = [(sides.needs, sides.offers), (sides.offers, sides.needs)]
    ours, *floors = in_turns(TURNS, lambda: reciprocal(sides, PARTNERS), *products(pairs))
    return timing(ours, min(floors), {"numpy_plain": in_turns(PEER_TURNS, lambda: plain_reciprocal(sides))[0]})


def one_list(sides: Sides) -> Timing:
    """The reciprocal list of one, beside one bare pass over the vectors of one side, and plain numpy."""
    offers, need, n = sides.offers, sides.needs[0].copy(), len(sides.needs)
    out, size = np.empty(n, dtype=np.float32), panels(n, cores())

    def part(number: int) -> None:
        np.matmul(offers[block(number, n, size)], need, out=out[block(number, n, size)])

    ours, plain, *floors = in_turns(
        LIST_TURNS,
        lambda: reciprocal_list(sides, 0, PARTNERS),
        lambda: plain_row(sides, slice(0, 1)),
        lambda: np.matmul(offers, need, out=out),
        lambda: in_workers(part, panels(n, size), None),
        lambda: bare_pass(offers, need, out),
    )
    return timing(ours, min(floors), {"numpy_plain": plain})


def bare_pass(rows: NDArray[np.float32], one: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """The products of all rows with one, on one thread: what must be read and multiplied at least."""

    def whole(_: int) -> None:
        np.matmul(rows, one, out=out)

    in_workers(whole, 1, 1)


def changed_profile(sides: Sides) -> Timing:
    """The lists of all after one profile says something else: median of some changes, beside one bare pass."""
    sides = replace(sides, needs=sides.needs.copy(), offers=sides.offers.copy())
    fresh, draw, out = invented(CHANGES, seed=1), np.random.default_rng(2), np.empty(len(sides.needs), dtype=np.float32)
    lists = reciprocal(sides, PARTNERS + SPARES)
    rebuild = in_turns(PEER_TURNS, lambda: reciprocal(sides, PARTNERS))[0]
    seconds, floors, changed = [], [], []
    for i, place in enumerate(draw.choice(len(sides.needs), size=CHANGES, replace=False)):
        sides.needs[place], sides.offers[place] = fresh.needs[i], fresh.offers[i]
        start = time.perf_counter()
        after = patch(sides, lists, int(place), PARTNERS)
        seconds.append(time.perf_counter() - start)
        changed.append(int((after.places != lists.places).any(axis=1).sum()))
        lists = after
        floors += in_turns(1, partial(bare_pass, sides.offers, sides.needs[place].copy(), out))
    notes = {"slowest_seconds": max(seconds), "lists_changed": statistics.mean(changed)}
    return timing(statistics.median(seconds), statistics.median(floors), {"rebuild": rebuild}, notes)


def brute_force(sides: Sides) -> float:
    """scikit-learn's neighbours of unit rows, more than needed, then filtered: the share of entries it fully serves."""
    from sklearn.neighbors import NearestNeighbors

    fetched = min(FETCHED, len(sides.needs))
    index = NearestNeighbors(n_neighbors=fetched, algorithm="brute").fit(sides.offers)
    found = index.kneighbors(sides.needs, return_distance=False)
    allowed = (sides.labels[:, None] != sides.labels[found]).all(axis=2)
    first = np.argsort(~allowed, axis=1, kind="stable")[:, :PARTNERS]
    np.take_along_axis(found, first, axis=1)
    return float((allowed.sum(axis=1) >= PARTNERS).mean())


def plain_nearest(sides: Sides) -> list[NDArray[np.int64]]:
    """What one writes first: product, mask, partial sort, strip by strip."""
    return [best(np.where(masked(sides, rows), -np.inf, sides.needs[rows] @ sides.offers.T)) for rows in strips(sides)]


def plain_reciprocal(sides: Sides) -> list[NDArray[np.int64]]:
    """What one writes first: both products, both chances, their harmonic mean, mask, partial sort."""
    return [plain_row(sides, rows) for rows in strips(sides)]


def plain_row(sides: Sides, rows: slice) -> NDArray[np.int64]:
    """The reciprocal lists of some rows."""
    there = 1 / (1 + np.exp(-SLOPE * (sides.needs[rows] @ sides.offers.T)))
    back = 1 / (1 + np.exp(-SLOPE * (sides.offers[rows] @ sides.needs.T)))
    return best(np.where(masked(sides, rows), -np.inf, 2 * there * back / (there + back)))


def strips(sides: Sides) -> list[slice]:
    """All rows, some at a time."""
    return [block(number, len(sides.needs), STRIP) for number in range(panels(len(sides.needs), STRIP))]


def masked(sides: Sides, rows: slice) -> NDArray[np.bool_]:
    """(r, n) true where a label is the same, as it is with oneself."""
    same = [label[rows, None] == label for label in sides.labels.T]
    return np.asarray(np.logical_or.reduce(same))


def best(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """(r, k) the places of the greatest values, greatest first."""
    k = min(PARTNERS, values.shape[1])
    found = np.argpartition(-values, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(values, found, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(found, order, axis=1))

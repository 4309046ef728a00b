import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching import search
from matching.search import (
    GRID,
    Lists,
    Sides,
    acceptance,
    label_codes,
    nearest,
    on_grid,
    patch,
    reciprocal,
    reciprocal_list,
)

Floats = NDArray[np.float32]
TILES = ("SIDE", "TALL", "WIDE", "STRETCH")
FEW_EXAMPLES = settings(max_examples=60)


def vectors(n: int, seed: int, kinds: int = 5) -> Floats:
    """Unit rows on the grid of which some are twins and some zero, so that equal costs are many."""
    draw = np.random.default_rng(seed)
    basis = draw.standard_normal((kinds, 6))
    rows = basis[draw.integers(kinds, size=n)] + draw.integers(2, size=(n, 1)) * draw.standard_normal((n, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[draw.random(n) < 0.1] = 0
    return on_grid(rows)


def labels_of(n: int, seed: int) -> NDArray[np.int32]:
    """City and sector of n entries; about one in five is unknown."""
    return np.random.default_rng(seed).integers(-1, 4, size=(n, 2)).astype(np.int32)


def sides_of(n: int, seed: int) -> Sides:
    return Sides(vectors(n, seed), vectors(n, seed + 1), labels_of(n, seed + 2), slope=6.5)


def plain(costs: Floats, labels: NDArray[np.int32], k: int) -> Lists:
    """Every entry's list by a plain loop and a stable sort."""
    n = len(costs)
    places, found = np.full((n, k), -1, dtype=np.int32), np.full((n, k), np.inf, dtype=np.float32)
    for i in range(n):
        pairs = [
            j
            for j in range(n)
            if i != j and not any(mine == other >= 0 for mine, other in zip(labels[i], labels[j], strict=True))
        ]
        best = sorted(pairs, key=lambda j: (costs[i, j], j))[:k]
        places[i, : len(best)], found[i, : len(best)] = best, costs[i, best]
    return Lists(places, found)


def plain_reciprocal(sides: Sides, k: int) -> Lists:
    odds = np.exp((sides.needs @ sides.offers.T) * np.float32(-sides.slope))
    return plain(odds + odds.T, sides.labels.astype(np.int32), k)


def assert_equal(found: Lists, wanted: Lists) -> None:
    assert found.places.tolist() == wanted.places.tolist()
    assert found.costs.tolist() == wanted.costs.tolist()


@pytest.fixture
def tiles_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the size of every tile."""

    def change(size: int) -> None:
        for name in TILES:
            monkeypatch.setattr(search, name, size)

    return change


@given(n=st.integers(1, 40), k=st.integers(1, 45), seed=st.integers(0, 2**20), size=st.integers(1, 50))
@FEW_EXAMPLES
def test_nearest_is_what_a_plain_loop_finds(n: int, k: int, seed: int, size: int) -> None:
    queries, keys, labels = vectors(n, seed), vectors(n, seed + 1), labels_of(n, seed)
    with pytest.MonkeyPatch.context() as patched:
        for name in TILES:
            patched.setattr(search, name, size)
        found = nearest(queries, keys, k, labels)
    assert_equal(found, plain(-(queries @ keys.T), labels, k))


@given(n=st.integers(1, 40), k=st.integers(1, 45), seed=st.integers(0, 2**20), size=st.integers(1, 50))
@FEW_EXAMPLES
def test_reciprocal_lists_are_what_a_plain_loop_finds(n: int, k: int, seed: int, size: int) -> None:
    sides = sides_of(n, seed)
    with pytest.MonkeyPatch.context() as patched:
        for name in TILES:
            patched.setattr(search, name, size)
        found = reciprocal(sides, k)
    assert_equal(found, plain_reciprocal(sides, k))


@given(
    n=st.integers(2, 30),
    k=st.integers(1, 8),
    spares=st.integers(0, 3),
    seed=st.integers(0, 2**20),
    changes=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 2**20)), min_size=1, max_size=12),
)
@settings(max_examples=150)
def test_patched_lists_are_those_of_a_rebuild_however_often(
    n: int, k: int, spares: int, seed: int, changes: list[tuple[int, int]]
) -> None:
    sides = sides_of(n, seed)
    lists = reciprocal(sides, k + spares)
    for place, drawn in changes:
        changed = sides_of(n, drawn)
        for array, fresh in zip(parts(sides), parts(changed), strict=True):
            array[place % n] = fresh[place % n]
        lists = patch(sides, lists, place % n, k)
        again = reciprocal(sides, k)
        assert_equal(Lists(lists.places[:, :k], lists.costs[:, :k]), again)


def parts(sides: Sides) -> tuple[NDArray[np.generic], ...]:
    return sides.needs, sides.offers, sides.labels


def test_a_list_that_ran_out_of_spares_is_computed_anew() -> None:
    sides = Sides(*(np.tile(on_grid(np.eye(1, 4)), (6, 1)) for _ in range(2)), label_codes([""] * 6), slope=1)
    lists = reciprocal(sides, 3)
    for place in (0, 1):
        sides.needs[place] *= -1
        lists = patch(sides, lists, place, 2)
    assert lists.places[5].tolist() == [2, 3, 4]
    assert lists.places[4].tolist() == [2, 3, 5]


def test_spares_that_are_not_known_are_marked() -> None:
    sides = Sides(*(np.tile(on_grid(np.eye(1, 4)), (6, 1)) for _ in range(2)), label_codes([""] * 6), slope=1)
    lists = reciprocal(sides, 3)
    sides.needs[0] *= -1
    lists = patch(sides, lists, 0, 2)
    assert lists.places[5].tolist() == [1, 2, -2]
    assert lists.costs[5, 2] == np.inf
    assert lists.places[0].tolist() == [1, 2, 3]


def test_one_list_is_that_row_of_all() -> None:
    sides = sides_of(300, 5)
    every = reciprocal(sides, 9)
    for place in (0, 17, 299):
        alone = reciprocal_list(sides, place, 9)
        assert_equal(alone, Lists(every.places[[place]], every.costs[[place]]))


@pytest.mark.parametrize("size", [7, 64, 1000])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_and_tiles_change_nothing(size: int, workers: int, tiles_of: Callable[[int], None]) -> None:
    draw = np.random.default_rng(3)
    raw = draw.standard_normal((2, 400, 48))
    needs, offers = (on_grid(rows / np.linalg.norm(rows, axis=1, keepdims=True)) for rows in raw)
    sides = Sides(needs, offers, labels_of(400, 4), slope=9)
    whole = reciprocal(sides, 12, workers=1), nearest(needs, offers, 12, sides.labels, workers=1)
    tiles_of(size)
    assert_equal(reciprocal(sides, 12, workers), whole[0])
    assert_equal(nearest(needs, offers, 12, sides.labels, workers), whole[1])
    assert_equal(reciprocal_list(sides, 8, 12, workers), Lists(whole[0].places[[8]], whole[0].costs[[8]]))


@pytest.mark.parametrize("k", [20, 300, 512])
def test_long_lists_are_exact(k: int) -> None:
    sides = Sides(vectors(700, 1, kinds=600), vectors(700, 2, kinds=600), labels_of(700, 3), slope=8)
    assert_equal(reciprocal(sides, k), plain_reciprocal(sides, k))
    assert_equal(
        nearest(sides.needs, sides.offers, k, sides.labels),
        plain(-(sides.needs @ sides.offers.T), labels_of(700, 3), k),
    )


def test_an_empty_label_equals_no_other() -> None:
    same = np.tile(on_grid(np.eye(1, 4)), (4, 1))
    labels = label_codes(["Rome", "Rome", "", ""], ["games", "", "games", ""])
    assert labels.tolist() == [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    assert nearest(same, same, 3, labels).places.tolist() == [[3, -1, -1], [2, 3, -1], [1, 3, -1], [0, 1, 2]]


def test_who_has_no_partner_gets_an_empty_list() -> None:
    same = on_grid(np.eye(3))
    found = nearest(same, same, 2, label_codes(["Linz"] * 3))
    assert found.places.tolist() == [[-1, -1]] * 3
    assert np.isposinf(found.costs).all()
    assert acceptance(found.costs).tolist() == [[0, 0]] * 3


def test_without_labels_only_oneself_is_left_out() -> None:
    rows = on_grid(np.eye(3))
    assert nearest(rows, rows, 2, np.empty((3, 0), dtype=np.int32)).places.tolist() == [[1, 2], [0, 2], [0, 1]]


def test_acceptance_is_the_harmonic_mean_of_both_chances() -> None:
    sides = sides_of(30, 11)
    found = reciprocal(sides, 4)
    curve = 1 / (1 + np.exp(-(6.5 * (sides.needs @ sides.offers.T) - 1.2)))
    there = np.take_along_axis(curve, found.places, axis=1)
    back = np.take_along_axis(curve.T, found.places, axis=1)
    assert np.allclose(acceptance(found.costs, offset=-1.2), 2 * there * back / (there + back), rtol=1e-5)


@given(seed=st.integers(0, 2**20), width=st.integers(1, 400), length=st.floats(0, 1))
@FEW_EXAMPLES
def test_products_on_the_grid_are_exact_in_any_order(seed: int, width: int, length: float) -> None:
    draw = np.random.default_rng(seed)
    raw = draw.standard_normal((12, width))
    rows = on_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True) * length)
    exact = rows.astype(np.float64) @ rows.T.astype(np.float64)
    assert (np.linalg.norm(rows.astype(np.float64), axis=1) <= 1).all()
    assert np.array_equal(rows * GRID, np.rint(rows * GRID))
    assert np.array_equal(rows @ rows.T, exact)
    assert np.array_equal(on_grid(rows), rows)
    assert np.allclose(rows, raw / np.linalg.norm(raw, axis=1, keepdims=True) * length, atol=1e-3)


def test_rows_brought_onto_the_grid_alone_are_the_same() -> None:
    raw = np.random.default_rng(1).standard_normal((50, 384))
    raw /= np.linalg.norm(raw, axis=1, keepdims=True)
    assert np.array_equal(np.concatenate([on_grid(raw[[i]]) for i in range(50)]), on_grid(raw))


@pytest.mark.parametrize("wrong", [np.full((1, 3), np.nan), np.full((1, 3), 0.7), np.array([[np.inf, 0, 0]])])
def test_a_row_that_does_not_fit_the_grid_is_refused(wrong: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="finite and no longer than 1"):
        on_grid(wrong)


@pytest.mark.parametrize("slope", [0, -1, 81, float("nan")])
def test_a_slope_whose_odds_no_float_holds_is_refused(slope: float) -> None:
    with pytest.raises(ValueError, match="the slope must be above 0 and at most 80"):
        Sides(on_grid(np.eye(2)), on_grid(np.eye(2)), label_codes(["a", "b"]), slope)


def test_sides_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needs \(2, 2\), offers \(3, 3\), labels \(2, 1\)"):
        Sides(on_grid(np.eye(2)), on_grid(np.eye(3)), label_codes(["a", "b"]), 1)


def test_memory_is_bounded_by_tiles_and_lists_not_by_all_pairs() -> None:
    sides = Sides(vectors(4000, 1, 3000), vectors(4000, 2, 3000), labels_of(4000, 3), slope=5)
    tracemalloc.start()
    try:
        reciprocal(sides, 10, workers=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4000 * 4000 * 4 / 2

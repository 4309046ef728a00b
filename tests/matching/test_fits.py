import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights
from matching.combination import assess
from matching.engine import situation_of
from matching.fits import best_fits, best_per_pair, tiles
from matching.pairs import all_pairs, pairs_from, pairs_of
from matching.statements import gather

from .conftest import cohort_of, profile, vectors_of


def test_the_best_pair_of_statements_counts() -> None:
    people = [
        profile("a", needs=("one", "two"), offers=("x",)),
        profile("b", needs=(), offers=(), description=""),
        profile("c", needs=("three",), offers=("y", "z")),
    ]
    found = gather(people, vectors_of(people))
    values = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.1], [0.6, 0.7, 0.8]])
    assert best_per_pair(values, found.needs, found.offers).tolist() == [[0.4, 0, 0.5], [0, 0, 0], [0.6, 0, 0.8]]


PEOPLE = cohort_of(18).profiles
SITUATION = situation_of(
    Cohort(PEOPLE, history=frozenset({("000", "x"), ("004", "x")})), vectors_of(PEOPLE), Policy(), Weights()
)
EVERY = assess(SITUATION, all_pairs(18))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 17), st.integers(0, 17)), min_size=1, max_size=30))
def test_any_pairs_asked_for_are_assessed_as_among_all(ends: list[tuple[int, int]]) -> None:
    one, other = np.array(ends).T
    pairs = pairs_from(one, other, 18)
    some = assess(SITUATION, pairs)
    at = np.searchsorted(EVERY.pairs.codes(), pairs.codes())
    assert np.array_equal(some.strength, EVERY.strength[at])
    assert np.array_equal(some.fit, EVERY.fit[:, at])
    assert np.array_equal(some.quantile, EVERY.quantile[at])
    assert all(np.array_equal(some.shares[name], share[at]) for name, share in EVERY.shares.items())


@given(st.lists(st.integers(0, 900), max_size=9), st.lists(st.integers(0, 900), max_size=9))
def test_tiles_hold_every_cell_once_and_few_statements(heights: list[int], widths: list[int]) -> None:
    seen = np.zeros((len(heights), len(widths)), dtype=int)
    for rows, columns in tiles(np.array(heights, np.int64), np.array(widths, np.int64)):
        seen[rows, columns] += 1
        high, wide = heights[rows], widths[columns]
        assert sum(high[1:]) * sum(wide[1:]) <= 700 * 700
    assert (seen == 1).all()


@pytest.mark.parametrize("side", [1, 4, 30])
def test_any_tiles_give_the_same_fits(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(7)
    said = [text for p in PEOPLE for text in (*p.needs, *p.offers)]
    people = [
        profile(f"{i:02}", needs=tuple(draw.permutation(said)[:needs]), offers=tuple(draw.permutation(said)[:offers]))
        for i, (needs, offers) in enumerate(draw.integers(0, 9, size=(25, 2)))
    ]
    texts = gather(people, vectors_of(people))
    few = draw.integers(25, size=(2, 20))
    asked = [all_pairs(25), pairs_of(20, 25), pairs_of(0, 25), pairs_from(few[0], few[1], 25)]
    whole = [best_fits(texts, pairs, 0.35) for pairs in asked]
    monkeypatch.setattr("matching.fits.SIDE", side)
    assert all(np.array_equal(best_fits(texts, pairs, 0.35), one) for pairs, one in zip(asked, whole, strict=True))

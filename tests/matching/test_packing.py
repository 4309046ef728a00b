from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.packing import by_relaxation, exactly, nearly, packed

sets = st.lists(
    st.frozensets(st.integers(0, 8), min_size=2, max_size=4).map(lambda members: tuple(sorted(members))),
    min_size=1,
    max_size=9,
    unique=True,
)


def total(chosen: list[int], worth: np.ndarray) -> float:
    return float(worth[chosen].sum())


def disjoint(chosen: list[int], given_sets: list[tuple[int, ...]]) -> bool:
    members = [member for k in chosen for member in given_sets[k]]
    return len(members) == len(set(members))


@settings(max_examples=80)
@given(sets)
def test_few_sets_are_chosen_best_and_a_near_choice_never_overlaps(given_sets: list[tuple[int, ...]]) -> None:
    worth = np.array([1 + ((7 * k * k + 3) % 11) / 10 for k in range(len(given_sets))])
    every = [list(some) for size in range(len(given_sets) + 1) for some in combinations(range(len(given_sets)), size)]
    best = max(total(some, worth) for some in every if disjoint(some, given_sets))
    found, near = exactly(given_sets, worth, 9), nearly(given_sets, worth, 9)
    assert disjoint(found, given_sets)
    assert disjoint(near, given_sets)
    assert total(found, worth) == pytest.approx(best)
    assert best / 2 <= total(near, worth) <= best + 1e-9


def test_a_set_goes_in_for_two_that_are_worth_less() -> None:
    given_sets = [(0, 1), (2, 3), (1, 2)]
    assert packed(given_sets, np.array([1.0, 1.0, 3.0]), 4) == [2]
    assert packed(given_sets, np.array([1.0, 1.0, 1.5]), 4) == [0, 1]
    assert nearly(given_sets, np.array([1.0, 1.0, 3.0]), 4) == [2]
    assert nearly(given_sets, np.array([1.0, 1.0, 1.5]), 4) == [0, 1]


def test_many_sets_come_near_the_bound_of_the_relaxation() -> None:
    draw = np.random.default_rng(3)
    many = sorted({tuple(sorted(draw.choice(60, size=3, replace=False).tolist())) for _ in range(400)})
    worth = np.round(2.7 + 0.3 * draw.random(len(many)), 4)
    chosen = packed(many, worth, 60)
    assert disjoint(chosen, many)
    assert len(chosen) >= 17  # of 20 that would fill all
    assert packed(many, worth, 60) == chosen


def test_no_sets_are_no_choice() -> None:
    assert packed([], np.zeros(0), 3) == []
    assert by_relaxation([(0, 1)], np.ones(1), 2) == [0]

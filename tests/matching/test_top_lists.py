import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.top_lists import NOTHING, UNKNOWN, columns_of, costs_of, empty_keys, enter, keys_of

costs = st.floats(width=32, allow_nan=False, allow_infinity=False)
columns = st.integers(0, 2**31 - 1)


@given(one=st.tuples(costs, columns), other=st.tuples(costs, columns))
def test_keys_sort_as_cost_and_column_do(one: tuple[float, int], other: tuple[float, int]) -> None:
    values = np.array([one[0], other[0]], dtype=np.float32)
    keys = keys_of(values, np.array([one[1], other[1]]))
    assert (keys[0] < keys[1]) == (one < other)
    assert costs_of(keys).tolist() == values.tolist()
    assert columns_of(keys).tolist() == [one[1], other[1]]
    assert (keys < UNKNOWN).all()


def test_what_is_missing_sorts_last_and_keeps_its_mark() -> None:
    keys = keys_of(np.array([np.inf, np.inf], dtype=np.float32), np.array([-1, -2]))
    assert keys.tolist() == [NOTHING, UNKNOWN]
    assert columns_of(keys).tolist() == [-1, -2]
    assert np.isposinf(costs_of(keys)).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_tiles_enter_in_either_order_of_memory(order: str) -> None:
    tile = np.asarray(np.array([[3, 1, 2], [0, 0, 5]], dtype=np.float32), order=order)  # type: ignore[call-overload]
    may = np.asarray(np.array([[True, True, True], [True, True, False]]), order=order)  # type: ignore[call-overload]
    keys = empty_keys(2, 3)
    enter(keys, tile, may, 0)
    enter(keys, tile, may, 3)
    assert columns_of(keys).tolist() == [[1, 4, 2], [0, 1, 3]]
    assert costs_of(keys).tolist() == [[1, 1, 2], [0, 0, 0]]


def test_of_equal_costs_the_lower_column_stays() -> None:
    keys = empty_keys(1, 2)
    for first in (0, 4):
        enter(keys, np.zeros((1, 4), dtype=np.float32), np.ones((1, 4), dtype=bool), first)
    assert columns_of(keys).tolist() == [[0, 1]]

import numpy as np
import pytest

from matching.measures import draws, interval, measure


def test_measures_of_a_known_ranking() -> None:
    found = np.zeros(60, dtype=bool)
    found[[1, 20, 55]] = True
    hit, recall, reciprocal_rank, gain = measure(found, total=4)
    ideal = sum(1 / np.log2(place + 1) for place in (1, 2, 3, 4))
    assert (hit, recall, reciprocal_rank) == (1.0, 0.5, 0.5)
    assert gain == pytest.approx(1 / np.log2(3) / ideal)


def test_nothing_found_is_zero() -> None:
    assert measure(np.zeros(5, dtype=bool), total=2) == (0.0, 0.0, 0.0, 0.0)


def test_the_interval_holds_the_mean_and_is_a_point_for_equals() -> None:
    drawn = draws(40, seed=3)
    values = np.arange(40) % 2 * 1.0
    found = interval(values, drawn)
    assert found["low"] < found["mean"] == 0.5 < found["high"]
    assert interval(np.ones(40), drawn) == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert np.array_equal(drawn, draws(40, seed=3))

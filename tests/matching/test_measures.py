import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from matching.measures import draws, interval, interval_of, measure, resampled_auc


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


def test_auc_is_that_of_scikit_learn_over_all_pairs_and_in_each_draw() -> None:
    random = np.random.default_rng(4)
    values, outcome, query = random.random(60).round(1), random.random(60) < 0.4, np.arange(60) // 4
    drawn = draws(15, seed=2)[:20]
    whole, resampled = resampled_auc(values, outcome, query, drawn)
    assert whole == pytest.approx(roc_auc_score(outcome, values))
    for row, found in zip(drawn, resampled, strict=True):
        rows = np.concatenate([np.flatnonzero(query == chosen) for chosen in row])
        assert found == pytest.approx(roc_auc_score(outcome[rows], values[rows]))


def test_a_draw_without_both_outcomes_is_left_out_of_the_interval() -> None:
    drawn = np.array([[0, 0], [0, 1], [1, 1]])
    whole, resampled = resampled_auc(np.array([0.9, 0.1]), np.array([True, False]), np.array([0, 1]), drawn)
    assert whole == 1.0
    assert np.isnan(resampled).tolist() == [True, False, True]
    assert interval_of(whole, resampled) == {"mean": 1.0, "low": 1.0, "high": 1.0}

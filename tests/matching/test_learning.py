import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from matching.learning import FOLDS, Examples, Objective, folds, learned, without_own_fold

SHIPPED = np.array([0.62, 0.12, 0.10, 0.10, 0.10, 0.08, 0.05, 0.05, 0.05, 0.03])
ANSWER = 0.25


def community(seed: int, labels: int, unlike: float) -> tuple[Examples, NDArray[np.float64], NDArray[np.bool_]]:
    """Labelled pairs, and 3,000 fresh ones; what counts there are the shipped weights times exp(unlike * normal)."""
    random = np.random.default_rng(seed)
    spread = random.uniform(0.1, 0.35, len(SHIPPED))
    planted = SHIPPED * np.exp(unlike * random.standard_normal(len(SHIPPED)))
    criteria = np.clip(0.4 + spread * random.standard_normal((labels + 3000, len(SHIPPED))), 0, 1)
    logits = criteria @ planted
    outcome = random.random(len(logits)) < 1 / (1 + np.exp(-2.2 * (logits - logits.mean()) / logits.std()))
    return examples(criteria[:labels], outcome[:labels]), criteria[labels:], outcome[labels:]


def examples(criteria: NDArray[np.float64], outcome: NDArray[np.bool_]) -> Examples:
    """Four pairs a query, no pair twice."""
    places = np.arange(len(outcome))
    return Examples(criteria, outcome, places // 4, places)


def auc_in(seed: int, labels: int, unlike: float) -> tuple[float, float, float]:
    """Of the shipped weights, of ours, and of a plain logistic regression, on fresh pairs."""
    told, fresh, outcome = community(seed, labels, unlike)
    plain = LogisticRegression(C=1e6, max_iter=2000).fit(told.features, told.outcome).coef_[0]
    ways = (SHIPPED, learned(told, SHIPPED, ANSWER), plain)
    shipped, ours, without_prior = (float(roc_auc_score(outcome, fresh @ weights)) for weights in ways)
    return shipped, ours, without_prior


def test_twenty_labels_beat_the_shipped_weights_where_a_plain_regression_is_worse() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the plain one: it does not always converge
        found = np.array([auc_in(seed, 20, 1.3) for seed in range(40)])
    shipped, ours, plain = found.mean(axis=0)
    assert ours - shipped > 0.02
    assert ours - plain > 0.05
    assert (found[:, 1] > found[:, 0]).mean() >= 0.75
    assert (found[:, 2] < found[:, 0]).mean() >= 0.6


def test_more_labels_come_nearer_to_what_counts() -> None:
    lead = [
        np.mean([np.subtract(*auc_in(seed, labels, 1.3)[1::-1]) for seed in range(12)]) for labels in (20, 100, 500)
    ]
    assert lead[0] < lead[1] < lead[2]
    assert lead[2] > 0.05


def test_where_the_shipped_weights_are_right_twenty_labels_cost_little() -> None:
    found = np.array([auc_in(seed, 20, 0.0)[:2] for seed in range(20)])
    assert found[:, 0].mean() - found[:, 1].mean() < 0.012


def test_many_labels_recover_planted_weights() -> None:
    random = np.random.default_rng(1)
    planted = np.array([0.1, 0.5, 0.0, 0.4])
    criteria = random.random((30000, 4)) * [1, 1, 1, 0.5]
    outcome = random.random(30000) < 1 / (1 + np.exp(-(8 * criteria @ planted - 3)))
    weights = learned(examples(criteria, outcome), np.array([0.7, 0.1, 0.1, 0.1]), ANSWER)
    assert np.abs(weights - planted).max() < 0.02
    assert weights.sum() == pytest.approx(1.0)


def test_no_label_and_one_label_leave_the_weights_where_they_are() -> None:
    told, _, _ = community(3, 20, 1.0)
    assert learned(told.only(np.zeros(20, dtype=bool)), SHIPPED, ANSWER).tolist() == SHIPPED.tolist()
    one = learned(told.only(np.arange(20) == 0), SHIPPED, ANSWER)
    assert one == pytest.approx(SHIPPED)  # a single pair has no other to differ from
    few = learned(told.only(np.arange(20) < 3), SHIPPED, ANSWER)
    assert 0 < np.abs(few - SHIPPED).sum() / SHIPPED.sum() < 0.25


def test_a_criterion_that_speaks_against_a_pair_is_left_out() -> None:
    random = np.random.default_rng(2)
    criteria = random.random((400, 3))
    weights = learned(examples(criteria, criteria[:, 0] > criteria[:, 1]), np.array([0.4, 0.4, 0.2]), ANSWER)
    assert weights[1] == 0
    assert weights[0] > 0.8


def test_where_everything_speaks_against_the_prior_stays() -> None:
    random = np.random.default_rng(2)
    criteria = random.random((4000, 2))
    prior = np.array([0.5, 0.5])
    assert learned(examples(criteria, criteria.sum(axis=1) < 1), prior, ANSWER).tolist() == prior.tolist()


@pytest.mark.parametrize("differs", [0.0, 0.001])
def test_a_criterion_that_hardly_differs_keeps_its_share(differs: float) -> None:
    told, _, _ = community(4, 200, 0.5)
    criteria = told.features.copy()
    criteria[:, 1] = 0.3 + differs * told.outcome  # what little there is tells all
    weights = learned(examples(criteria, told.outcome), SHIPPED, ANSWER)
    assert 0.5 * SHIPPED[1] < weights[1] < 2 * SHIPPED[1]


def test_the_gradient_is_that_of_the_objective() -> None:
    random = np.random.default_rng(5)
    problem = Objective(random.standard_normal((3, 50)), (random.random(50) < 0.4) * 1.0, np.array([1, 0.5, 0.2]), 7.0)
    at = random.random(5)
    assert problem(at)[1] == pytest.approx(approx_fprime(at, lambda x: problem(x)[0], 1e-7), abs=1e-4)


def test_the_order_of_the_rows_changes_nothing() -> None:
    told, _, _ = community(6, 300, 0.8)
    shuffled = np.random.default_rng(0).permutation(300)
    again = Examples(told.features[shuffled], told.outcome[shuffled], told.query[shuffled], told.pair[shuffled])
    assert learned(again, SHIPPED, ANSWER) == pytest.approx(learned(told, SHIPPED, ANSWER), abs=1e-5)


@given(st.lists(st.text(max_size=4), unique=True, min_size=1, max_size=40), st.randoms())
def test_folds_are_equally_large_and_follow_the_id(ids: list[str], random: object) -> None:
    fold = dict(zip(ids, folds(ids), strict=True))
    shuffled = sorted(ids, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert dict(zip(shuffled, folds(shuffled), strict=True)) == fold
    counts = np.bincount(list(fold.values()), minlength=FOLDS)
    assert counts.max() - counts.min() <= 1


@settings(max_examples=10)
@given(st.integers(0, FOLDS - 1))
def test_what_a_query_says_never_reaches_the_weights_it_is_judged_by(held: int) -> None:
    told, _, _ = community(7, 80, 0.8)
    fold = folds([str(query) for query in range(20)])
    pair = told.pair.copy()
    own, others = fold[told.query] == held, np.flatnonzero(fold[told.query] != held)
    pair[others[:4]] = pair[np.flatnonzero(own)[:4]]  # four pairs are asked for from both sides
    seen = own | np.isin(np.arange(80), others[:4])
    before = without_own_fold(Examples(told.features, told.outcome, told.query, pair), SHIPPED, ANSWER, fold)
    turned = Examples(told.features, told.outcome ^ seen, told.query, pair)
    after = without_own_fold(turned, SHIPPED, ANSWER, fold)
    assert (before[fold == held] == after[fold == held]).all()
    assert (before[fold != held] != after[fold != held]).any()

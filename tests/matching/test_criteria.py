import numpy as np
import pytest

from matching import Policy, Weights, criteria
from matching.combination import assess, both_ways, reciprocal, with_custom
from matching.criteria import Criterion
from matching.statements import gather

from .conftest import cohort_of, profile, vectors_of


def test_creative_meets_growth() -> None:
    people = [profile("a", group="creative"), profile("b", group="growth"), profile("c", group="")]
    found = criteria.creative_growth(people)
    assert found.value.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert found.known.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_markets_are_directed() -> None:
    people = [
        profile("a", country="DE", markets=frozenset({"SE"})),
        profile("b", country="SE", markets=frozenset({"DE", "it"})),
        profile("c", country="IT", markets=frozenset({"PT"})),
        profile("d", country="", markets=frozenset()),
    ]
    found = criteria.markets(people)
    assert found.value.tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.known[3].tolist() == [0, 0, 0, 0]
    assert found.known[0].tolist() == [1, 1, 1, 0]


def test_the_home_market_is_no_foreign_market() -> None:
    people = [
        profile("a", country="DE", markets=frozenset({"DE"})),
        profile("b", country="DE", markets=frozenset({"DE"})),
    ]
    assert not criteria.markets(people).value.any()


def test_languages_count_up_to_three() -> None:
    spoken = [{"en"}, {"en", "de"}, {"en", "de", "pl", "cs"}, set()]
    found = criteria.languages([profile(str(i), languages=frozenset(s)) for i, s in enumerate(spoken)])
    assert found.value.tolist() == [[0.5, 0.5, 0.5, 0], [0.5, 0.75, 0.75, 0], [0.5, 0.75, 1, 0], [0, 0, 0, 0]]
    assert found.known[3].tolist() == [0, 0, 0, 0]


def test_the_less_ready_side_decides() -> None:
    found = criteria.readiness([profile("a", readiness=5), profile("b", readiness=2), profile("c", readiness=None)])
    assert found.value[0].tolist() == [1.0, 0.25, 0.0]
    assert found.known[0].tolist() == [1, 1, 0]


def test_the_dial_turns_the_peak_of_closeness() -> None:
    people = [profile(str(i), description=f"{'tram ' * (i + 1)}{'linen ' * (9 - i)}") for i in range(8)]
    found = gather(people, vectors_of(people))
    quantile, known = criteria.quantiles(found.descriptions)
    pairs = np.triu(known)
    for dial, peak in ((0.0, 0.85), (0.5, 0.55), (1.0, 0.25)):
        value = criteria.closeness(found, dial).value[pairs]
        assert abs(quantile[pairs][value.argmax()] - peak) < 0.05


def test_closeness_without_a_description_is_unknown() -> None:
    people = [profile("a"), profile("b", description=""), profile("c")]
    found = criteria.closeness(gather(people, vectors_of(people)), 0.5)
    assert found.known.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_without_needs_a_direction_is_unknown_and_the_description_counts_less() -> None:
    people = [profile("a", needs=()), profile("b", offers=()), profile("c", description="", offers=(), needs=("x",))]
    found = gather(people, vectors_of(people))
    known = criteria.fit(found, np.zeros((len(found.needs.texts), len(found.offers.texts))), 0.5).known
    assert known.tolist() == [[0, 0, 0], [1, 0.5, 0], [1, 0.5, 0]]


def test_the_weaker_direction_decides() -> None:
    fit = np.array([[0, 0.9], [0.1, 0]], np.float32)
    found = reciprocal(Criterion(fit, np.ones((2, 2), np.float32)), fit)
    assert found.value[0, 1] == found.value[1, 0] == pytest.approx(0.18)


def test_an_order_is_worth_something_to_the_supplier() -> None:
    fit = np.array([[0, 0.9], [0.1, 0]], np.float32)
    assert with_custom(fit, 0.3)[1, 0] == pytest.approx(0.27)
    assert with_custom(fit, 0.0)[1, 0] == pytest.approx(0.1)


def test_one_known_direction_is_half_known() -> None:
    directed = Criterion(np.array([[0, 1], [0, 0]], np.float32), np.array([[0, 1], [0, 0]], np.float32))
    found = both_ways(directed)
    assert (found.value[0, 1], found.known[0, 1]) == (1.0, 0.5)


def test_shares_sum_to_the_strength_and_stay_within_0_and_1() -> None:
    people = cohort_of(20).profiles
    found = assess(people, gather(people, vectors_of(people)), Policy(), Weights())
    assert np.allclose(sum(found.shares.values()), found.strength, atol=1e-4)
    assert found.strength.min() >= 0
    assert found.strength.max() <= 1
    assert np.array_equal(found.strength, found.strength.T)
    assert set(found.shares) == set(Weights().shares())


def test_a_gap_never_beats_a_good_fact_and_never_counts_as_a_match() -> None:
    full, gaps = profile("a", group="growth"), profile("b", group="", markets=frozenset(), readiness=None)
    people = [full, gaps, profile("c")]
    found = assess(people, gather(people, vectors_of(people)), Policy(), Weights())
    assert found.confidence[0, 1] < found.confidence[0, 2]
    assert found.shares["creative_growth"][0, 1] < found.shares["creative_growth"][0, 2]


def test_weights_are_brought_to_one_and_must_not_be_negative() -> None:
    assert sum(Weights(fit=3, closeness=0).shares().values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="negative"):
        Weights(fit=-1).shares()

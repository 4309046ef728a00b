from collections.abc import Sequence

import numpy as np
import pytest

from matching import Cohort, Policy, Profile, Weights, criteria
from matching.combination import Assessment, assess, both_ways, reciprocal, with_custom
from matching.criteria import Criterion
from matching.engine import situation_of
from matching.facts import facts_of
from matching.likeness import Likeness
from matching.pairs import all_pairs

from .conftest import cohort_of, profile, vectors_of


def assessed(people: Sequence[Profile], history: frozenset[tuple[str, str]] = frozenset()) -> Assessment:
    cohort = Cohort(tuple(people), history=history)
    return assess(situation_of(cohort, vectors_of(people), Policy(), Weights()), all_pairs(len(people)))


def test_creative_meets_growth() -> None:
    people = (profile("a", group="creative"), profile("b", group="growth"), profile("c", group=""))
    found = criteria.creative_growth(facts_of(Cohort(people)), all_pairs(3))
    assert found.value.tolist() == [1, 0, 0]
    assert found.known.tolist() == [1, 0, 0]


def test_markets_are_directed() -> None:
    people = (
        profile("a", country="DE", markets=frozenset({"SE"})),
        profile("b", country="SE", markets=frozenset({"DE", "it"})),
        profile("c", country="IT", markets=frozenset({"PT"})),
        profile("d", country="", markets=frozenset()),
    )
    found = criteria.markets(facts_of(Cohort(people)), all_pairs(4))  # ab ac ad bc bd cd
    assert found.value.tolist() == [[1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0]]
    assert found.known.tolist() == [[1, 1, 0, 1, 0, 0], [1, 1, 0, 1, 0, 0]]


def test_the_home_market_is_no_foreign_market() -> None:
    people = [profile(sme, country="DE", markets=frozenset({"DE"})) for sme in ("a", "b")]
    assert not criteria.markets(facts_of(Cohort(tuple(people))), all_pairs(2)).value.any()


def test_nobody_with_a_market_or_a_language_is_no_error() -> None:
    people = tuple(profile(sme, country="", markets=frozenset(), languages=frozenset()) for sme in ("a", "b"))
    facts = facts_of(Cohort(people))
    assert criteria.markets(facts, all_pairs(2)).known.tolist() == [[0], [0]]
    assert criteria.languages(facts, all_pairs(2)).known.tolist() == [0]


def test_languages_count_up_to_three() -> None:
    spoken = [{"en"}, {"en", "de"}, {"en", "de", "pl", "cs"}, {"en", "de", "pl"}, set()]
    people = tuple(profile(str(i), languages=frozenset(s)) for i, s in enumerate(spoken))
    found = criteria.languages(facts_of(Cohort(people)), all_pairs(5))
    assert found.value.tolist() == [0.5, 0.5, 0.5, 0, 0.75, 0.75, 0, 1, 0, 0]
    assert found.known.tolist() == [1, 1, 1, 0, 1, 1, 0, 1, 0, 0]


def test_the_less_ready_side_decides() -> None:
    people = (profile("a", readiness=5), profile("b", readiness=2), profile("c", readiness=None))
    found = criteria.readiness(facts_of(Cohort(people)), all_pairs(3))
    assert found.value.tolist() == [0.25, 0, 0]
    assert found.known.tolist() == [1, 0, 0]


def test_the_dial_turns_the_peak_of_closeness() -> None:
    quantile = np.linspace(0, 1, 101)
    for dial, peak in ((0.0, 0.85), (0.5, 0.55), (1.0, 0.25)):
        value = criteria.closeness(Likeness(quantile, np.ones(101, dtype=bool)), dial).value
        assert quantile[value.argmax()] == pytest.approx(peak)
        assert (value.max(), value.min()) == (1, 0)


def test_closeness_without_a_description_is_unknown() -> None:
    found = assessed([profile("a"), profile("b", description=""), profile("c")]).symmetric["closeness"]
    assert found.known.tolist() == [0, 1, 0]


def test_shared_past_partners_speak_for_a_pair() -> None:
    history = frozenset({("a", "lab"), ("b", "lab"), ("c", "other lab")})
    found = assessed([profile(sme) for sme in "abcd"], history).symmetric["history"]  # ab ac ad bc bd cd
    assert found.value[0] > 0.5
    assert found.value[1:].tolist() == [0, 0, 0, 0, 0]
    assert found.known.tolist() == [1, 1, 0, 1, 0, 0]


def test_without_needs_a_direction_is_unknown_and_the_description_counts_less() -> None:
    people = [profile("a", needs=()), profile("b", offers=()), profile("c", description="", offers=(), needs=("x",))]
    known = assessed(people).directed["fit"].known  # ab ac bc
    assert known.tolist() == [[0, 0, 0], [1, 1, 0.5]]


def test_the_weaker_direction_decides() -> None:
    fit = np.array([[0.9], [0.1]], np.float32)
    found = reciprocal(Criterion(fit, np.ones((2, 1), np.float32)), fit)
    assert found.value.tolist() == [pytest.approx(0.18)]


def test_an_order_is_worth_something_to_the_supplier() -> None:
    fit = np.array([[0.9], [0.1]], np.float32)
    assert with_custom(fit, 0.3)[1].tolist() == [pytest.approx(0.27)]
    assert with_custom(fit, 0.0)[1].tolist() == [pytest.approx(0.1)]


def test_one_known_direction_is_half_known() -> None:
    directed = Criterion(np.array([[1], [0]], np.float32), np.array([[1], [0]], np.float32))
    found = both_ways(directed)
    assert (found.value[0], found.known[0]) == (1.0, 0.5)


def test_shares_sum_to_the_strength_and_stay_within_0_and_1() -> None:
    found = assessed(cohort_of(20).profiles)
    assert np.allclose(sum(found.shares.values()), found.strength, atol=1e-4)
    assert found.strength.min() >= 0
    assert found.strength.max() <= 1
    assert set(found.shares) == set(Weights().shares())


def test_a_gap_never_beats_a_good_fact_and_never_counts_as_a_match() -> None:
    full, gaps = profile("a", group="growth"), profile("b", group="", markets=frozenset(), readiness=None)
    found = assessed([full, gaps, profile("c")])  # ab ac bc
    assert found.confidence[0] < found.confidence[1]
    assert found.shares["creative_growth"][0] < found.shares["creative_growth"][1]


def test_weights_are_brought_to_one_and_must_not_be_negative() -> None:
    assert sum(Weights(fit=3, closeness=0).shares().values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="negative"):
        Weights(fit=-1)
    with pytest.raises(ValueError, match="not all of fit, closeness"):
        Weights(*[0.0] * 6)
    with pytest.raises(ValueError, match="lexical must be from 0 to 1"):
        Weights(lexical=1.5)

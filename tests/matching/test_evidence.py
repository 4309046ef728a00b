from dataclasses import replace

import numpy as np
import pytest

from matching import Cohort, Match, Policy, Weights, build
from matching.engine import situation_of
from matching.evidence import distance_in_words, missing, quotes, strength_in_words

from .conftest import cohort_of, profile, vectors_of


def match(a: str, b: str, cohort: Cohort) -> Match:
    cohort = replace(cohort, pinned=frozenset({(a, b)}))
    found = build(cohort, vectors_of(cohort.profiles), Policy(), Weights(), seed=1)
    return next(m for m in found.matches if (m.a, m.b) == (a, b))


def with_two(a: dict[str, object], b: dict[str, object]) -> Cohort:
    return Cohort((*cohort_of(20).profiles, profile("x", **a), profile("y", **b)))


def test_the_best_quotes_are_verbatim_and_one_per_direction() -> None:
    cohort = with_two(
        {"needs": ("a tram bell", "a Chimney,  swept!"), "offers": ("lanterns of blue glass",)},
        {"needs": ("somebody for shoes", "lanterns of blue glass"), "offers": ("cheese", "a Chimney,  swept!")},
    )
    found = match("x", "y", cohort)
    assert found.a_to_b is not None
    assert found.b_to_a is not None
    assert (found.a_to_b.need, found.a_to_b.offer) == ("a Chimney,  swept!", "a Chimney,  swept!")
    assert (found.b_to_a.need, found.b_to_a.offer) == ("lanterns of blue glass", "lanterns of blue glass")
    assert (found.a_to_b.strength, found.a_to_b.source) == ("strong", "offer")
    assert found.criteria["fit_a_to_b"] == pytest.approx(found.a_to_b.value, abs=1e-4)


@pytest.mark.parametrize("cells", [1, 5, 40])
def test_the_quotes_are_the_same_however_many_at_once(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = with_two({"needs": ("a tram bell", "a linen coat")}, {"offers": (), "description": ""})
    situation = situation_of(cohort, vectors_of(cohort.profiles), Policy(), Weights())
    asking, offering = np.indices((22, 22)).reshape(2, -1).tolist()
    whole = quotes(asking, offering, situation)
    monkeypatch.setattr("matching.evidence.CELLS", cells)
    assert quotes(asking, offering, situation) == whole
    assert None in whole
    assert quotes([20], [3], situation) == [whole[20 * 22 + 3]] != [None]
    assert quotes([], [], situation) == []


def test_a_silent_side_has_no_quote_and_is_told() -> None:
    found = match("x", "y", with_two({"needs": ()}, {"offers": (), "description": ""}))
    assert found.a_to_b is None
    assert "needs_missing:x" in found.missing
    assert "offers_missing:y" in found.missing
    assert "fit_a_to_b" not in found.criteria


def test_a_sentence_of_the_description_can_answer_a_need() -> None:
    cohort = with_two({"needs": ("violet umbrellas",)}, {"offers": (), "description": "We only sew violet umbrellas."})
    quote = match("x", "y", cohort).a_to_b
    assert quote is not None
    assert (quote.offer, quote.source) == ("We only sew violet umbrellas.", "description")


def test_where_nothing_fits_nothing_is_quoted() -> None:
    found = match("x", "y", with_two({"needs": ("zebra",)}, {"offers": ("quartz",)}))
    assert found.a_to_b is None
    assert "nothing_offered_for:x" in found.missing


def test_what_a_pair_lacks_is_told_in_codes() -> None:
    a = profile("a", languages=frozenset({"en", "de"}), country="DE", markets=frozenset({"PT"}), sector="")
    b = profile("b", languages=frozenset({"en", "pl"}), country="PL", markets=frozenset({"SE"}), readiness=None)
    assert set(missing(a, b, None, None)) == {
        "no_shared_language_but:en",
        "no_market_overlap",
        "sector_unknown:a",
        "readiness_unknown:b",
        "nothing_offered_for:a",
        "nothing_offered_for:b",
    }


@pytest.mark.parametrize(("value", "word"), [(0.75, "strong"), (0.74, "good"), (0.45, "good"), (0.44, "possible")])
def test_strength_in_words(value: float, word: str) -> None:
    assert strength_in_words(value) == word


@pytest.mark.parametrize(
    ("quantile", "known", "word"), [(0.9, True, "close"), (0.59, True, "near"), (0.1, True, "far"), (0.9, False, "")]
)
def test_distance_in_words(quantile: float, known: bool, word: str) -> None:
    assert distance_in_words(quantile, known) == word

from dataclasses import replace

import numpy as np
import pytest

from matching.background import measure
from matching.evaluation import candidates, evaluate, evaluate_languages
from matching.ranking import RankingWeights, combined, signals, statements_of
from matching.tables import InputError, Table

from .conftest import THEMES, embed, profile

PEOPLE = tuple(
    profile(
        f"{i:02d}", country=f"C{i % 3}", description=f"We make the {THEMES[i % 6]} and {i} more.", offers=(), needs=()
    )
    for i in range(24)
)
TABLE = Table(PEOPLE, {p.id: float(int(p.id) % 4) for p in PEOPLE})
VECTORS = {text: embed(text) for p in PEOPLE for text in statements_of(p)}
HISTORY = frozenset({("00", "07"), ("03", "x"), ("10", "x"), ("03", "y")})
PAIRS = {"00": frozenset({"01", "13"}), "03": frozenset({"10"})}


def test_all_rankers_stand_side_by_side_with_intervals() -> None:
    found = evaluate(TABLE, PAIRS, HISTORY, VECTORS, "country", seed=1)
    assert found["queries"] == 2
    rankers = found["rankers"]
    assert isinstance(rankers, dict)
    assert list(rankers) == ["random", "popularity", "tfidf", "embedding", "matcher"]
    for measures in rankers.values():
        assert list(measures) == ["hit@10", "recall@50", "mrr", "ndcg@10"]
        assert all(0 <= m["low"] <= m["mean"] <= m["high"] <= 1 for m in measures.values())
    assert found == evaluate(Table(PEOPLE[::-1], TABLE.activity), PAIRS, HISTORY, VECTORS, "country", seed=1)


def test_known_partners_and_equal_countries_are_no_candidates_and_unknown_ones_are() -> None:
    people = [*PEOPLE[:8], replace(PEOPLE[9], country="")]
    allowed = candidates(people, HISTORY, "country")
    assert not allowed.diagonal().any()
    assert not allowed[0, 7]  # known
    assert not allowed[0, 3]  # the same country
    assert allowed[0, 8]
    assert allowed[8, 0]


def test_pairs_that_are_all_known_already_are_refused() -> None:
    with pytest.raises(InputError, match="none of the pairs is a candidate"):
        evaluate(TABLE, {"00": frozenset({"07"})}, HISTORY, VECTORS, None, seed=1)


def test_signals_lie_within_0_and_1_and_carry_shared_partners() -> None:
    found = signals(PEOPLE, TABLE.activity, HISTORY, VECTORS, np.arange(24))
    for values in found.values():
        assert values.shape == (24, 24)
    assert all(combined(found, RankingWeights(), name).min() >= 0 for name in ("", "words"))
    assert combined(found, RankingWeights()).max() <= 1
    assert found["history"][3, 10] > 0 == found["history"][3, 11]


def test_the_silent_are_ranked_too() -> None:
    people = (
        profile("a", description="", sector="", offers=(), needs=()),
        profile("b", description="", offers=(), needs=()),
    )
    found = signals(people, {}, frozenset(), {}, np.arange(2))
    assert not combined(found, RankingWeights()).any()


def test_twins_are_found_in_each_language() -> None:
    words = [f"word{i}" for i in range(12)]
    rows = [{"lang": lang, "text": f"{lang}-{w}", "english": w} for lang in ("de", "et") for w in words]
    vectors = {w: embed(w) for w in words} | {f"de-{w}": embed(w) for w in words}
    vectors |= {f"et-{w}": embed("other " + words[(i + 1) % 12]) for i, w in enumerate(words)}
    found = evaluate_languages(rows, vectors)
    assert found["languages"] == {"de": 1.0, "et": 0.0}
    assert (found["min"], found["mean"]) == (0.0, 0.5)
    assert found["as_the_engine_uses_them"] == "the set's own means"


def test_twins_are_found_with_the_means_of_the_background_and_of_the_set_side_by_side() -> None:
    words = [f"word{i}" for i in range(12)]
    rows = [{"lang": "de", "text": f"de-{w}", "english": w} for w in words]
    shifted = {f"de-{w}": embed(f"{w} und und und") for w in words}
    english = [embed(w) for w in words]
    fixed = measure(words, ["en"] * 12, english, "made-up")
    found = evaluate_languages(rows, dict(zip(words, english, strict=True)) | shifted, fixed)
    own = found["own_means"]
    assert isinstance(own, dict)
    assert found["as_the_engine_uses_them"] == "background of made-up"
    assert list(found) == ["languages", "min", "mean", "as_the_engine_uses_them", "means", "own_means", "raw", "csls"]
    assert list(own) == ["de", "min", "mean"]

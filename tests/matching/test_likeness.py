from dataclasses import replace

import numpy as np
import pytest

from matching.likeness import in_common, likeness, scale_of
from matching.pairs import all_pairs, pairs_of
from matching.statements import Texts, gather

from .conftest import cohort_of, profile, vectors_of


def placed(*angles: float | None, languages: tuple[str, ...] = ()) -> Texts:
    """Texts whose descriptions lie at these angles (degrees) on a circle; None is no description."""
    people = [profile(str(i)) for i in range(len(angles))]
    rows = [(0.0, 0.0) if a is None else (np.cos(np.radians(a)), np.sin(np.radians(a))) for a in angles]
    found = gather(people, vectors_of(people))
    return replace(
        found,
        descriptions=np.array(rows),
        languages=np.array(languages or ["en"] * len(angles)),
        background=replace(found.background, alike=(0.5, 0.1)),
    )


def quantiles(texts: Texts) -> list[float]:
    found: list[float] = likeness(texts, all_pairs(len(texts.languages)), scale_of(texts)).quantile.tolist()
    return found


def test_only_pairs_with_something_in_common_are_ranked() -> None:
    assert quantiles(placed(0, 10, 30, 200)) == pytest.approx([5 / 6, 1 / 6, 0, 3 / 6, 0, 0])


def test_two_languages_have_a_floor_of_their_own() -> None:
    assert quantiles(placed(0, 70, languages=("en", "de"))) == [0.5]
    assert quantiles(placed(0, 70)) == [0]


def test_without_a_description_nothing_is_known() -> None:
    texts = placed(0, None, 10)
    found = likeness(texts, all_pairs(3), scale_of(texts))
    assert found.known.tolist() == [False, True, False]
    assert found.quantile.tolist() == [0, 0.5, 0]


def test_the_pairs_of_one_have_the_quantiles_they_have_among_all() -> None:
    people = cohort_of(14).profiles
    texts = gather(people, vectors_of(people))
    scale = scale_of(texts)
    every = dict(zip(all_pairs(14).codes().tolist(), likeness(texts, all_pairs(14), scale).quantile, strict=True))
    some = pairs_of(5, 14)
    assert likeness(texts, some, scale).quantile.tolist() == [every[code] for code in some.codes().tolist()]


def test_a_large_cohort_is_ranked_among_drawn_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    people = cohort_of(30).profiles
    texts = gather(people, vectors_of(people))
    exact = likeness(texts, all_pairs(30), scale_of(texts)).quantile
    monkeypatch.setattr("matching.likeness.EVERY_PAIR", 10)
    drawn = likeness(texts, all_pairs(30), scale_of(texts)).quantile  # far more draws than pairs: nearly all are there
    assert np.abs(drawn - exact).max() < 0.01
    assert in_common(texts, all_pairs(30))[1].all()

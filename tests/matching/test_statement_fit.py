from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights
from matching.background import Background, measure
from matching.combination import assess
from matching.profile import Profile, texts
from matching.statement_fit import lexical, quantiles, semantic, statement_fit
from matching.statements import Statements, gather

from .conftest import cohort_of, embed, profile, vectors_of
from .test_engine import cohorts, profiles


def of_themes() -> Background:
    """A fixed background in the dimensions of the made-up vectors."""
    said = [text for p in cohort_of(24).profiles for text in texts(p)]
    return measure(said, ["en"] * len(said), [embed(text) for text in said], "made-up")


FIXED = of_themes()


def fits_of(people: tuple[Profile, ...]) -> np.ndarray:
    found = assess(people, gather(people, vectors_of(people), FIXED), Policy(), Weights())
    return found.directed["fit"].value


@settings(max_examples=60, deadline=None)
@given(cohorts(), profiles(99))
def test_another_profile_changes_no_fit_of_the_others(cohort: Cohort, newcomer: Profile) -> None:
    first = fits_of((newcomer, *cohort.profiles))
    assert np.array_equal(first[1:, 1:], fits_of(cohort.profiles))


def block(of: Statements, rows: np.ndarray) -> Statements:
    said = tuple(of.texts[i] for i in rows)
    return replace(of, texts=said, languages=of.languages[rows], vectors=of.vectors[rows], words=of.words[rows])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_block_of_rows_and_columns_has_the_same_numbers(seed: int) -> None:
    draw = np.random.default_rng(seed)
    people = (*cohort_of(30).profiles, profile("x", needs=("leise Glocken für die Bahn",), offers=("Glocken",)))
    found = gather(people, vectors_of(people), FIXED)
    whole = statement_fit(found.needs, found.offers, FIXED, 0.35)
    rows = draw.permutation(len(found.needs.texts))[: draw.integers(0, 9)]
    columns = draw.permutation(len(found.offers.texts))[: draw.integers(1, 40)]
    part = statement_fit(block(found.needs, rows), block(found.offers, columns), FIXED, 0.35)
    assert np.array_equal(part, whole[np.ix_(rows, columns)])


def test_a_need_finds_the_offer_that_says_the_same() -> None:
    people = (*cohort_of(24).profiles, profile("x", needs=("a quiet tram bell by hand",)))
    found = gather(people, vectors_of(people))
    row = semantic(found.needs, found.offers, found.background)[-1]
    assert "tram bell" in found.offers.texts[int(row.argmax())]
    assert row.max() > 0.5 > np.median(row)


def test_each_direction_between_languages_has_its_own_scale() -> None:
    people = [
        profile("a", description="", needs=("we need the bell for our work",), offers=()),
        profile("b", description="", needs=(), offers=("we make the bell for your work",)),
    ]
    found = gather(people, vectors_of(people), FIXED)
    scales = replace(FIXED, within=(0.9, 0.1), across=(0.1, 0.1))
    foreign = replace(found.offers, languages=np.array(["de"]))
    assert semantic(found.needs, foreign, scales)[0, 0] > semantic(found.needs, found.offers, scales)[0, 0]


def test_shared_letters_count_and_unrelated_words_do_not() -> None:
    people = [
        profile("a", needs=("Klanginstallation im Museum",), offers=()),
        profile("b", needs=(), offers=("Klanginstallationen für Museen", "gebogene Stahlrohre")),
    ]
    found = gather(people, vectors_of(people), FIXED)
    start = int(found.offers.bounds[1])
    same, other = lexical(found.needs, found.offers)[0, start : start + 2]
    assert same > 0.4
    assert other == 0


def test_words_raise_a_fit_and_never_lower_it() -> None:
    people = cohort_of(12).profiles
    found = gather(people, vectors_of(people), FIXED)
    with_words, without = (statement_fit(found.needs, found.offers, FIXED, weight) for weight in (0.35, 0.0))
    assert (with_words >= without).all()
    assert (with_words > without).any()


def test_quantiles_are_midranks_above_the_floor() -> None:
    cosines = np.array([0.1, 0.5, 0.3, 0.5, 0.9, 0.2])
    known = np.array([True, True, True, True, False, True])
    assert quantiles(cosines, known, 0.2).tolist() == pytest.approx([0, 4 / 6, 1 / 6, 4 / 6, 0, 0])
    assert not quantiles(cosines, known, 0.9).any()
    assert quantiles(np.zeros(0), np.zeros(0, bool), 0.2).shape == (0,)


def test_a_pair_in_two_languages_counts_by_how_far_it_stands_above_its_own_floor() -> None:
    found = quantiles(np.array([0.5, 0.4, 0.35]), np.ones(3, bool), np.array([0.4, 0.2, 0.2]))
    assert found.tolist() == pytest.approx([1 / 6, 5 / 6, 3 / 6])


numbers = st.lists(st.integers(-8, 8).map(lambda x: x / 8), max_size=30)


@settings(max_examples=100, deadline=None)
@given(numbers, numbers)
def test_an_unrelated_newcomer_changes_no_quantile(among: list[float], newcomers: list[float]) -> None:
    cosines, below = np.array(among), np.minimum(np.array(newcomers), 0.25)
    before = quantiles(cosines, np.ones(len(cosines), bool), 0.25)
    both = np.concatenate([below, cosines])
    after = quantiles(both, np.ones(len(both), bool), 0.25)
    assert np.array_equal(after[len(below) :], before)
    assert not after[: len(below)].any()

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights
from matching.background import Background, measure
from matching.combination import Assessment, assess
from matching.engine import situation_of
from matching.likeness import in_common
from matching.pairs import all_pairs, pairs_of
from matching.profile import Profile, texts
from matching.statement_fit import fit_of_pairs, lexical, statement_fit
from matching.statements import Statements, gather

from .conftest import cohort_of, embed, profile, vectors_of
from .test_engine import cohorts, profiles


def of_themes() -> Background:
    """A fixed background in the dimensions of the made-up vectors, of enough texts to correct for hubs."""
    said = sorted({text for p in cohort_of(96).profiles for text in texts(p)})
    return measure(said, ["en"] * len(said), [embed(text) for text in said], "made-up")


FIXED = of_themes()


def assessed(people: tuple[Profile, ...], among: int) -> Assessment:
    """All pairs of the first few, within the cohort of all."""
    pairs = all_pairs(len(people))
    situation = situation_of(Cohort(people), vectors_of(people), Policy(), Weights(), FIXED)
    return assess(situation, pairs.where(pairs.second < among))


@settings(max_examples=60)
@given(cohorts(), profiles(99))
def test_another_profile_changes_no_fit_of_the_others(cohort: Cohort, newcomer: Profile) -> None:
    n = len(cohort.profiles)
    before, after = assessed(cohort.profiles, n), assessed((*cohort.profiles, newcomer), n)
    for name in set(before.shares) - {"closeness"}:
        assert np.array_equal(after.shares[name], before.shares[name])
    assert np.array_equal(after.fit, before.fit)


@settings(max_examples=60)
@given(cohorts(), profiles(99))
def test_an_unrelated_profile_changes_no_criterion_of_the_others(cohort: Cohort, newcomer: Profile) -> None:
    stranger = replace(newcomer, description="<unlike everything>")
    n = len(cohort.profiles)
    whole = situation_of(
        Cohort((*cohort.profiles, stranger)), vectors_of((*cohort.profiles, stranger)), Policy(), Weights(), FIXED
    )
    assume(not (in_common(whole.texts, pairs_of(n, n + 1))[0] > 0).any())
    before, after = assessed(cohort.profiles, n), assessed((*cohort.profiles, stranger), n)
    for name, criterion in (before.symmetric | before.directed).items():
        found = (after.symmetric | after.directed)[name]
        assert np.array_equal(found.value, criterion.value)
        assert np.array_equal(found.known, criterion.known)
    assert np.array_equal(after.strength, before.strength)


def block(of: Statements, rows: np.ndarray) -> Statements:
    said = tuple(of.texts[i] for i in rows)
    return replace(of, texts=said, languages=of.languages[rows], vectors=of.vectors[rows], words=of.words[rows])


@settings(max_examples=40)
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
    at = draw.integers(len(found.needs.texts), size=20), draw.integers(len(found.offers.texts), size=20)
    assert np.array_equal(fit_of_pairs(found.needs, found.offers, at, FIXED, 0.35), whole[at])


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_pairs_of_statements_have_the_same_fit_however_many_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = cohort_of(30).profiles
    found = gather(people, vectors_of(people), FIXED)
    rows, columns = np.indices((len(found.needs.texts), len(found.offers.texts))).reshape(2, -1)[:, ::7]
    monkeypatch.setattr("matching.statement_fit.AT_ONCE", at_once)
    some = fit_of_pairs(found.needs, found.offers, (rows, columns), FIXED, 0.35)
    assert np.array_equal(some, statement_fit(found.needs, found.offers, FIXED, 0.35)[rows, columns])


def test_a_fit_is_corrected_for_hubs_where_the_background_knows_them() -> None:
    people = cohort_of(24).profiles
    without = replace(FIXED, references=FIXED.references[:0])
    found, plain = gather(people, vectors_of(people), FIXED), gather(people, vectors_of(people), without)
    products, cosines = (of.needs.vectors @ of.offers.vectors.T for of in (found, plain))
    assert (products < cosines).all()
    assert np.array_equal(found.descriptions, plain.descriptions)


def test_a_need_finds_the_offer_that_says_the_same() -> None:
    people = (*cohort_of(24).profiles, profile("x", needs=("a quiet tram bell by hand",)))
    found = gather(people, vectors_of(people))
    row = statement_fit(found.needs, found.offers, found.background, 0)[-1]
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
    assert statement_fit(found.needs, foreign, scales, 0) > statement_fit(found.needs, found.offers, scales, 0)


def test_shared_letters_count_and_unrelated_words_do_not() -> None:
    people = [
        profile("a", needs=("Klanginstallation im Museum",), offers=()),
        profile("b", needs=(), offers=("Klanginstallationen für Museen", "gebogene Stahlrohre")),
    ]
    found = gather(people, vectors_of(people), FIXED)
    start = int(found.offers.bounds[1])
    same, other = lexical((found.needs.words @ found.offers.words.T).toarray())[0, start : start + 2]
    assert same > 0.4
    assert other == 0


def test_words_raise_a_fit_and_never_lower_it() -> None:
    people = cohort_of(12).profiles
    found = gather(people, vectors_of(people), FIXED)
    with_words, without = (statement_fit(found.needs, found.offers, FIXED, weight) for weight in (0.35, 0.0))
    assert (with_words >= without).all()
    assert (with_words > without).any()

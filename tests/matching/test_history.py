from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights, build
from matching.combination import assess
from matching.engine import situation_of
from matching.history import history_of
from matching.pairs import all_pairs, pairs_of

from .conftest import cohort_of, vectors_of

people = st.sampled_from("abcdefgh")
networks = st.frozensets(st.tuples(people, people), max_size=14)


def shared(ids: str, history: Iterable[tuple[str, str]]) -> list[float]:
    """Of all pairs of the ids, in order."""
    found: list[float] = history_of(list(ids), history).shared(all_pairs(len(ids))).tolist()
    return found


def test_a_shared_partner_outside_the_cohort_counts() -> None:
    ab, ac, bc = shared("abc", {("a", "x"), ("b", "x"), ("c", "y")})
    assert ab > 0
    assert (ac, bc) == (0, 0)
    assert history_of(["a", "b", "c"], {("a", "x")}).active.tolist() == [True, False, False]


def test_one_partner_that_is_the_only_one_of_both_is_full_and_of_everybody_says_less() -> None:
    assert shared("ab", {("a", "x"), ("b", "x")}) == [1]
    assert 0 < shared("ab", {(sme, "hub") for sme in "abcdefghij"})[0] < 1


@given(networks)
def test_history_is_within_0_and_1_and_blind_to_direction(pairs: frozenset[tuple[str, str]]) -> None:
    found = shared("abcde", pairs)
    assert all(0 <= value <= 1 for value in found)
    assert found == shared("abcde", {(b, a) for a, b in pairs})


@given(networks)
def test_any_pairs_asked_for_get_what_all_pairs_get(pairs: frozenset[tuple[str, str]]) -> None:
    network = history_of(list("abcde"), pairs)
    every = dict(zip(all_pairs(5).codes().tolist(), network.shared(all_pairs(5)), strict=True))
    for place in range(5):
        some = pairs_of(place, 5)
        assert network.shared(some).tolist() == [every[code] for code in some.codes().tolist()]


@given(networks)
def test_someone_without_ties_changes_nothing(pairs: frozenset[tuple[str, str]]) -> None:
    more = history_of([*"abcde", "new"], pairs).shared(all_pairs(6).where(all_pairs(6).second < 5))
    assert more.tolist() == shared("abcde", pairs)


def test_in_a_build_history_adds_a_share_and_forbids_known_partners() -> None:
    cohort = cohort_of(16)
    vectors = vectors_of(cohort.profiles)
    history = frozenset({("000", "005"), ("001", "x"), ("004", "x")})
    found = build(Cohort(cohort.profiles, history=history), vectors, Policy(), Weights(), seed=1)
    pairs = {(m.a, m.b): m for m in found.matches}
    assert ("000", "005") not in pairs
    assert all("history" in m.shares for m in found.matches)
    assert all("history" not in m.shares for m in build(cohort, vectors, Policy(), Weights(), seed=1).matches)


def test_without_history_its_weight_changes_nothing() -> None:
    cohort = cohort_of(16)
    vectors = vectors_of(cohort.profiles)
    plain = build(cohort, vectors, Policy(), Weights(), seed=1).to_json()
    assert build(cohort, vectors, Policy(), Weights(history=0.5), seed=1).to_json() == plain


def test_shared_partners_raise_a_pair_and_leave_the_others_as_they_were() -> None:
    people = cohort_of(8).profiles
    history = frozenset({("001", "x"), ("004", "x"), ("006", "y")})
    plain, after = (
        assess(situation_of(Cohort(people, history=h), vectors_of(people), Policy(), Weights()), all_pairs(8))
        for h in (frozenset[tuple[str, str]](), history)
    )
    raised = all_pairs(8).codes() == 1 * 8 + 4
    assert np.array_equal(after.strength[~raised], plain.strength[~raised])
    assert after.strength[raised] > plain.strength[raised]
    total = sum(share[raised] for share in after.shares.values())
    assert total == pytest.approx(after.strength[raised], abs=1e-5)
    assert after.shares["history"][raised] == pytest.approx(Weights().shares(history=True)["history"], abs=1e-5)

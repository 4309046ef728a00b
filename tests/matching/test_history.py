import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights, build
from matching.history import shared_partners

from .conftest import cohort_of, vectors_of

people = st.sampled_from("abcdefgh")
networks = st.frozensets(st.tuples(people, people), max_size=14)


def test_a_shared_partner_outside_the_cohort_counts() -> None:
    found = shared_partners(["a", "b", "c"], {("a", "x"), ("b", "x"), ("c", "y")})
    assert found.value[0, 1] == found.value[1, 0] > 0
    assert found.value[0, 2] == 0
    assert found.known.all()


def test_a_partner_of_everybody_says_less() -> None:
    star = {(sme, "hub") for sme in "abcdefghij"}
    few = shared_partners(["a", "b"], {("a", "x"), ("b", "x")}).value[0, 1]
    assert shared_partners(["a", "b"], star).value[0, 1] < few


@given(networks)
def test_history_is_symmetric_within_0_and_1_and_blind_to_direction(pairs: frozenset[tuple[str, str]]) -> None:
    found = shared_partners(list("abcde"), pairs)
    assert np.array_equal(found.value, found.value.T)
    assert 0 <= found.value.min() <= found.value.max() <= 1
    assert np.array_equal(found.value, shared_partners(list("abcde"), {(b, a) for a, b in pairs}).value)


@given(networks)
def test_someone_without_ties_changes_nothing(pairs: frozenset[tuple[str, str]]) -> None:
    found = shared_partners(list("abcde"), pairs).value
    assert np.array_equal(shared_partners([*"abcde", "new"], pairs).value[:5, :5], found)


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

from dataclasses import replace

import numpy as np
import pytest

from matching import Cohort, Policy, Weights, build
from matching.combination import Situation, assess
from matching.engine import situation_of
from matching.first_pass import best, candidates, layers
from matching.pairs import Pairs, all_pairs
from matching.statements import gather

from .conftest import cohort_of, profile, vectors_of


def situation(cohort: Cohort, policy: Policy | None = None) -> Situation:
    return situation_of(cohort, vectors_of(cohort.profiles), policy or Policy(), Weights())


def listed(pairs: Pairs) -> set[tuple[int, int]]:
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As large cohorts are treated, in small."""
    monkeypatch.setattr("matching.first_pass.NEAREST", 6)
    monkeypatch.setattr("matching.first_pass.OF_EACH_TRAIT", 2)
    monkeypatch.setattr("matching.first_pass.CELLS", 100)  # several blocks
    monkeypatch.setattr("matching.engine.EXACT", 10)


def test_with_room_for_all_every_open_pair_is_a_candidate() -> None:
    cohort = replace(cohort_of(12), banned=frozenset({("000", "001")}))
    assert listed(candidates(situation(cohort))) == listed(all_pairs(12)) - {(0, 1)}


@pytest.mark.usefixtures("few")
def test_the_strongest_partner_of_each_is_a_candidate() -> None:
    found = situation(cohort_of(40))
    exact = assess(found, all_pairs(40))
    there = listed(candidates(found))
    for i in range(40):
        ends = (exact.pairs.first == i) | (exact.pairs.second == i)
        strongest = np.flatnonzero(ends & (exact.strength == exact.strength[ends].max()))
        pairs = {(int(exact.pairs.first[k]), int(exact.pairs.second[k])) for k in strongest}
        assert pairs & there


@pytest.mark.usefixtures("few")
def test_enough_of_each_trait_and_every_pin_are_candidates() -> None:
    rome = tuple(replace(p, city="Rome") for p in cohort_of(30).profiles)
    linz = tuple(profile(f"z{i}", city="Linz", needs=("x",), offers=("y",)) for i in range(3))
    cohort = Cohort((*rome, *linz), pinned=frozenset({("000", "029")}))
    pairs = candidates(situation(cohort))
    across = pairs.counts(np.asarray((pairs.first < 30) & (pairs.second >= 30)))
    assert across.min() >= 2
    assert (0, 29) in listed(pairs)


@pytest.mark.usefixtures("few")
def test_a_large_cohort_gets_lists_like_a_small_one() -> None:
    cohort = cohort_of(40)
    found = build(cohort, vectors_of(cohort.profiles), Policy(), Weights(), seed=1)
    assert found.short == {}
    assert all(3 <= len(partners) <= 5 for partners in found.lists.values())
    turned = replace(cohort, profiles=cohort.profiles[::-1])
    assert build(turned, vectors_of(cohort.profiles), Policy(), Weights(), seed=1) == found


def test_a_silent_cohort_has_no_candidates() -> None:
    people = tuple(profile(str(i), description="", offers=(), needs=()) for i in range(4))
    assert len(candidates(situation(Cohort(people)))) == 0


def test_statements_in_layers() -> None:
    people = [profile("a", needs=("one",)), profile("b", needs=()), profile("c", needs=tuple("stuvwxyz"))]
    needs = gather(people, vectors_of(people)).needs
    found = layers(needs)
    assert found.shape[:2] == (4, 3)
    assert np.array_equal(found[:, 0], np.tile(needs.vectors[:1].astype(np.float32), (4, 1)))
    assert not found[:, 1].any()
    assert np.array_equal(found[:3, 2], needs.vectors[1:4].astype(np.float32))
    assert np.allclose(found[3, 2], needs.vectors[4:].mean(axis=0), atol=1e-6)


def test_the_best_allowed_entries_of_each_row() -> None:
    values = np.array([[0.1, 0.9, 0.5, 0.7], [0.4, 0.3, 0.2, 0.1]], np.float32)
    allowed = np.array([[True, False, True, True], [False, False, False, True]])
    assert best(values, allowed, 2).tolist() == [[False, False, True, True], [False, False, False, True]]

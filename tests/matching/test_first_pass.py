from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights, build
from matching.combination import Situation, assess
from matching.engine import situation_of
from matching.first_pass import best, candidates, layers
from matching.pairs import Pairs, all_pairs
from matching.selection import random_words
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
    # Closeness is judged afterwards: of more equals in all else than there is room for, any may be the closest.
    strength = np.sum([share for name, share in exact.shares.items() if name != "closeness"], axis=0)
    for i in range(40):
        ends = (exact.pairs.first == i) | (exact.pairs.second == i)
        strongest = np.flatnonzero(ends & (strength == strength[ends].max()))
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


@pytest.mark.usefixtures("few")
def test_where_all_are_alike_everybody_is_a_candidate_of_about_as_many() -> None:
    people = tuple(replace(p, needs=(), offers=(), city="", sector="", group="") for p in cohort_of(400).profiles)
    found = candidates(situation(Cohort(people)))
    counts = found.counts(np.ones(len(found), dtype=bool))
    assert counts.min() >= 6
    assert counts.max() <= 3 * 6
    assert len(found) <= 6 * 400


@pytest.mark.usefixtures("few")
def test_the_same_candidates_for_any_workers_blocks_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    people = (*cohort_of(40).profiles, *(profile(f"x{i}", offers=(), needs=()) for i in range(40)))
    found = candidates(situation(Cohort(people)), workers=1)
    last_first = candidates(situation(Cohort(people[::-1])), workers=2)
    assert listed(last_first) == {(79 - b, 79 - a) for a, b in listed(found)}
    monkeypatch.setattr("matching.first_pass.CELLS", 10_000)
    assert listed(candidates(situation(Cohort(people)), workers=2)) == listed(found)


WORDS = random_words("abcd", seed=0)


def test_the_best_allowed_entries_of_each_row() -> None:
    values = np.array([[0.1, 0.9, 0.5, 0.7], [0.4, 0.3, 0.2, 0.1]], np.float32)
    allowed = np.array([[True, False, True, True], [False, False, False, True]])
    found = best(values, allowed, 2, WORDS[:2], WORDS)
    assert found.tolist() == [[False, False, True, True], [False, False, False, True]]


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=9, max_size=9), min_size=1, max_size=9), st.data())
def test_equals_fill_the_room_that_better_ones_leave(rows: list[list[float]], data: st.DataObject) -> None:
    values, words = np.array(rows, np.float32), random_words("abcdefghi", seed=0)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=values.size, max_size=values.size)), dtype=bool)
    allowed = allowed.reshape(values.shape)
    chosen = best(values, allowed, 3, words[: len(rows)], words)
    assert chosen.sum(axis=1).tolist() == np.minimum(allowed.sum(axis=1), 3).tolist()
    assert not (chosen & ~allowed).any()
    left_out = np.where(allowed & ~chosen, values, -1).max(axis=1)
    assert (np.where(chosen, values, 2).min(axis=1) >= left_out).all()

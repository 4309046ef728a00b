from dataclasses import replace

from matching import Cohort, Policy
from matching.facts import facts_of
from matching.pairs import all_pairs
from matching.rules import WORDS, allowed, removed

from .conftest import profile

A, B, C = profile("a"), profile("b"), profile("c")


def pairs_left(cohort: Cohort, policy: Policy | None = None) -> set[tuple[str, str]]:
    facts, pairs = facts_of(cohort), all_pairs(len(cohort.profiles))
    left = pairs.where(allowed(facts, pairs, removed(facts, policy or Policy(), pairs)))
    ids = [p.id for p in cohort.profiles]
    return {(ids[i], ids[j]) for i, j in zip(left.first, left.second, strict=True)}


def test_without_reason_against_it_every_pair_but_oneself_is_allowed() -> None:
    assert pairs_left(Cohort((A, B, C))) == {("a", "b"), ("a", "c"), ("b", "c")}


def test_banned_and_known_pairs_are_removed() -> None:
    cohort = Cohort((A, B, C), banned=frozenset({("a", "b")}), known=frozenset({("b", "c")}))
    assert pairs_left(cohort) == {("a", "c")}


def test_firms_of_one_owner_are_removed_but_unknown_owners_are_not_equal() -> None:
    assert pairs_left(Cohort((replace(A, owner="x"), replace(B, owner="x"), C))) == {("a", "c"), ("b", "c")}


def test_two_firms_without_a_common_language_are_removed() -> None:
    speaks = replace(A, languages=frozenset({"de", "pl"}))
    assert pairs_left(Cohort((speaks, B))) == set()


def test_unknown_languages_exclude_nobody() -> None:
    assert pairs_left(Cohort((replace(A, languages=frozenset()), B))) == {("a", "b")}


def test_the_policy_can_require_another_city_and_sector() -> None:
    here = Cohort((replace(A, city="Rome"), replace(B, city="ROME"), replace(C, city="Linz")))
    assert pairs_left(here, Policy(require_other_city=True)) == {("a", "c"), ("b", "c")}
    same = Cohort((replace(A, sector="Games"), replace(B, sector="Games"), C))
    assert pairs_left(same, Policy(require_other_sector=True)) == {("a", "c"), ("b", "c")}


def test_an_unknown_city_never_counts_as_the_same() -> None:
    assert pairs_left(Cohort((replace(A, city=""), replace(B, city=""))), Policy(require_other_city=True)) == {
        ("a", "b")
    }


def test_a_profile_that_says_nothing_is_left_out() -> None:
    silent = replace(C, description=" ", offers=("",), needs=())
    assert pairs_left(Cohort((A, B, silent))) == {("a", "b")}


def test_a_pin_outweighs_language_and_policy_but_not_a_ban() -> None:
    speaks = replace(A, languages=frozenset({"de"}))
    assert pairs_left(Cohort((speaks, B), pinned=frozenset({("a", "b")}))) == {("a", "b")}
    assert pairs_left(Cohort((A, B), pinned=frozenset({("a", "b")}), banned=frozenset({("a", "b")}))) == set()


def test_each_rule_tells_which_pairs_it_removes() -> None:
    cohort = Cohort((A, B, replace(C, languages=frozenset({"lt"}))), known=frozenset({("a", "b"), ("a", "zz")}))
    masks = removed(facts_of(cohort), Policy(), all_pairs(3))
    assert {rule: mask.tolist() for rule, mask in masks.items() if mask.any()} == {
        "known": [True, False, False],
        "no_shared_language": [False, True, True],
    }
    assert set(masks) == set(WORDS)


def test_who_worked_together_before_is_known() -> None:
    assert pairs_left(Cohort((A, B, C), history=frozenset({("b", "c"), ("a", "university")}))) == {
        ("a", "b"),
        ("a", "c"),
    }

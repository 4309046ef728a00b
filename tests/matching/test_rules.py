from dataclasses import replace

import numpy as np

from matching import Cohort, Policy
from matching.rules import allowed, removed_per_rule

from .conftest import profile

A, B, C = profile("a"), profile("b"), profile("c")


def pairs_left(cohort: Cohort, policy: Policy | None = None) -> set[tuple[str, str]]:
    mask, _ = allowed(cohort, policy or Policy())
    ids = [p.id for p in cohort.profiles]
    return {(ids[i], ids[j]) for i, j in np.argwhere(np.triu(mask))}


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


def test_each_rule_tells_how_many_candidates_it_removes() -> None:
    cohort = Cohort((A, B, replace(C, languages=frozenset({"lt"}))), known=frozenset({("a", "b"), ("a", "zz")}))
    _, masks = allowed(cohort, Policy())
    counts = removed_per_rule(0, masks)
    assert {rule: n for rule, n in counts.items() if n} == {"known": 1, "no_shared_language": 1}
    assert "self" not in counts

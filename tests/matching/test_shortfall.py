from dataclasses import replace

import pytest

from matching import Cohort, Policy, Result, Weights, build

from .conftest import cohort_of, profile, vectors_of


def run(cohort: Cohort, policy: Policy | None = None) -> Result:
    return build(cohort, vectors_of(cohort.profiles), policy or Policy(), Weights(), seed=1)


def test_nobody_is_short_where_all_can_be_served() -> None:
    assert run(cohort_of(24)).short == {}


def test_too_few_participants() -> None:
    short = run(cohort_of(2)).short
    assert short["000"].missing == {"partners": 2, "other_city": 1, "other_sector": 1}
    assert short["000"].rule == "too_few"
    assert short["000"].reason == "only one other SME could be asked for Firm 000"
    assert short["000"].relaxation == "register 2 more SMEs"


def test_a_language_that_nobody_shares_is_named() -> None:
    cohort = cohort_of(12)
    alone = replace(cohort.profiles[3], languages=frozenset({"lt"}))
    short = run(Cohort((*cohort.profiles[:3], alone, *cohort.profiles[4:]))).short
    assert set(short) == {"003"}
    assert short["003"].rule == "no_shared_language"
    assert short["003"].removed["no_shared_language"] == 11
    assert short["003"].reason == "11 candidates of Firm 003 left out: they share no working language"
    assert short["003"].relaxation == "offer an interpreter for 3 partners, or ask Firm 003 for a further language"


def test_a_required_other_city_gives_way_first() -> None:
    rome = [profile(str(i), city="Rome", name=f"Firm {i}") for i in range(5)]
    linz = [profile(str(i), city="Linz") for i in range(5, 7)]
    short = run(Cohort((*rome, *linz)), Policy(require_other_city=True)).short
    assert short["0"].rule == "same_city"
    assert short["0"].relaxation == "allow one partner from Rome's own city for Firm 0"


def test_full_lists_are_named_with_both_ways_out() -> None:
    """Many firms of one city, one of another: it cannot stand on everybody's list."""
    rome = [profile(f"{i:02d}", city="Rome", name=f"Firm {i}") for i in range(10)]
    policy = Policy(min_partners=1, max_partners=2, min_other_city=1, min_other_sector=0)
    short = run(Cohort((*rome, profile("linz", city="Linz"))), policy).short
    assert len(short) == 8
    found = next(iter(short.values()))
    assert (found.missing, found.rule) == ({"other_city": 1}, "full")
    assert found.reason.endswith("could have are already on 2 lists")
    assert found.relaxation.startswith("allow one partner from Rome's own city for Firm ")
    assert found.relaxation.endswith("or allow 3 partners on a list instead of 2")


@pytest.mark.parametrize(("rule", "field"), [("known", "known"), ("banned", "banned")])
def test_decided_pairs_are_named(rule: str, field: str) -> None:
    cohort = cohort_of(5)
    decided = frozenset(("000", f"{i:03d}") for i in range(1, 5))
    short = run(replace(cohort, **{field: decided}), Policy(min_partners=1, min_other_city=0, min_other_sector=0)).short
    assert short["000"].rule == rule


def test_across_creative_and_growth_is_asked_only_where_it_can_be() -> None:
    creative = Cohort(tuple(replace(p, group="creative") for p in cohort_of(12).profiles))
    assert run(creative).short == {}

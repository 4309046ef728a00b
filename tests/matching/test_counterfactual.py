from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from matching import Cohort, Policy, Profile, Weights, build, rules
from matching.combination import Situation, assess
from matching.counterfactual import Gain, Lack, advice, advised, gains, ground, lenders, middle
from matching.engine import situation_of
from matching.facts import traits
from matching.pairs import pairs_of
from matching.trials import TRIED

from .conftest import cohort_of, profile, vectors_of


def situation(people: Sequence[Profile], policy: Policy | None = None) -> Situation:
    cohort = Cohort(tuple(people), history=frozenset({("003", "x"), ("001", "x"), ("005", "006")}))
    return situation_of(cohort, vectors_of(people), policy or Policy(), Weights())


def tried(found: Situation, place: int, minimum: str, count: int = 3) -> dict[tuple[str, str], Gain]:
    lack = Lack(place, minimum, count)
    return {(kind, value): gain for kind, value, gain in gains(ground(found, [lack]), lack)}


def told(found: Situation, place: int, minimum: str, count: int) -> str:
    return advice(found, [Lack(place, minimum, count)], lambda done: None)[place]


def candidates(found: Situation, place: int, minimum: str, but: int = -1) -> tuple[int, float]:
    """Judged pair by pair: how many of the kind an SME could have, and the mean strength of its best list."""
    pairs = pairs_of(place, len(found.ids))
    possible = rules.allowed(found.facts, pairs, rules.removed(found.facts, found.policy, pairs))
    possible &= (pairs.first != but) & (pairs.second != but)
    best = np.sort(assess(found, pairs).strength[possible].astype(np.float64))[::-1][: found.policy.most_partners]
    return int((possible & traits(found.facts, pairs)[minimum]).sum()), best.sum() / found.policy.most_partners


def gain(now: Situation, then: Situation, place: int, minimum: str, but: int = -1) -> Gain:
    before, after = candidates(now, place, minimum, but), candidates(then, place, minimum, but)
    return Gain(after[0] - before[0], pytest.approx(after[1] - before[1], abs=1.1e-5))


def changed(people: Sequence[Profile], place: int, **fields: object) -> tuple[Profile, ...]:
    return (*people[:place], replace(people[place], **fields), *people[place + 1 :])  # type: ignore[arg-type]


def speaking(*languages: str) -> tuple[Profile, ...]:
    """The first speaks the first language, the others one each."""
    return tuple(
        replace(p, languages=frozenset({languages[i % len(languages)]})) for i, p in enumerate(cohort_of(13).profiles)
    )


def test_the_language_that_opens_most_candidates_is_advised() -> None:
    everyone = speaking("lt", "en", "en", "de")
    found = situation((everyone[0], *(p for p in everyone[1:] if "lt" not in p.languages)))
    counts = {value: gain.more for (kind, value), gain in tried(found, 0, "partners").items() if kind == "language"}
    assert candidates(found, 0, "partners") == (0, 0.0)
    assert counts == {"de": 3, "en": 6}
    assert told(found, 0, "partners", 3) == "With English among its working languages, 6 more SMEs could be asked."


@pytest.mark.parametrize("place", [0, 5, 12])
def test_what_is_computed_is_what_a_changed_profile_really_gets(place: int) -> None:
    people = tuple(
        replace(p, country=("DE", "SE", "PT")[i % 3], markets=frozenset({"SE"} if i % 2 else ()))
        for i, p in enumerate(speaking("lt", "en", "de"))
    )
    now, own = situation(people), people[place]
    expected = {
        ("language", value): gain(
            now, situation(changed(people, place, languages=own.languages | {value})), place, "other_city"
        )
        for value in {"lt", "en", "de"} - own.languages
    } | {
        ("market", value): gain(
            now, situation(changed(people, place, markets=own.markets | {value})), place, "other_city"
        )
        for value in {"DE", "SE", "PT"} - own.markets - {own.country}
    }
    assert tried(now, place, "other_city") == expected


@pytest.mark.parametrize(("kind", "place"), [("needs", 3), ("offers", 3), ("needs", 11), ("offers", 0)])
def test_what_a_loan_brings_is_judged_over_the_same_candidates_with_and_without_it(kind: str, place: int) -> None:
    people = changed(cohort_of(12).profiles, place, **{kind: ()})
    now = situation(people)
    stated = lenders(getattr(now.texts, kind).stated, now.facts.sector, int(now.facts.sector[place])).tolist()
    lent = [changed(people, place, **{kind: getattr(people[peer], kind)}) for peer in stated]
    every = [gain(now, situation(one), place, "other_city", peer) for one, peer in zip(lent, stated, strict=True)]
    assert len(every) == 11
    assert tried(now, place, "other_city")[kind, ""] == sorted(every, key=lambda g: g.stronger.expected)[5]  # type: ignore[attr-defined]
    assert {kind for kind, _ in tried(situation(cohort_of(12).profiles), place, "partners")} <= {"language", "market"}


def test_a_lender_that_is_the_best_partner_does_not_hide_what_its_needs_would_bring() -> None:
    """Without the lender the list is weaker, loan or no loan: that is no loss by the loan."""
    quiet = profile("000", needs=(), offers=("linen coat",), group="creative")
    lender = profile("001", needs=("linen coat sewn by hand",), offers=("tram bell",), group="growth")
    other = profile("002", needs=(), offers=("linen coat sewn by hand",), group="creative")
    now = situation((quiet, lender, other))
    found = tried(now, 0, "partners")["needs", ""]
    assert found == gain(now, situation((replace(quiet, needs=lender.needs), lender, other)), 0, "partners", but=1)
    assert found.more == 0
    assert found.stronger > 0.02
    with_lender = candidates(now, 0, "partners")[1]
    assert with_lender - candidates(now, 0, "partners", but=1)[1] > found.stronger


def test_a_silent_profile_gains_everybody_but_the_lender() -> None:
    silent = {"needs": (), "offers": (), "description": ""}
    found = situation(changed(cohort_of(12).profiles, 4, **silent))
    assert candidates(found, 4, "partners")[0] == 0
    assert tried(found, 4, "partners")["needs", ""].more == 10
    assert told(found, 4, "partners", 3).endswith("10 more SMEs could be asked.")


def test_a_market_is_advised_where_nothing_else_helps() -> None:
    people = [profile(f"{i}", country="SE" if i else "DE", markets=frozenset({"DE" if i else "PT"})) for i in range(4)]
    words = told(situation(people), 0, "partners", 1)
    assert words.startswith("With SE among its target markets, the best partners it could have would fit it better by ")


def test_where_no_change_would_help_nothing_is_said() -> None:
    people = [profile(f"{i}", markets=frozenset({"DE", "SE"})) for i in range(3)]
    assert told(situation(people), 0, "partners", 3) == ""


def test_nothing_is_advised_of_languages_while_its_own_are_unknown() -> None:
    people = changed(speaking("lt", "en"), 0, languages=frozenset())
    assert {kind for kind, _ in tried(situation(people), 0, "partners")} == set()


def test_of_very_many_languages_those_that_open_most_are_tried() -> None:
    people = [profile(f"{i:03d}", languages=frozenset({f"l{i % 60:02d}", *(["zz"] * (i % 2))})) for i in range(90)]
    found = {value for kind, value in tried(situation(people), 0, "partners") if kind == "language"}
    assert len(found) == TRIED
    assert found >= {"zz", *(f"l{i:02d}" for i in range(1, 30))}


def test_the_middle_of_the_gains_counts() -> None:
    assert middle([Gain(1, 0.9), Gain(2, 0.1), Gain(3, 0.4), Gain(4, 0.5)]) == Gain(3, 0.4)


def test_those_of_its_sector_lend_first() -> None:
    stated, sector = np.array([True, False, True, True, True]), np.array([2, 1, 1, -1, 1])
    assert lenders(stated, sector, 1).tolist() == [2, 4, 0, 3]
    assert lenders(stated, sector, -1).tolist() == [0, 2, 3, 4]


def test_of_a_large_cohort_the_worst_off_are_advised() -> None:
    lacks = [(0, {"other_city": 2}), (1, {"partners": 1}), (2, {"partners": 2, "other_city": 1}), (3, {"partners": 2})]
    worst = [Lack(2, "partners", 2), Lack(3, "partners", 2), Lack(1, "partners", 1), Lack(0, "other_city", 2)]
    assert advised(lacks, 1_000) == worst
    assert advised(lacks, 400_000) == worst[:2]
    assert advised([], 0) == []


def test_one_at_a_time_or_all_together_the_advice_is_the_same() -> None:
    people = [replace(p, needs=p.needs if i % 3 else ()) for i, p in enumerate(speaking("lt", "en", "de", "et"))]
    found, ticks = situation(people), list[int]()
    lacks = [Lack(place, "other_city", 2) for place in (7, 2, 11, 0)]
    together = advice(found, lacks, ticks.append)
    assert together == {place: told(found, place, "other_city", 2) for place in (7, 2, 11, 0)}
    assert all(together.values())
    assert ticks == [0, 1, 2, 3]


def test_a_build_tells_it_to_those_left_short_only() -> None:
    people = speaking("lt", *["en"] * 12)
    found = build(Cohort(people), vectors_of(people), Policy(), Weights(), seed=1)
    assert set(found.short) == {"000"}
    assert found.short["000"].advice == "With English among its working languages, 12 more SMEs could be asked."
    assert found.relaxations == (found.short["000"].relaxation,)


def test_nothing_of_the_situation_is_changed_by_trying() -> None:
    found = situation(speaking("lt", "en", "de"))
    before = found.facts.languages.copy(), found.facts.markets.copy()
    assert tried(found, 0, "partners")
    assert np.array_equal(found.facts.languages, before[0])
    assert np.array_equal(found.facts.markets, before[1])

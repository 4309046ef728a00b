from dataclasses import replace

import numpy as np

from matching import Cohort, Policy, Profile, Weights, build
from matching.combination import Situation
from matching.counterfactual import Worth, advice, changes, middle, worth
from matching.engine import situation_of

from .conftest import cohort_of, profile, vectors_of


def situation(people: tuple[Profile, ...], policy: Policy | None = None) -> Situation:
    return situation_of(Cohort(people), vectors_of(people), policy or Policy(), Weights())


def speaking(*languages: str) -> tuple[Profile, ...]:
    """The first speaks the first language, the others one each."""
    return tuple(
        replace(p, languages=frozenset({languages[i % len(languages)]})) for i, p in enumerate(cohort_of(13).profiles)
    )


def test_the_language_that_opens_most_candidates_is_advised() -> None:
    everyone = speaking("lt", "en", "en", "de")
    alone = (everyone[0], *(p for p in everyone[1:] if "lt" not in p.languages))
    found = situation(alone)
    counts = {value: tried.candidates for kind, value, tried in changes(found, 0, "partners") if kind == "language"}
    assert worth(found, 0, "partners").candidates == 0
    assert counts == {"de": 3, "en": 6}
    assert advice(found, 0, "partners", 3).startswith(
        "With English among its working languages, 6 more SMEs could be asked"
    )


def test_what_is_computed_is_what_a_changed_profile_really_gets() -> None:
    people = speaking("lt", "en", "de")
    (told,) = [
        t for kind, value, t in changes(situation(people), 0, "other_city") if (kind, value) == ("language", "de")
    ]
    changed = replace(people[0], languages=people[0].languages | {"de"})
    assert worth(situation((changed, *people[1:])), 0, "other_city") == told


def test_a_market_is_advised_where_nothing_else_helps() -> None:
    people = tuple(
        profile(f"{i}", country="SE" if i else "DE", markets=frozenset({"DE" if i else "PT"})) for i in range(4)
    )
    words = advice(situation(people), 0, "partners", 1)
    assert words.startswith("With SE among its target markets, the best partners it could have would fit it better by ")


def test_needs_are_tried_with_those_of_its_peers() -> None:
    cohort = cohort_of(12)
    quiet = replace(cohort.profiles[3], needs=())
    found = situation((*cohort.profiles[:3], quiet, *cohort.profiles[4:]))
    tried = {kind: outcome for kind, _, outcome in changes(found, 3, "partners")}
    assert tried["needs"].strength > worth(found, 3, "partners").strength
    assert "offers" not in tried
    assert "needs" not in {kind for kind, *_ in changes(situation(cohort.profiles), 3, "partners")}


def test_where_no_change_would_help_nothing_is_said() -> None:
    people = tuple(profile(f"{i}", markets=frozenset({"DE", "SE"})) for i in range(3))
    assert advice(situation(people), 0, "partners", 3) == ""


def test_the_middle_of_the_outcomes_counts() -> None:
    assert middle([Worth(1, 0.9), Worth(2, 0.1), Worth(3, 0.4), Worth(4, 0.5)]) == Worth(3, 0.4)


def test_a_build_tells_it_to_those_left_short_only() -> None:
    people = speaking("lt", *["en"] * 12)
    found = build(Cohort(people), vectors_of(people), Policy(), Weights(), seed=1)
    assert set(found.short) == {"000"}
    assert found.short["000"].advice.startswith("With English among its working languages, 12 more SMEs could be asked")
    assert found.relaxations == (found.short["000"].relaxation,)


def test_nothing_of_the_situation_is_changed_by_trying() -> None:
    found = situation(speaking("lt", "en", "de"))
    before = found.facts.languages.copy(), found.facts.markets.copy()
    list(changes(found, 0, "partners"))
    assert np.array_equal(found.facts.languages, before[0])
    assert np.array_equal(found.facts.markets, before[1])

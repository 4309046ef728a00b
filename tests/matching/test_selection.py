import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.bench.selection import invented, left_short
from matching.programme import WORTH, Programme
from matching.relaxation import NEARLY, Relaxation
from matching.rounding import GOOD
from matching.selection import Problem, pair_ties, random_words, reordered, select

from . import oracle

ROOT = Path(__file__).parents[2]
Mask = NDArray[np.bool_]


def strengths(n: int, seed: int = 0) -> NDArray[np.float64]:
    draw = np.random.default_rng(seed).random((n, n))
    return np.round(np.triu(draw, 1) + np.triu(draw, 1).T, 5)


def everyone(n: int) -> Mask:
    return ~np.eye(n, dtype=bool)


def problem(strength: NDArray[np.float64], least: int = 0, most: int = 2, ids: list[str] | None = None, seed: int = 1,
            mask: Mask | None = None, pinned: Mask | None = None, **traits: Mask) -> Problem:  # fmt: skip
    """The same limits for everybody; a trait is asked for once where a candidate has it."""
    n = len(strength)
    first, second = np.nonzero(np.triu(everyone(n) if mask is None else mask, 1))
    having = {name: trait[first, second] for name, trait in {"partners": everyone(n), **traits}.items()}
    there = {name: np.bincount(np.concatenate([first[h], second[h]]), minlength=n) for name, h in having.items()}
    pins = np.zeros(len(first), dtype=bool) if pinned is None else pinned[first, second]
    return Problem(
        n=n,
        first=first,
        second=second,
        utility=strength[first, second],
        pinned=pins,
        most=np.maximum(most, np.bincount(np.concatenate([first[pins], second[pins]]), minlength=n)),
        least={name: np.minimum(least if name == "partners" else 1, count) for name, count in there.items()},
        traits=having,
        words=random_words(ids or [str(i) for i in range(n)], seed),
    )


def chosen(strength: NDArray[np.float64], least: int = 0, most: int = 2, **masks: Mask) -> set[tuple[int, int]]:
    return set(select(problem(strength, least, most, **masks)).pairs)


def degrees(pairs: set[tuple[int, int]], n: int) -> list[int]:
    return [sum(i in p for p in pairs) for i in range(n)]


@pytest.mark.parametrize("seed", range(6))
def test_the_total_is_the_best_there_is_when_nobody_is_worse_off(seed: int) -> None:
    """Against all 2^15 sets of pairs of six SMEs, among those that serve the worst-served as well as ours does."""
    n, strength = 6, strengths(6, seed)
    ours = chosen(strength, least=1, most=2)
    gain = np.where(strength > 0, strength - WORTH, 0)
    ideal = np.sort(np.maximum(gain, 0), axis=1)[:, -2:].sum(axis=1)

    def worst(pairs: set[tuple[int, int]]) -> float:
        served = np.array([sum(max(gain[p], 0) for p in pairs if i in p) for i in range(n)])
        return float(np.min(np.where(ideal > 0, served / np.where(ideal > 0, ideal, 1), 1)))

    def total(pairs: set[tuple[int, int]]) -> float:
        return float(sum(gain[p] for p in pairs))

    every = list(combinations(range(n), 2))
    sets = ({p for k, p in enumerate(every) if bits >> k & 1} for bits in range(2 ** len(every)))
    valid = [s for s in sets if all(1 <= d <= 2 for d in degrees(s, n))]
    floor = worst(ours)
    assert all(1 <= d <= 2 for d in degrees(ours, n))
    assert total(ours) == pytest.approx(max(total(s) for s in valid if worst(s) >= floor - 1e-9), abs=1e-4)
    assert floor >= 0.8 * max(worst(s) for s in valid)


def test_nobody_is_left_out_for_the_sake_of_the_total() -> None:
    strength = np.array([[0, 0.9, 0.9, 0.5], [0.9, 0, 0.9, 0.45], [0.9, 0.9, 0, 0.45], [0.5, 0.45, 0.45, 0]])
    assert degrees(chosen(strength, least=1, most=2), 4)[3] >= 1


def test_a_poor_further_partner_is_left_off() -> None:
    strength = np.full((4, 4), WORTH - 0.05)
    strength[0, 1] = strength[1, 0] = strength[2, 3] = strength[3, 2] = 0.9
    assert chosen(strength, least=1, most=3) == {(0, 1), (2, 3)}


def test_a_poor_partner_is_taken_where_the_minimum_asks_for_it() -> None:
    assert len(chosen(np.full((4, 4), 0.1), least=3, most=3)) == 6


def test_pins_are_kept_and_masked_pairs_never_chosen() -> None:
    n = 8
    pinned, mask = np.zeros((n, n), dtype=bool), everyone(n)
    pinned[0, 1] = pinned[1, 0] = True
    mask[2, 3] = mask[3, 2] = False
    strength = strengths(n)
    strength[0, 1] = strength[1, 0] = 0.0
    strength[2, 3] = strength[3, 2] = 1.0
    pairs = chosen(strength, least=2, most=3, pinned=pinned, mask=mask)
    assert (0, 1) in pairs
    assert (2, 3) not in pairs


def test_a_trait_is_given_to_each_who_can_have_it() -> None:
    n = 12
    city = np.arange(n) % 3
    other = city[:, None] != city[None, :]
    strength = np.where(other, 0.5, 0.9) * everyone(n)
    pairs = chosen(strength, least=2, most=3, other_city=other)
    assert all(any(other[p] for p in pairs if i in p) for i in range(n))


def test_a_partner_counts_more_than_a_trait() -> None:
    """The second SME has room for one: the fourth, who has nobody else, or the first, who has no other trait."""
    mask, other = np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    for i, j in ((0, 1), (0, 2), (1, 3)):
        mask[i, j] = mask[j, i] = True
    other[0, 1] = other[1, 0] = True
    strength = np.where(other, 0.9, 0.5) * mask
    assert chosen(strength, least=1, most=1, mask=mask, other_city=other) == {(0, 2), (1, 3)}


def test_what_cannot_be_leaves_the_best_possible() -> None:
    """Five SMEs can only meet the sixth, which takes two: the others stay short and nothing fails."""
    n = 6
    mask = np.zeros((n, n), dtype=bool)
    mask[0, 1:] = mask[1:, 0] = True
    pairs = chosen(strengths(n), least=1, most=2, mask=mask)
    assert len(pairs) == 2


def test_more_than_fits_on_a_list_is_not_asked_for() -> None:
    assert degrees(chosen(np.full((6, 6), 0.6), least=4, most=2), 6) == [2] * 6


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_anybody_is_no_error(n: int) -> None:
    assert len(chosen(strengths(n), least=0, most=2)) <= n // 2


def test_the_relaxation_is_optimal_over_all_pairs_and_rows_with_few_of_them_in_it() -> None:
    n = 80
    city = np.arange(n) % 3
    whole = problem(strengths(n), least=3, most=5, other_city=city[:, None] != city[None, :])
    grown = Relaxation(Programme(whole))
    grown.grow()
    assert len(grown.pairs) < len(whole.first)
    assert (grown.row["other_city"] >= 0).sum() < n
    assert grown.value == pytest.approx(oracle.best_value(whole, floor=0.0, whole_pairs=False), abs=1e-5)


def test_the_gap_to_the_bound_is_small_and_told() -> None:
    assert 0 <= select(problem(strengths(60), least=3, most=5)).gap < 0.001


@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_short_of_a_full_list_where_all_can_have_one(seed: int) -> None:
    """The relaxation may leave two SMEs far apart with half a pair each: others have to exchange partners for them."""
    given = invented(250, {"partners": 8}, most=8, seed=seed)
    found = select(given)
    assert left_short(given, found) == 0
    assert found.gap <= 0.001


def test_equals_are_told_apart_by_id_and_seed_alone() -> None:
    """All pairs are alike; which are chosen follows the ids, wherever they stand."""
    ids = [f"sme {i}" for i in range(9)]
    alike = np.full((9, 9), 0.6) * everyone(9)

    def named(order: list[str], seed: int) -> set[frozenset[str]]:
        found = select(problem(alike, least=1, most=2, ids=order, seed=seed))
        return {frozenset((order[i], order[j])) for i, j in found.pairs}

    assert named(ids, 1) == named(ids[::-1], 1)
    assert named(ids, 1) != named(ids, 2)


def test_ties_are_symmetric_and_differ_between_pairs() -> None:
    words = random_words(["a", "b", "c", "d"], seed=7)
    ties = pair_ties(words[:, None], words[None, :])
    assert np.array_equal(ties, ties.T)
    assert len(set(ties[np.triu_indices(4, 1)])) == 6
    assert 0 <= ties.min() <= ties.max() < 1


@st.composite
def problems(draw: st.DrawFn, most_smes: int = 7) -> Problem:
    """Any small cohort: open pairs, pins, limits and traits as they come."""
    n = draw(st.integers(2, most_smes))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    mask = np.triu(rng.random((n, n)) < draw(st.sampled_from([0.5, 0.8, 1.0])), 1)
    groups = rng.integers(0, 3, n)
    pinned = mask & (rng.random((n, n)) < draw(st.sampled_from([0.0, 0.1])))
    digits = draw(st.sampled_from([1, 5]))
    most = draw(st.integers(1, 4))
    return problem(
        np.round(rng.random((n, n)), digits),
        least=draw(st.integers(0, most)),
        most=most,
        mask=mask,
        pinned=pinned,
        other_city=groups[:, None] != groups[None, :],
        creative_growth=groups[:, None] + groups[None, :] == 1,
    )


def value(given: Problem, pairs: tuple[tuple[int, int], ...], floor: float) -> float:
    """What a choice is worth, without the seeded ties."""
    at = {(i, j): e for e, (i, j) in enumerate(zip(given.first.tolist(), given.second.tolist(), strict=True))}
    return Programme(given).value(np.array([at[p] for p in pairs], dtype=np.int64), floor)


def worst_share(given: Problem, pairs: tuple[tuple[int, int], ...]) -> float:
    at = np.flatnonzero([(i, j) in pairs for i, j in zip(given.first.tolist(), given.second.tolist(), strict=True)])
    return float(Programme(given).shares(at).min())


@settings(max_examples=150)
@given(problems())
def test_the_choice_is_valid_and_as_near_to_the_exact_optimum_as_its_gap_says(given: Problem) -> None:
    found = select(given)
    count = np.bincount(np.array(found.pairs, dtype=np.int64).ravel(), minlength=given.n)
    assert len(set(found.pairs)) == len(found.pairs)
    assert np.all(count <= given.most)
    pins = zip(given.first[given.pinned].tolist(), given.second[given.pinned].tolist(), strict=True)
    assert set(found.pairs) >= set(pins)
    ours, best = value(given, found.pairs, found.floor), oracle.best_value(given, found.floor)
    total = sum(given.utility[(given.first == i) & (given.second == j)].sum() for i, j in found.pairs)
    assert ours <= best + 1e-4
    assert best <= ours + found.gap * max(1.0, total) + 1e-4
    assert ours >= best - 2 * GOOD * max(1.0, total)


@settings(max_examples=100)
@given(problems())
def test_no_minimum_is_missed_that_whole_pairs_could_keep(given: Problem) -> None:
    found = select(given)
    assert oracle.lacking(given, found.pairs) == pytest.approx(oracle.least_lacking(given), abs=1e-6)


@settings(max_examples=100)
@given(problems())
def test_the_worst_served_has_nearly_the_highest_share_that_all_can_have(given: Problem) -> None:
    """Of the best common share with pairs in part; where whole pairs cannot give that, nearly the best they can."""
    found = select(given)
    promised = NEARLY * oracle.highest_share(given, whole_pairs=False)
    possible = oracle.highest_share(given, whole_pairs=True)
    assert worst_share(given, found.pairs) >= found.floor - 1e-3
    assert found.floor >= min(promised, possible) - 0.05


@settings(max_examples=60)
@given(problems(most_smes=12), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(given: Problem, chance: Any) -> None:
    order = np.array(chance.sample(range(given.n), given.n))
    turned = select(reordered(given, order))
    pairs = {tuple(sorted((int(order[i]), int(order[j])))) for i, j in turned.pairs}
    assert pairs == set(select(given).pairs)
    assert turned.gap == select(given).gap


PROGRAM = """
from tests.matching.test_selection import everyone, problem, strengths
from matching.selection import select
import numpy as np
city = np.arange(120) % 4
print(select(problem(strengths(120), least=3, most=5, other_city=city[:, None] != city[None, :])))
"""


def test_threads_change_nothing() -> None:
    def printed(threads: str) -> str:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=os.environ | counts,
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout

    assert printed("1") == printed("4") != ""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from matching.programme import Programme, relaxed
from matching.selection import WORTH, Limits, first_candidates, grow, pair_ties, random_words, select


def limits(n: int, least: int = 0, most: int = 2, **traits: NDArray[np.bool_]) -> Limits:
    """The same limits for everybody; a trait is asked for once where a candidate has it."""
    masks = {"partners": ~np.eye(n, dtype=bool), **traits}
    asked = {name: np.minimum(least if name == "partners" else 1, mask.sum(axis=1)) for name, mask in masks.items()}
    return Limits(np.full(n, most), asked, masks)


def strengths(n: int, seed: int = 0) -> NDArray[np.float64]:
    draw = np.random.default_rng(seed).random((n, n))
    return np.round(np.triu(draw, 1) + np.triu(draw, 1).T, 5)


def everyone(n: int) -> NDArray[np.bool_]:
    return ~np.eye(n, dtype=bool)


def chosen(strength: NDArray[np.float64], given: Limits, **masks: NDArray[np.bool_]) -> set[tuple[int, int]]:
    n = len(strength)
    words = random_words([str(i) for i in range(n)], seed=1)
    nothing = np.zeros((n, n), dtype=bool)
    return set(select(strength, masks.get("mask", everyone(n)), masks.get("pinned", nothing), given, words).pairs)


def degrees(pairs: set[tuple[int, int]], n: int) -> list[int]:
    return [sum(i in p for p in pairs) for i in range(n)]


@pytest.mark.parametrize("seed", range(6))
def test_the_total_is_the_best_there_is_when_nobody_is_worse_off(seed: int) -> None:
    """Against all 2^15 sets of pairs of six SMEs, among those that serve the worst-served as well as ours does."""
    n, strength = 6, strengths(6, seed)
    ours = chosen(strength, limits(n, least=1, most=2))
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
    assert degrees(chosen(strength, limits(4, least=1, most=2)), 4)[3] >= 1


def test_a_poor_further_partner_is_left_off() -> None:
    strength = np.full((4, 4), WORTH - 0.05)
    strength[0, 1] = strength[1, 0] = strength[2, 3] = strength[3, 2] = 0.9
    assert chosen(strength, limits(4, least=1, most=3)) == {(0, 1), (2, 3)}


def test_a_poor_partner_is_taken_where_the_minimum_asks_for_it() -> None:
    assert len(chosen(np.full((4, 4), 0.1), limits(4, least=3, most=3))) == 6


def test_pins_are_kept_and_masked_pairs_never_chosen() -> None:
    n = 8
    pinned, mask = np.zeros((n, n), dtype=bool), everyone(n)
    pinned[0, 1] = pinned[1, 0] = True
    mask[2, 3] = mask[3, 2] = False
    strength = strengths(n)
    strength[0, 1] = strength[1, 0] = 0.0
    strength[2, 3] = strength[3, 2] = 1.0
    pairs = chosen(strength, limits(n, least=2, most=3), pinned=pinned, mask=mask)
    assert (0, 1) in pairs
    assert (2, 3) not in pairs


def test_a_trait_is_given_to_each_who_can_have_it() -> None:
    n = 12
    city = np.arange(n) % 3
    other = city[:, None] != city[None, :]
    strength = np.where(other, 0.5, 0.9) * everyone(n)
    pairs = chosen(strength, limits(n, least=2, most=3, other_city=other))
    assert all(any(other[p] for p in pairs if i in p) for i in range(n))


def test_what_cannot_be_leaves_the_best_possible() -> None:
    """Five SMEs can only meet the sixth, which takes two: the others stay short and nothing fails."""
    n = 6
    mask = np.zeros((n, n), dtype=bool)
    mask[0, 1:] = mask[1:, 0] = True
    pairs = chosen(strengths(n), limits(n, least=1, most=2), mask=mask)
    assert len(pairs) == 2


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_anybody_is_no_error(n: int) -> None:
    assert len(chosen(strengths(n), limits(n, least=0, most=2))) <= n // 2


def test_candidates_grow_until_no_pair_outside_could_improve_the_bound() -> None:
    n, strength = 60, strengths(60)
    given = limits(n, least=3, most=5)
    nothing = np.zeros((n, n), dtype=bool)
    problem = Programme(strength, WORTH, everyone(n), nothing, given.most, given.least, given.traits)
    candidates, found = grow(problem, first_candidates(problem), None)
    assert candidates.sum() < everyone(n).sum()
    assert found.value == pytest.approx(relaxed(problem, everyone(n), None).value, abs=1e-6)


def test_the_gap_to_the_bound_is_small_and_told() -> None:
    n = 60
    words = random_words([str(i) for i in range(n)], seed=1)
    found = select(strengths(n), everyone(n), np.zeros((n, n), dtype=bool), limits(n, 3, 5), words)
    assert 0 <= found.gap < 0.01


def test_equals_are_told_apart_by_id_and_seed_alone() -> None:
    """All pairs are alike; which are chosen follows the ids, wherever they stand."""
    ids = [f"sme {i}" for i in range(9)]
    alike, nothing = np.full((9, 9), 0.6) * everyone(9), np.zeros((9, 9), dtype=bool)

    def named(order: list[str], seed: int) -> set[frozenset[str]]:
        found = select(alike, everyone(9), nothing, limits(9, 1, 2), random_words(order, seed))
        return {frozenset((order[i], order[j])) for i, j in found.pairs}

    assert named(ids, 1) == named(ids[::-1], 1)
    assert named(ids, 1) != named(ids, 2)


def test_ties_are_symmetric_and_differ_between_pairs() -> None:
    ties = pair_ties(random_words(["a", "b", "c", "d"], seed=7))
    assert np.array_equal(ties, ties.T)
    assert len(set(ties[np.triu_indices(4, 1)])) == 6
    assert 0 <= ties.min() <= ties.max() < 1

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from matching import Cohort, Policy, Profile, Weights, build
from matching.evidence import GOOD
from matching.result import Ring
from matching.rings import best_rings, cycles, steps, suppliers_of

from .conftest import profile, vectors_of


def rings_of(value: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Of a dense table, of which only what is good counts, as in the engine."""
    good = sparse.csr_array(np.where((value >= GOOD) & ~np.eye(len(value), dtype=bool), value, 0))
    return best_rings(list(cycles(suppliers_of(good))), good)


def rings_in(people: tuple[Profile, ...]) -> list[Ring]:
    return list(build(Cohort(people), vectors_of(people), Policy(), Weights(), seed=1).rings)


def test_three_firms_that_serve_each_other_in_a_circle() -> None:
    value = np.zeros((4, 4))
    value[0, 1] = value[1, 2] = value[2, 0] = 0.8
    assert rings_of(value) == ((0, 1, 2),)


def test_a_mutual_pair_is_no_ring() -> None:
    value = np.zeros((3, 3))
    value[0, 1] = value[1, 2] = value[2, 0] = value[1, 0] = 0.8
    assert rings_of(value) == ()


@settings(max_examples=60)
@given(st.lists(st.sampled_from([0.0, 0.0, 0.5, 0.9]), min_size=36, max_size=36))
def test_the_best_total_of_disjoint_rings(cells: list[float]) -> None:
    value = np.array(cells).reshape(6, 6)
    strong = (value >= 0.45) & ~np.eye(6, dtype=bool)
    good = strong & ~strong.T
    rings = [
        r
        for size in (3, 4)
        for r in permutations(range(6), size)
        if r[0] == min(r) and all(good[i, j] for i, j in steps(r))
    ]

    def worth(ring: tuple[int, ...]) -> float:
        return float(sum(value[i, j] for i, j in steps(ring)))

    pairs = [worth(a) + worth(b) for a, b in combinations(rings, 2) if not set(a) & set(b)]
    best = max([0.0, *map(worth, rings), *pairs])
    chosen = rings_of(value)
    assert len({i for ring in chosen for i in ring}) == sum(map(len, chosen))
    assert set(chosen) <= set(rings)
    assert abs(sum(map(worth, chosen)) - best) < 1e-6


def test_a_cohort_without_needs_has_no_rings() -> None:
    assert rings_in(tuple(profile(str(i), needs=()) for i in range(4))) == []


PAIR = frozenset({("r0", "r2")})


def circle(size: int = 3, owner: str = "") -> tuple[Profile, ...]:
    """Firms that need what the next one offers, the first and the third of one owner, and others nobody needs."""
    things = ("solar roof", "linen coat", "tram bell", "museum tour")
    owners = (owner, "", owner, "")
    ring = [
        profile(f"r{i}", offers=(things[i],), needs=(things[(i + 1) % size],), owner=owners[i]) for i in range(size)
    ]
    others = [
        profile(f"x{i}", offers=(f"thing{i} stuff{i} lots{i}",), needs=(f"want{i} miss{i} lack{i}",)) for i in range(12)
    ]
    return (*ring, *others)


def test_rings_are_found_in_statements_and_quoted_whatever_their_order() -> None:
    people = circle()
    (found,) = rings_in(people)
    assert found.members == ("r0", "r1", "r2")
    assert [(quote.need, quote.offer) for quote in found.evidence if quote] == [
        ("linen coat", "linen coat"),
        ("tram bell", "tram bell"),
        ("solar roof", "solar roof"),
    ]
    assert rings_in(people[::-1]) == [found]


def test_a_pair_that_a_rule_removes_breaks_a_ring() -> None:
    people = circle()
    cohort = Cohort(people, banned=frozenset({("r0", "r1")}))
    assert build(cohort, vectors_of(people), Policy(), Weights(), seed=1).rings == ()


@pytest.mark.parametrize(
    ("decided", "rings"),
    [({}, 1), ({"known": PAIR}, 1), ({"banned": PAIR}, 0), ({"owner": "Holding"}, 0)],
    ids=["open", "known", "banned", "same owner"],
)
def test_nobody_faces_an_sme_it_must_not_meet(decided: dict[str, Any], rings: int) -> None:
    people = circle(4, owner=decided.get("owner", ""))
    pairs = {name: value for name, value in decided.items() if name != "owner"}
    found = build(Cohort(people, **pairs), vectors_of(people), Policy(), Weights(), seed=1).rings
    assert [ring.members for ring in found] == [("r0", "r1", "r2", "r3")] * rings

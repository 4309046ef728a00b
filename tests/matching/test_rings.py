from itertools import combinations, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import Cohort, Policy, Weights, build
from matching.rings import best_rings, exchange_rings, steps

from .conftest import profile, vectors_of


def everyone(n: int) -> np.ndarray:
    return ~np.eye(n, dtype=bool)


def test_three_firms_that_serve_each_other_in_a_circle() -> None:
    value = np.zeros((4, 4))
    value[0, 1] = value[1, 2] = value[2, 0] = 0.8
    assert best_rings(value, everyone(4)) == ((0, 1, 2),)


def test_a_mutual_pair_is_no_ring_and_a_ruled_out_pair_breaks_one() -> None:
    value = np.zeros((3, 3))
    value[0, 1] = value[1, 2] = value[2, 0] = value[1, 0] = 0.8
    assert best_rings(value, everyone(3)) == ()
    value[1, 0] = 0
    ruled = everyone(3)
    ruled[0, 1] = ruled[1, 0] = False
    assert best_rings(value, ruled) == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0, 0.5, 0.9]), min_size=36, max_size=36))
def test_the_best_total_of_disjoint_rings(cells: list[float]) -> None:
    value = np.array(cells).reshape(6, 6)
    strong = (value >= 0.45) & everyone(6)
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
    chosen = best_rings(value, everyone(6))
    assert len({i for ring in chosen for i in ring}) == sum(map(len, chosen))
    assert set(chosen) <= set(rings)
    assert abs(sum(map(worth, chosen)) - best) < 1e-6


def test_a_cohort_without_needs_has_no_rings() -> None:
    people = tuple(profile(str(i), needs=()) for i in range(4))
    assert exchange_rings(Cohort(people), vectors_of(people), Policy(), Weights()) == ()


def test_rings_are_found_in_statements_whatever_their_order() -> None:
    things = ("solar roof", "linen coat", "tram bell", "museum tour")
    ring = [profile(f"r{i}", offers=(things[i],), needs=(things[(i + 1) % 3],)) for i in range(3)]
    others = [
        profile(f"x{i}", offers=(f"thing{i} stuff{i} lots{i}",), needs=(f"want{i} miss{i} lack{i}",)) for i in range(12)
    ]
    people = (*ring, *others)
    found = exchange_rings(Cohort(people), vectors_of(people), Policy(), Weights())
    assert found == (("r0", "r1", "r2"),)
    assert exchange_rings(Cohort(people[::-1]), vectors_of(people), Policy(), Weights()) == found
    (ring,) = build(Cohort(people), vectors_of(people), Policy(), Weights(), 1).rings
    assert (ring.members,) == found

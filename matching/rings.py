"""Exchange rings: where no pair is mutual, A needs what B offers, B what C offers, C what A offers; up to four firms.

As in kidney exchange (Roth, Sönmez & Ünver 2007): all short cycles are listed, then those that share no firm and have
the best total are chosen, as a set packing for HiGHS.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching import rules
from matching.background import Background
from matching.combination import Weights, assess
from matching.engine import in_order
from matching.evidence import GOOD
from matching.profile import Cohort, Policy
from matching.rules import Mask
from matching.statements import Array, Vectors, gather

LONGEST = 4
SUPPLIERS = 8  # the best per firm that are followed: bounds the cycles to n * 8**3
Ring = tuple[int, ...]


def exchange_rings(
    cohort: Cohort, vectors: Vectors, policy: Policy, weights: Weights, background: Background | None = None
) -> tuple[tuple[str, ...], ...]:
    """Rings of SME ids, each needing what the next offers (the last: the first); no pair in them is ruled out."""
    cohort = in_order(cohort)
    texts = gather(cohort.profiles, vectors, background)
    fit = assess(cohort.profiles, texts, policy, weights, cohort.history).directed["fit"]
    value = (fit.value * fit.known).astype(np.float64)
    chosen = best_rings(value, rules.allowed(cohort, policy)[0])
    return tuple(tuple(cohort.profiles[i].id for i in ring) for ring in chosen)


def best_rings(value: Array, open_pairs: Mask, least: float = GOOD) -> tuple[Ring, ...]:
    """Disjoint rings of three to LONGEST with the best total; value (n, n): what column offers of row's needs."""
    rings = sorted(cycles(suppliers_of(value, open_pairs, least)))
    if not rings:
        return ()
    worth = np.array([sum(value[i, j] for i, j in steps(ring)) for ring in rings])
    return tuple(rings[k] for k in packed(rings, worth, len(value)))


def suppliers_of(value: Array, open_pairs: Mask, least: float) -> list[list[int]]:
    """For each firm its best suppliers, best first, without those that need what it offers: they are a pair."""
    enough = (value >= least) & open_pairs
    one_way = enough & ~enough.T
    order = np.argsort(np.where(one_way, -value, np.inf), axis=1, kind="stable")[:, :SUPPLIERS]
    return [[int(j) for j in row if one_way[i, j]] for i, row in enumerate(order)]


def cycles(suppliers: list[list[int]]) -> Iterator[Ring]:
    """Every cycle of three to LONGEST firms once, beginning with its smallest place."""
    paths: list[Ring] = [(start,) for start in range(len(suppliers))]
    while paths:
        path = paths.pop()
        for following in suppliers[path[-1]]:
            if following == path[0] and len(path) > 2:
                yield path
            elif following > path[0] and following not in path and len(path) < LONGEST:
                paths.append((*path, following))


def steps(ring: Ring) -> Iterator[tuple[int, int]]:
    """Who needs, and who offers it, once around."""
    return zip(ring, (*ring[1:], ring[0]), strict=True)


def packed(rings: list[Ring], worth: Array, n: int) -> NDArray[np.int64]:
    """Places of the rings to choose: the best total with each firm in at most one."""
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    ends = [(i, k) for k, ring in enumerate(rings) for i in ring]
    rows, columns = zip(*ends, strict=True)
    member: Any = sparse.csr_array((np.ones(len(ends)), (rows, columns)), shape=(n, len(rings)))
    solve: Any = milp
    found = solve(
        -worth,
        integrality=np.ones(len(rings)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(member, -np.inf, 1),
    )
    if found.x is None:
        raise RuntimeError(f"rings: none chosen: {found.message}")
    return np.flatnonzero(found.x > 0.5)

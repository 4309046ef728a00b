"""Exchange rings: where no pair is mutual, A needs what B offers, B what C offers, C what A offers; up to four firms.

As in kidney exchange (Roth, Sönmez & Ünver 2007): all short cycles are listed, then those that share no firm and have
the best total are chosen, as a set packing for HiGHS.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from matching.combination import Assessment, Situation
from matching.evidence import GOOD, quotes
from matching.packing import packed
from matching.result import Ring
from matching.statements import Array

LONGEST = 4
SUPPLIERS = 8  # the best per firm that are followed: bounds the cycles to n * 8**3
MOST = 12  # rings per firm that are weighed against each other: the best ones, where there are more
Places = tuple[int, ...]


def exchange_rings(situation: Situation, found: Assessment) -> tuple[Ring, ...]:
    """Rings of SMEs, each needing what the next offers (the last: the first); no pair in them is ruled out."""
    return tuple(told(ring, situation) for ring in best_rings(directed_fit(found)))


def directed_fit(found: Assessment) -> Any:
    """(n, n) sparse: what column offers of row's needs, where it is good at least, as far as it is known."""
    from scipy import sparse

    fit, pairs = found.directed["fit"], found.pairs
    value = np.concatenate(fit.value * fit.known).astype(np.float64)
    one, other = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    good = value >= GOOD
    return sparse.csr_array((value[good], (one[good], other[good])), shape=(pairs.n, pairs.n))


def told(ring: Places, situation: Situation) -> Ring:
    """Ids and quotes instead of places."""
    return Ring(
        members=tuple(situation.ids[i] for i in ring),
        evidence=tuple(quotes(ring, (*ring[1:], ring[0]), situation)),
    )


def best_rings(value: Any) -> tuple[Places, ...]:
    """Disjoint rings with the best total; value (n, n) sparse: what column offers of row's needs."""
    rings = sorted(cycles(suppliers_of(value)))
    if not rings:
        return ()
    worth = worth_of(rings, value)
    kept = np.sort(np.argsort(-worth, kind="stable")[: MOST * value.shape[0]])
    return tuple(rings[kept[k]] for k in packed([rings[k] for k in kept], worth[kept], value.shape[0]))


def worth_of(rings: list[Places], value: Any) -> Array:
    """(r,) how well all members of each ring are served."""
    known = {(int(i), int(j)): float(v) for i, j, v in zip(*value.nonzero(), value[value.nonzero()], strict=True)}
    return np.array([sum(known[step] for step in steps(ring)) for ring in rings])


def suppliers_of(value: Any) -> list[list[int]]:
    """For each firm its best suppliers, best first, without those that need what it offers: they are a pair."""
    both = (value > 0).multiply(value.T > 0)
    one_way = (value - value.multiply(both)).tocsr()
    one_way.eliminate_zeros()
    one_way.sort_indices()
    rows = (slice(*one_way.indptr[i : i + 2]) for i in range(value.shape[0]))
    return [
        [int(j) for j in one_way.indices[row][np.argsort(-one_way.data[row], kind="stable")[:SUPPLIERS]]]
        for row in rows
    ]


def cycles(suppliers: list[list[int]]) -> Iterator[Places]:
    """Every cycle of three to LONGEST firms once, beginning with its smallest place."""
    paths: list[Places] = [(start,) for start in range(len(suppliers))]
    while paths:
        path = paths.pop()
        for following in suppliers[path[-1]]:
            if following == path[0] and len(path) > 2:
                yield path
            elif following > path[0] and following not in path and len(path) < LONGEST:
                paths.append((*path, following))


def steps(ring: Places) -> Iterator[tuple[int, int]]:
    """Who needs, and who offers it, once around."""
    return zip(ring, (*ring[1:], ring[0]), strict=True)

"""Exchange rings: where no pair is mutual, A needs what B offers, B what C offers, C what A offers; up to four firms.

As in kidney exchange (Roth, Sönmez & Ünver 2007): all short cycles are listed, then those that share no firm and have
the best total are chosen, as a set packing for HiGHS.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from matching import rules
from matching.combination import Assessment, Situation
from matching.evidence import GOOD, quotes
from matching.packing import packed
from matching.pairs import pairs_from
from matching.result import Ring
from matching.statements import Array

LONGEST = 4
SUPPLIERS = 8  # the best per firm that are followed: bounds the cycles to n * 8**3
MOST = 12  # rings per firm that are weighed against each other: the best ones, where there are more
Places = tuple[int, ...]


def exchange_rings(situation: Situation, found: Assessment) -> tuple[Ring, ...]:
    """Rings of SMEs, each needing what the next offers (the last: the first).

    Neighbours are open pairs; of four, the two opposite each other are at least neither banned nor of one owner.
    """
    value = directed_fit(found)
    rings = seated(list(cycles(suppliers_of(value))), situation)
    return tuple(told(ring, situation) for ring in best_rings(rings, value))


def seated(rings: list[Places], situation: Situation) -> list[Places]:
    """Those of the rings in which nobody faces an SME it must not meet."""
    facing = [pair for ring in rings for pair in opposite(ring)]
    one, other = np.array(facing, dtype=np.int64).reshape(-1, 2).T
    pairs = pairs_from(one, other, len(situation.ids))
    masks = rules.removed(situation.facts, situation.policy, pairs)
    apart = pairs.where(masks["banned"] | masks["same_owner"])
    refused = set(zip(apart.first.tolist(), apart.second.tolist(), strict=True))
    return [ring for ring in rings if refused.isdisjoint((min(pair), max(pair)) for pair in opposite(ring))]


def opposite(ring: Places) -> list[tuple[int, int]]:
    """Who sits in a ring without being neighbours: nobody of three, two pairs of four."""
    return [(ring[0], ring[2]), (ring[1], ring[3])] if len(ring) == LONGEST else []


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


def best_rings(rings: list[Places], value: Any) -> tuple[Places, ...]:
    """Disjoint rings with the best total; value (n, n) sparse: what column offers of row's needs."""
    if not rings:
        return ()
    rings = sorted(rings)
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

"""Who worked with whom: what the past partners that two SMEs share say about the two.

Resource allocation (Zhou, Lü & Zhang 2009), the Adamic–Adar index with 1/degree for 1/log(degree): a partner that works
with everybody introduces nobody. The degrees of the two ends are damped too, so that large networks do not win by size.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.pairs import Block, Pairs, by_block
from matching.profile import Pair

DAMPING = 0.25  # power of either end's degree
FAINT, FULL = 0.0002, 0.5  # where the index begins to speak, and one partner both have as their only one; log between


def network(ids: Sequence[str], pairs: Iterable[Pair]) -> Any:
    """Symmetric 0/1 adjacency (scipy CSR); the first rows are `ids`, then whoever else the pairs name, sorted."""
    from scipy import sparse

    edges = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    outside = sorted({sme for edge in edges for sme in edge} - set(ids))
    place = {sme: i for i, sme in enumerate([*ids, *outside])}
    ends = np.array([(place[a], place[b]) for a, b in edges], dtype=np.int64).reshape(-1, 2)
    both = np.concatenate([ends, ends[:, ::-1]])
    shape = (len(place), len(place))
    return sparse.csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=shape)


def index(adjacency: Any, n: int) -> NDArray[np.float64]:
    """(n, n) resource allocation between the first n nodes, damped by their degrees; 0 on the diagonal."""
    from scipy import sparse

    degree = np.maximum(np.asarray(adjacency.sum(axis=1)).ravel(), 1)
    first = adjacency[:n]
    damped = sparse.diags_array(degree[:n] ** -DAMPING) @ first
    value = (damped @ sparse.diags_array(1 / degree) @ damped.T).toarray()
    np.fill_diagonal(value, 0)
    return np.asarray((value + value.T) / 2)


def on_scale(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """The index in 0..1; a fixed scale, so that a pair's value depends on its own network only."""
    return np.asarray(np.round(np.minimum(np.log1p(value / FAINT) / np.log1p(FULL / FAINT), 1), 6))


@dataclass(frozen=True, slots=True)
class History:
    """The network of n SMEs, ready to be asked about any pair of them."""

    active: NDArray[np.bool_]  # (n,) who has a past partner
    damped: Any  # (n, nodes) sparse adjacency, rows damped by their degree
    weight: NDArray[np.float64]  # (nodes,) 1 / degree

    def shared(self, pairs: Pairs) -> NDArray[np.float64]:
        """(m,) how much the past partners of two SMEs overlap, 0..1."""
        found = np.zeros(len(pairs))
        weighted = self.damped.multiply(self.weight[None, :]).tocsr()

        def fill(block: Block) -> None:
            product = (weighted[block.firsts] @ self.damped[block.seconds].T).toarray()
            found[block.span] = product[block.row, block.column]

        by_block(pairs, fill)
        return on_scale(found)


def history_of(ids: Sequence[str], pairs: Iterable[Pair]) -> History:
    """The network between `ids` and whoever else the pairs name."""
    from scipy import sparse

    adjacency = network(ids, pairs)
    degree = np.maximum(np.asarray(adjacency.sum(axis=1)).ravel(), 1)
    n = len(ids)
    damped = (sparse.diags_array(degree[:n] ** -DAMPING) @ adjacency[:n]).tocsr()
    return History(np.asarray(adjacency[:n].sum(axis=1)).ravel() > 0, damped, 1 / degree)

"""The selection as a mixed-integer programme for HiGHS, and its linear relaxation with prices.

Columns: one per candidate pair (0 or 1), then the share of its best possible list that even the worst-served SME
gets, then one slack per SME and minimum, one per SME and share, and the worst of the latter. Rows, all as "at most":
the most pairs; the minimums; the share of each SME; the slacks of the share. The relaxation with the share free tells
how high it can be; then it is fixed, a little below (an exact integral maximum takes minutes to prove and differs by a
hundredth), and the total decides. Where whole pairs cannot reach it, first the worst slack counts, then their sum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.pairs import Mask

Array = NDArray[np.float64]

# Prices of one missing unit, each well above what any pair can add (1) and above the ones after it.
PRICES = {"partners": 400.0, "other_city": 100.0, "other_sector": 100.0, "creative_growth": 100.0}
FAIRNESS = 20.0  # per SME: a point of the worst-served share outweighs any total
BELOW_SHARE = 5.0  # the price of the strength that each SME lacks to its share
# No time limit: it would make the result depend on the machine's load. Nodes are counted the same everywhere.
EFFORT = {"mip_rel_gap": 5e-4, "node_limit": 30, "presolve": True, "disp": False}


@dataclass(frozen=True, slots=True)
class Programme:
    """The whole problem, before candidates are chosen; (n, n) arrays are symmetric."""

    utility: Array
    worth: float
    open: Mask
    pinned: Mask
    most: NDArray[np.int64]
    least: dict[str, NDArray[np.int64]]
    traits: dict[str, Mask]

    def service(self) -> Array:
        """(n, n) what a pair does for each of the two: its utility above what a further partner must be worth."""
        return np.maximum(self.utility - self.worth, 0.0)

    def ideal(self) -> Array:
        """(n,) the service of the best full list an SME could have, were it alone."""
        n = len(self.utility)
        ranked = -np.sort(-np.where(self.open, self.service(), 0), axis=1)
        wanted = np.arange(n)[None, :] < self.most[:, None]
        return np.asarray((ranked * wanted).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Table:
    """The programme over some candidates, in the solver's form: minimise cost @ x, rows @ x <= limit."""

    pairs: NDArray[np.int64]  # (m, 2)
    cost: Array
    rows: Any  # scipy.sparse.csr_array
    limit: Array
    lower: Array
    upper: Array


def tabulate(problem: Programme, candidates: Mask, share: float | None) -> Table:
    """Lay out cost, rows and bounds, with the share fixed or (None) free; pairs in the order of their places."""
    n, kinds = len(problem.utility), len(problem.traits)
    pairs = np.argwhere(np.triu(candidates))
    gain = problem.utility[pairs[:, 0], pairs[:, 1]] - problem.worth
    free, lack = share is None, 0.0 if share is None else np.inf
    prices = np.repeat([PRICES[name] for name in problem.traits], n)
    pinned = problem.pinned[pairs[:, 0], pairs[:, 1]].astype(float)
    limit = np.concatenate([problem.most, *(-problem.least[name] for name in problem.traits), np.zeros(2 * n)])
    return Table(
        pairs=pairs,
        cost=np.concatenate([-gain, [-FAIRNESS * n if free else 0], prices, np.full(n, BELOW_SHARE), [FAIRNESS * n]]),
        rows=coefficients(problem, pairs, gain),
        limit=limit.astype(float),
        lower=np.concatenate([pinned, [share or 0.0], np.zeros(n * kinds + n + 1)]),
        upper=np.concatenate(
            [np.ones(len(pairs)), [1.0 if share is None else share], np.full(n * kinds, np.inf), np.full(n + 1, lack)]
        ),
    )


def coefficients(problem: Programme, pairs: NDArray[np.int64], gain: Array) -> Any:
    """The rows, sparse: columns are pairs, the share, the slacks of the minimums, those of the share, their worst."""
    from scipy import sparse

    n, m, kinds = len(problem.utility), len(pairs), len(problem.traits)
    ends: Any = sparse.csr_array((np.ones(2 * m), (pairs.T.ravel(), np.tile(np.arange(m), 2))), shape=(n, m))
    blocks: list[list[Any]] = [[ends, None, None, None, None]]
    for kind, trait in enumerate(problem.traits.values()):
        slack = sparse.eye_array(n, n * kinds, k=n * kind)
        blocks.append([-(ends * trait[pairs[:, 0], pairs[:, 1]]), None, -slack, None, None])
    ideal = sparse.csr_array(problem.ideal()[:, None])
    blocks.append([-(ends * np.maximum(gain, 0)), ideal, None, -sparse.eye_array(n), None])
    blocks.append([None, None, None, sparse.eye_array(n), -ideal])
    return sparse.csr_array(sparse.block_array(blocks))


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Its value, its share, and (n, n) what each pair would save at its prices (above 0: it is worth adding)."""

    value: float
    share: float
    saving: Array


def relaxed(problem: Programme, candidates: Mask, share: float | None) -> Relaxation:
    """Solve the linear relaxation over the candidates, the share fixed or (None) as high as can be."""
    from scipy.optimize import linprog

    n = len(problem.utility)
    if not candidates.any():
        return Relaxation(0.0, 0.0, np.zeros((n, n)))
    table = tabulate(problem, candidates, share)
    bounds = np.column_stack([table.lower, table.upper])
    solve: Any = linprog
    found = solve(table.cost, A_ub=table.rows, b_ub=table.limit, bounds=bounds, method="highs-ds")
    if found.status != 0:
        raise RuntimeError(f"selection: the linear relaxation failed: {found.message}")
    saving = savings(problem, np.asarray(found.ineqlin.marginals))
    return Relaxation(-float(found.fun), float(found.x[len(table.pairs)]), saving)


def savings(problem: Programme, marginals: Array) -> Array:
    """(n, n) minus the reduced cost of every pair, in the relaxation or not, from the prices of the rows (<= 0)."""
    prices = marginals.reshape(-1, len(problem.utility))[:-1]  # most, one row per minimum, share
    both = prices[:, :, None] + prices[:, None, :]
    saving = problem.utility - problem.worth + both[0] - problem.service() * both[-1]
    for price, trait in zip(both[1:-1], problem.traits.values(), strict=True):
        saving = saving - price * trait
    return np.asarray(saving)


def integral(problem: Programme, candidates: Mask, share: float) -> tuple[NDArray[np.int64], float]:
    """The chosen pairs (m, 2) and their value."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    table = tabulate(problem, candidates, share)
    m = len(table.pairs)
    if not m:
        return table.pairs, 0.0
    solve: Any = milp
    found = solve(
        table.cost,
        integrality=(np.arange(len(table.cost)) < m).astype(int),
        bounds=Bounds(table.lower, table.upper),
        constraints=LinearConstraint(table.rows, -np.inf, table.limit),
        options=EFFORT,
    )
    if found.x is None:
        raise RuntimeError(f"selection: no shortlists found: {found.message}")
    return table.pairs[found.x[:m] > 0.5], -float(found.fun)

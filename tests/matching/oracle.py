"""The selection as one plain mixed-integer programme, every row and pair in it: what the engine's answer must equal."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from matching.programme import PRICES, SHARE, Problem, Programme

Array = NDArray[np.float64]


def best_value(given: Problem, floor: float, whole_pairs: bool = True) -> float:
    """The highest gain less the prices of what is lacking, with `floor` of its ideal list asked for every SME."""
    return -solved(given, costs(given), np.array([0.0, floor]), whole_pairs) - PRICES[SHARE] * floor


def least_lacking(given: Problem, whole_pairs: bool = True) -> float:
    """The lowest price of missed minimums that can be."""
    cost = np.where(minimums(given), costs(given), 0.0)
    return solved(given, cost, np.zeros(2), whole_pairs)


def lacking(given: Problem, pairs: tuple[tuple[int, int], ...]) -> float:
    """The price of the minimums that a choice misses."""
    chosen = np.array([(i, j) in pairs for i, j in zip(given.first, given.second, strict=True)], dtype=float)
    programme, every = Programme(given), np.arange(len(given.first))
    lacks = {kind: least - programme.reached(kind, every, chosen) for kind, least in programme.least.items()}
    return float(sum(PRICES[kind] * np.maximum(lack, 0).sum() for kind, lack in lacks.items()))


def highest_share(given: Problem, whole_pairs: bool) -> float:
    """The share of its ideal list that all can have at once, minimums kept as far as can be."""
    at_most = least_lacking(given, whole_pairs) + 1e-6
    cost = np.zeros(len(minimums(given)))
    cost[-1] = -1.0
    return -solved(given, cost, np.array([0.0, 1.0]), whole_pairs, at_most)


def costs(given: Problem) -> Array:
    """Of all columns: the pairs, what each SME lacks of each minimum, the common share."""
    prices = [np.full(given.n, PRICES[kind]) for kind in given.least]
    return np.concatenate([-Programme(given).gain, *prices, [-PRICES[SHARE]]])


def minimums(given: Problem) -> NDArray[np.bool_]:
    """Which columns are a lack of a minimum."""
    m, columns = len(given.first), len(costs(given))
    return np.isin(np.arange(columns), np.arange(m, m + given.n * len(given.least)))


def solved(given: Problem, cost: Array, common: Array, whole_pairs: bool, at_most: float | None = None) -> float:
    """The least cost with the common share in bounds, and perhaps a limit on the price of missed minimums."""
    m, columns = len(given.first), len(cost)
    lower, upper = np.zeros(columns), np.full(columns, np.inf)
    lower[:m], upper[:m] = given.pinned, 1.0
    lower[-1], upper[-1] = common
    rows, limits = table(given, columns)
    if at_most is not None:
        rows.append(np.where(minimums(given), costs(given), 0.0)[None, :])
        limits.append(np.array([at_most]))
    solve: Any = milp
    found = solve(
        cost,
        integrality=(np.arange(columns) < m) & whole_pairs,
        bounds=Bounds(lower, upper),
        constraints=LinearConstraint(np.vstack(rows), -np.inf, np.concatenate(limits)),
        options={"mip_rel_gap": 0.0},
    )
    assert found.status == 0, found.message
    return float(found.fun)


def table(given: Problem, columns: int) -> tuple[list[Array], list[Array]]:
    """All rows as "at most": the most pairs, then each kind of minimum, then the shares."""
    programme, m, n = Programme(given), len(given.first), given.n
    ends = np.zeros((n, columns))
    ends[given.first, np.arange(m)] = ends[given.second, np.arange(m)] = 1
    rows, limits = [ends], [given.most.astype(float)]
    for place, kind in enumerate((*given.least, SHARE)):
        block, at = np.zeros((n, columns)), m + n * place + np.arange(n)
        block[:, :m] = -ends[:, :m] * programme.weights[kind]
        if kind == SHARE:
            block[:, -1] = programme.ideal
        else:
            block[np.arange(n), at] = -1.0
        rows.append(block)
        limits.append(np.zeros(n) if kind == SHARE else -programme.least[kind].astype(float))
    return rows, limits

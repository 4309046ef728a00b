"""Measures of a ranking and their bootstrap intervals over queries."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAMES = ("hit@10", "recall@50", "mrr", "ndcg@10")
DRAWS = 2000


def measure(found: NDArray[np.bool_], total: int) -> tuple[float, ...]:
    """NAMES' values of one query: `found` says place by place, best first, whether a true partner stands there."""
    places = np.flatnonzero(found) + 1
    ideal = (1 / np.log2(np.arange(min(total, 10)) + 2)).sum()
    return (
        float((places <= 10).any()),
        float((places <= 50).sum() / total),
        float(1 / places[0]) if len(places) else 0.0,
        float((1 / np.log2(places[places <= 10] + 1)).sum() / ideal),
    )


def draws(queries: int, seed: int) -> NDArray[np.int64]:
    """(DRAWS, queries) places drawn with replacement; one set of draws for all rankers, so differences are paired."""
    return np.random.default_rng(seed).integers(queries, size=(DRAWS, queries))


def interval(values: Array, drawn: NDArray[np.int64]) -> dict[str, float]:
    """Mean over queries and the 95 % percentile interval of the bootstrap."""
    return interval_of(float(values.mean()), values[drawn].mean(axis=1))


def intervals(rows: Sequence[tuple[float, ...]] | Array, drawn: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Every measure's interval; rows are queries, columns NAMES."""
    table = np.asarray(rows, dtype=np.float64)
    return {name: interval(table[:, i], drawn) for i, name in enumerate(NAMES)}


def digits(value: float | np.float64) -> float:
    """Four digits: the intervals are hundredths wide."""
    return round(float(value), 4)


def resampled_auc(
    values: Array, outcome: NDArray[np.bool_], query: NDArray[np.int64], drawn: NDArray[np.int64]
) -> tuple[float, Array]:
    """How often a true pair is valued above an untrue one (ties half), over all m pairs and in each bootstrap draw.

    Queries are drawn, with all their pairs. A draw without both outcomes says nothing and is left out by the interval.
    """
    q = drawn.shape[1]
    values = np.round(values, 9)
    above = np.sign(values[outcome][:, None] - values[~outcome][None, :]) / 2 + 0.5
    true, untrue = membership_of(query[outcome], q), membership_of(query[~outcome], q)
    won = true.T @ above @ untrue  # (q, q), halves: exact in any order
    times = np.stack([np.bincount(row, minlength=q) for row in drawn]).astype(np.float64)
    times = np.concatenate([np.ones((1, q)), times])
    number = (times @ true.sum(axis=0)) * (times @ untrue.sum(axis=0))
    auc = np.where(number > 0, ((times @ won) * times).sum(axis=1) / np.maximum(number, 1), np.nan)
    return float(auc[0]), auc[1:]


def membership_of(group: NDArray[np.int64], groups: int) -> Array:
    """(m, groups) 1 where a row is of the group."""
    return np.asarray(group[:, None] == np.arange(groups)[None, :], np.float64)


def interval_of(value: float, resampled: Array) -> dict[str, float]:
    """A value with the 95 % percentile interval of its bootstrap draws."""
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return {"mean": digits(value), "low": digits(low), "high": digits(high)}

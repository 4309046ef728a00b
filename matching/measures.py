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
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return {"mean": digits(values.mean()), "low": digits(low), "high": digits(high)}


def intervals(rows: Sequence[tuple[float, ...]] | Array, drawn: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Every measure's interval; rows are queries, columns NAMES."""
    table = np.asarray(rows, dtype=np.float64)
    return {name: interval(table[:, i], drawn) for i, name in enumerate(NAMES)}


def digits(value: float | np.float64) -> float:
    """Four digits: the intervals are hundredths wide."""
    return round(float(value), 4)

"""The criteria: each one function, 0 to 1, over all pairs at once. Row a, column b: what b is to a."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.profile import Profile
from matching.rules import equal, membership, shared_count
from matching.statements import Array, Texts, best_per_pair

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion over all pairs: its value and how far the profiles allow to know it, both (n, n) in 0..1."""

    value: Matrix
    known: Matrix


def criterion(value: Array, known: Array | NDArray[np.bool_]) -> Criterion:
    """Rounded to six digits, so that what follows compares clean numbers; 0 where nothing is known."""
    value = np.where(known > 0, np.round(value, 6), 0.0)
    return Criterion(value.astype(np.float32), known.astype(np.float32))


def fit(texts: Texts, statement_fit: Array, stand_in: float) -> Criterion:
    """What b offers of what a needs: the best pair of statements (rows needs, columns offers).

    Without needs the direction is unknown. Where sentences of b's description stand in for offers, the confidence is
    `stand_in`: a description tells what a firm does, not what it offers to a partner.
    """
    value = best_per_pair(statement_fit, texts.needs, texts.offers)
    needed = (texts.needs.counts() > 0).astype(float)
    offered = np.where(texts.offers.stated, 1.0, stand_in) * (texts.offers.counts() > 0)
    return criterion(value, needed[:, None] * offered[None, :])


def quantiles(descriptions: Array) -> tuple[Array, NDArray[np.bool_]]:
    """(n, n) rank of each pair's likeness among all pairs of the cohort, 0 unlike … 1 alike, and where it is known."""
    n = len(descriptions)
    known = np.any(descriptions != 0, axis=1)
    both = known[:, None] & known[None, :] & ~np.eye(n, dtype=bool)
    cosines = descriptions @ descriptions.T
    ordered = np.sort(cosines[np.triu(both)])
    if not len(ordered):
        return np.zeros((n, n)), both
    below = np.searchsorted(ordered, cosines, "left") + np.searchsorted(ordered, cosines, "right")
    return np.where(both, below / (2 * len(ordered)), 0), both


def closeness(texts: Texts, dial: float) -> Criterion:
    """Inverted U over the quantiles of likeness: too alike teach nothing, too far cannot talk (Nooteboom 2007).

    The dial turns the peak from the .85 quantile (0, deepen) to the .25 quantile (1, explore).
    """
    quantile, known = quantiles(texts.descriptions)
    peak = 0.85 - 0.6 * dial
    width = max(peak, 1 - peak)
    return criterion(1 - ((quantile - peak) / width) ** 2, known)


def creative_growth(people: Sequence[Profile]) -> Criterion:
    """1 where a creative firm meets one of another growth sector: the programme's mission; else 0."""
    creative = np.array([p.group == "creative" for p in people], dtype=bool)
    growth = np.array([p.group == "growth" for p in people], dtype=bool)
    across = (creative[:, None] & growth[None, :]) | (growth[:, None] & creative[None, :])
    grouped = creative | growth
    return criterion(across.astype(float), grouped[:, None] & grouped[None, :])


def markets(people: Sequence[Profile]) -> Criterion:
    """1 where a wants to sell in b's country and b sits in another country than a; directed, so not symmetric."""
    countries = [p.country.upper() for p in people]
    wanted = [frozenset(m.upper() for m in p.markets) for p in people]
    every = sorted({*countries, *frozenset().union(*wanted)} - {""})
    home = membership([frozenset({c}) for c in countries], every)
    reached = (membership(wanted, every) @ home.T > 0) & ~equal(countries)
    listed, placed = np.array([bool(w) for w in wanted], dtype=bool), np.array([bool(c) for c in countries], dtype=bool)
    return criterion(reached.astype(float), listed[:, None] & placed[None, :])


def languages(people: Sequence[Profile]) -> Criterion:
    """0.5 for one shared working language, 0.75 for two, 1 for three or more."""
    shared = shared_count([p.languages for p in people])
    spoken = np.array([bool(p.languages) for p in people], dtype=bool)
    value = np.where(shared > 0, np.minimum(0.25 + 0.25 * shared, 1.0), 0.0)
    return criterion(value, spoken[:, None] & spoken[None, :])


def readiness(people: Sequence[Profile]) -> Criterion:
    """How ready for work abroad the less ready of the two is, 1..5 put on 0..1."""
    level = np.array([p.readiness or 0 for p in people], dtype=float)
    value = (np.clip(np.minimum(level[:, None], level[None, :]), 1, 5) - 1) / 4
    return criterion(value, (level[:, None] > 0) & (level[None, :] > 0))

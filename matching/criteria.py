"""The criteria: each one function, 0 to 1, over any pairs at once; see matching/pairs.py for their shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.facts import Facts, both, equal, shared_languages
from matching.history import History
from matching.likeness import Likeness
from matching.pairs import Mask, Pairs
from matching.statements import Array, Texts

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Criterion:
    """Its value and how far the profiles allow to know it, both in 0..1; (m,), or (2, m) where directed."""

    value: Values
    known: Values


def criterion(value: Array, known: Array | NDArray[np.bool_]) -> Criterion:
    """Rounded to six digits, so that what follows compares clean numbers; 0 where nothing is known."""
    value = np.where(known > 0, np.round(value, 6), 0.0)
    return Criterion(value.astype(np.float32), known.astype(np.float32))


def fit(texts: Texts, pairs: Pairs, best: Array, stand_in: float) -> Criterion:
    """What the other offers of what one needs, (2, m): `best` is the best pair of statements.

    Without needs the direction is unknown. Where sentences of a description stand in for offers, the confidence is
    `stand_in`: a description tells what a firm does, not what it offers to a partner.
    """
    needed, offered = answerable(texts, stand_in)
    one, other = pairs.first, pairs.second
    return criterion(best, np.stack([needed[one] * offered[other], needed[other] * offered[one]]))


def answerable(texts: Texts, stand_in: float) -> tuple[Array, Array]:
    """(n,) how far an SME's needs, and its offers, can be known: 0 where there are none."""
    offered = np.where(texts.offers.stated, 1.0, stand_in) * (texts.offers.counts() > 0)
    return (texts.needs.counts() > 0).astype(float), np.asarray(offered)


def closeness(likeness: Likeness, dial: float) -> Criterion:
    """Inverted U over the quantiles of likeness: too alike teach nothing, too far cannot talk (Nooteboom 2007).

    The dial turns the peak from the .85 quantile (0, deepen) to the .25 quantile (1, explore).
    """
    peak = 0.85 - 0.6 * dial
    width = max(peak, 1 - peak)
    return criterion(1 - ((likeness.quantile - peak) / width) ** 2, likeness.known)


def creative_growth(facts: Facts, pairs: Pairs) -> Criterion:
    """1 where a creative firm meets one of another growth sector: the programme's mission; else 0."""
    grouped = both(np.asarray(facts.group >= 0), pairs)
    across = grouped & (facts.group[pairs.first] != facts.group[pairs.second])
    return criterion(across.astype(float), grouped)


def markets(facts: Facts, pairs: Pairs) -> Criterion:
    """(2, m): 1 where one wants to sell in the other's country and sits in another country itself."""
    abroad = ~equal(facts.country, pairs)
    placed, listed = np.asarray(facts.country >= 0), np.asarray(facts.markets.any(axis=1))
    ends = np.stack([pairs.first, pairs.second])
    there = np.zeros(ends.shape, dtype=bool)
    if facts.markets.size:
        there = facts.markets[ends, facts.country[ends[::-1]]] & placed[ends[::-1]]
    return criterion((there & abroad).astype(float), listed[ends] & placed[ends[::-1]])


def languages(facts: Facts, pairs: Pairs) -> Criterion:
    """0.5 for one shared working language, 0.75 for two, 1 for three or more."""
    return of_shared_languages(shared_languages(facts, pairs), both(np.asarray(facts.languages.any(axis=1)), pairs))


def of_shared_languages(shared: NDArray[np.int64], known: Mask) -> Criterion:
    """The same from how many languages are shared, and whether those of both are known."""
    return criterion(np.where(shared > 0, np.minimum(0.25 + 0.25 * shared, 1.0), 0.0), known)


def readiness(facts: Facts, pairs: Pairs) -> Criterion:
    """How ready for work abroad the less ready of the two is, 1..5 put on 0..1."""
    less = np.minimum(facts.readiness[pairs.first], facts.readiness[pairs.second])
    return criterion((np.clip(less, 1, 5) - 1) / 4, less > 0)


def history(found: History, pairs: Pairs) -> Criterion:
    """How much the past partners of the two overlap (see matching/history.py); known where both have any."""
    return criterion(found.shared(pairs), both(found.active, pairs))

"""From criteria to one strength per pair: reciprocal fit first, what else speaks for the pair beside it."""

from dataclasses import dataclass
from functools import reduce
from math import inf, isfinite

import numpy as np

from matching import criteria
from matching.criteria import Criterion, Values
from matching.facts import Facts
from matching.fits import best_fits
from matching.history import History
from matching.likeness import Likeness, likeness
from matching.pairs import Pairs
from matching.profile import Policy
from matching.statements import Array, Texts

SHARED = ("fit", "closeness", "creative_growth", "markets", "languages", "readiness")
BOUNDED = ("lexical", "stand_in", "custom", "unknown_fit", "unknown", "brings")


@dataclass(frozen=True, slots=True)
class Weights:
    """What each criterion counts. The first six are shares of the strength and are brought to a sum of 1."""

    fit: float = 0.62  # what each offers of what the other needs, as good as the weaker direction lets it be
    closeness: float = 0.10  # neither look-alikes nor strangers
    creative_growth: float = 0.12  # a creative firm with one of another growth sector: the mission
    markets: float = 0.08  # each sits where the other wants to sell
    languages: float = 0.03  # more than the one language that the rules ask for
    readiness: float = 0.05  # both ready to work abroad
    history: float = 0.10  # shared past partners, beside the six: they add, and who shares none loses nothing
    lexical: float = 0.35  # how far shared words alone can carry a fit; they add to meaning, never take away
    stand_in: float = 0.5  # confidence in a fit for which the description had to stand in for offers
    custom: float = 0.3  # whoever supplies what the other looks for wins a customer: so much of that fit, unasked for
    unknown_fit: float = 0.15  # the fit assumed in a direction nobody can know: no needs, or nothing said
    unknown: float = 0.3  # the value assumed for any other criterion that the profiles leave open
    brings: float = 0.3  # in the order of a list: what the partner offers to this SME, beside the pair's strength

    def __post_init__(self) -> None:
        """ValueError unless the criteria's weights are not negative nor all zero, and each other one is in 0..1."""
        counted = [getattr(self, name) for name in SHARED]
        if min(*counted, self.history) < 0 or not 0 < sum(counted) < inf or not isfinite(self.history):
            raise ValueError(f"weights must not be negative, and not all of {', '.join(SHARED)} zero")
        for name in BOUNDED:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)}")

    def shares(self, history: bool = False) -> dict[str, float]:
        """The six criteria's shares, which sum to 1, and beside them that of history if there is one."""
        total = sum(getattr(self, name) for name in SHARED)
        found = {name: getattr(self, name) / total for name in SHARED}
        return found | {"history": self.history / (self.history + total)} if history else found


@dataclass(frozen=True, slots=True)
class Situation:
    """All a pair is judged by: columns of facts, vectors of texts, the cohort's scale of likeness, its history."""

    ids: tuple[str, ...]
    facts: Facts
    texts: Texts
    scale: Array  # see likeness.scale_of
    history: History | None
    policy: Policy
    weights: Weights


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is computed of some pairs: (m,) each, or (2, m) where directed."""

    pairs: Pairs
    directed: dict[str, Criterion]  # fit, markets: what the other is to one
    symmetric: dict[str, Criterion]
    shares: dict[str, Values]  # what each criterion adds to the strength; they sum to it
    fit: Values  # directed fit after confidence
    strength: Values
    quantile: Array  # likeness of the two, as a quantile in the cohort
    confidence: Values


@dataclass(frozen=True, slots=True)
class Reading:
    """What texts and past partners say of some pairs: nearly all of the work, the same whatever the fields state."""

    best: Array  # (2, m) see fits.best_fits
    alike: Likeness
    history: Criterion | None

    def part(self, span: slice) -> "Reading":
        """That of consecutive pairs among them."""
        past = self.history and Criterion(self.history.value[span], self.history.known[span])
        return Reading(self.best[:, span], Likeness(self.alike.quantile[span], self.alike.known[span]), past)


def read(situation: Situation, pairs: Pairs) -> Reading:
    """Compare the texts and the past partners of the pairs."""
    return Reading(
        best_fits(situation.texts, pairs, situation.weights.lexical),
        likeness(situation.texts, pairs, situation.scale),
        criteria.history(situation.history, pairs) if situation.history else None,
    )


def assess(situation: Situation, pairs: Pairs, reading: Reading | None = None) -> Assessment:
    """Every criterion of the pairs and their combination; without a history its criterion is left out altogether."""
    facts, texts, weights = situation.facts, situation.texts, situation.weights
    found = reading or read(situation, pairs)
    best, alike = found.best, found.alike
    directed = {"fit": criteria.fit(texts, pairs, best, weights.stand_in), "markets": criteria.markets(facts, pairs)}
    fit = settled_fit(directed["fit"], weights)
    symmetric = {
        "fit": reciprocal(directed["fit"], fit),
        "closeness": criteria.closeness(alike, situation.policy.dial),
        "creative_growth": criteria.creative_growth(facts, pairs),
        "markets": both_ways(directed["markets"]),
        "languages": criteria.languages(facts, pairs),
        "readiness": criteria.readiness(facts, pairs),
    }
    if found.history:
        symmetric["history"] = found.history
    shares = share_of_strength(symmetric, weights)
    return Assessment(
        pairs=pairs,
        directed=directed,
        symmetric=symmetric,
        shares=shares,
        fit=fit,
        strength=strength_of(shares),
        quantile=alike.quantile,
        confidence=np.sum([w * symmetric[k].known for k, w in weights.shares().items()], axis=0).astype(np.float32),
    )


def settle(found: Criterion, assumed: float) -> Values:
    """The value as far as it is known, the assumed one for the rest: missing data neither helps nor forbids."""
    return np.asarray(found.known * found.value + (1 - found.known) * np.float32(assumed), np.float32)


def settled_fit(directed: Criterion, weights: Weights) -> Values:
    """(2, m) the directed fit after confidence, and with what an order is worth."""
    return with_custom(settle(directed, weights.unknown_fit), weights.custom)


def with_custom(fit: Values, custom: float) -> Values:
    """(2, m): a direction is worth at least a part of the other: an order answers a need no firm writes down."""
    return np.asarray(np.maximum(fit, np.float32(custom) * fit[::-1]), np.float32)


def reciprocal(directed: Criterion, fit: Values) -> Criterion:
    """Harmonic mean of both directions: both must say yes, so the weaker side decides (RECON, Pizzato 2010)."""
    total = fit[0] + fit[1]
    mean = 2 * fit[0] * fit[1] / np.where(total > 0, total, 1)
    return Criterion(mean.astype(np.float32), ((directed.known[0] + directed.known[1]) / 2).astype(np.float32))


def both_ways(directed: Criterion) -> Criterion:
    """The mean of both directions, as far as each is known."""
    known = directed.known[0] + directed.known[1]
    value = (directed.value * directed.known).sum(axis=0)
    return Criterion((value / np.maximum(known, 1)).astype(np.float32), (known / 2).astype(np.float32))


def share_of_strength(symmetric: dict[str, Criterion], weights: Weights) -> dict[str, Values]:
    """Weight times value, criterion by criterion; they sum to the strength.

    Past partners speak for a pair, and their lack says nothing: what they add is taken from the others' room, so that
    a pair without any has the strength it would have without a history.
    """
    settled = settled_values(symmetric, weights.unknown)
    portions = {name: np.float32(share) for name, share in weights.shares(history="history" in symmetric).items()}
    added = portions.pop("history") * settled["history"] if "history" in symmetric else np.zeros(1, np.float32)
    room = np.float32(1) - added
    shares = {name: (p * settled[name] * room).round(6) for name, p in portions.items()}
    return shares | ({"history": added.round(6)} if "history" in symmetric else {})


def strength_of(shares: dict[str, Values]) -> Values:
    """The sum of the shares, at five digits."""
    return np.asarray(np.round(reduce(np.add, shares.values()), 5), np.float32)


def settled_values(symmetric: dict[str, Criterion], unknown: float) -> dict[str, Values]:
    """The criteria's values, with `unknown` for what the profiles leave open.

    The reciprocal fit has settled what it does not know already, and partners nobody has named are none.
    """
    return {
        name: found.value if name in ("fit", "history") else settle(found, unknown) for name, found in symmetric.items()
    }

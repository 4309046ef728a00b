"""From criteria to one strength per pair: reciprocal fit first, what else speaks for the pair beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching import criteria
from matching.criteria import Criterion, Matrix
from matching.history import shared_partners
from matching.profile import Pair, Policy, Profile
from matching.statement_fit import statement_fit
from matching.statements import Array, Texts


@dataclass(frozen=True, slots=True)
class Weights:
    """What each criterion counts. The symmetric ones are shares of the strength and are brought to a sum of 1."""

    fit: float = 0.62  # what each offers of what the other needs, as good as the weaker direction lets it be
    closeness: float = 0.10  # neither look-alikes nor strangers
    creative_growth: float = 0.12  # a creative firm with one of another growth sector: the mission
    markets: float = 0.08  # each sits where the other wants to sell
    languages: float = 0.03  # more than the one language that the rules ask for
    readiness: float = 0.05  # both ready to work abroad
    history: float = 0.10  # shared past partners; counts only where a history is given
    lexical: float = 0.35  # how far shared words alone can carry a fit; they add to meaning, never take away
    stand_in: float = 0.5  # confidence in a fit for which the description had to stand in for offers
    custom: float = 0.3  # whoever supplies what the other looks for wins a customer: so much of that fit, unasked for
    unknown_fit: float = 0.15  # the fit assumed in a direction nobody can know: no needs, or nothing said
    unknown: float = 0.3  # the value assumed for any other criterion that the profiles leave open
    brings: float = 0.3  # in the order of a list: what the partner offers to this SME, beside the pair's strength

    def shares(self, history: bool = False) -> dict[str, float]:
        """The symmetric criteria's shares, that of history only if there is one; they sum to 1."""
        names = ("fit", "closeness", "creative_growth", "markets", "languages", "readiness", "history")[: 6 + history]
        total = sum(getattr(self, name) for name in names)
        if total <= 0 or min(getattr(self, name) for name in names) < 0:
            raise ValueError("weights must not be negative, and not all of them zero")
        return {name: getattr(self, name) / total for name in names}


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that is computed of all pairs, (n, n) each; row a, column b."""

    statement_fit: Array  # (needs, offers) of the cohort's statements
    directed: dict[str, Criterion]  # fit, markets: what b is to a
    symmetric: dict[str, Criterion]
    shares: dict[str, Matrix]  # what each criterion adds to the strength; they sum to it
    fit: Matrix  # directed fit after confidence
    strength: Matrix
    quantile: Array  # likeness of the two, as a quantile in the cohort
    confidence: Matrix


def assess(
    people: Sequence[Profile], texts: Texts, policy: Policy, weights: Weights, history: frozenset[Pair] = frozenset()
) -> Assessment:
    """Every criterion, every pair, and their combination; without a history its criterion is left out altogether."""
    by_statement = statement_fit(texts.needs, texts.offers, texts.background, weights.lexical)
    directed = {"fit": criteria.fit(texts, by_statement, weights.stand_in), "markets": criteria.markets(people)}
    fit = with_custom(settle(directed["fit"], weights.unknown_fit), weights.custom)
    symmetric = {
        "fit": reciprocal(directed["fit"], fit),
        "closeness": criteria.closeness(texts, policy.dial),
        "creative_growth": criteria.creative_growth(people),
        "markets": both_ways(directed["markets"]),
        "languages": criteria.languages(people),
        "readiness": criteria.readiness(people),
    }
    if history:
        symmetric["history"] = shared_partners([p.id for p in people], history)
    portions = weights.shares(history=bool(history))
    shares = share_of_strength(symmetric, portions, weights.unknown)
    return Assessment(
        statement_fit=by_statement,
        directed=directed,
        symmetric=symmetric,
        shares=shares,
        fit=fit,
        strength=np.round(np.sum(list(shares.values()), axis=0), 5).astype(np.float32),
        quantile=criteria.quantiles(texts.descriptions)[0],
        confidence=np.sum([w * symmetric[k].known for k, w in portions.items()], axis=0).astype(np.float32),
    )


def settle(found: Criterion, assumed: float) -> Matrix:
    """The value as far as it is known, the assumed one for the rest: missing data neither helps nor forbids."""
    return np.asarray(found.known * found.value + (1 - found.known) * np.float32(assumed), np.float32)


def with_custom(fit: Matrix, custom: float) -> Matrix:
    """A direction is worth at least a part of the other: an order is an answer to a need no firm writes down."""
    return np.asarray(np.maximum(fit, np.float32(custom) * fit.T), np.float32)


def reciprocal(directed: Criterion, fit: Matrix) -> Criterion:
    """Harmonic mean of both directions: both must say yes, so the weaker side decides (RECON, Pizzato 2010)."""
    total = fit + fit.T
    mean = 2 * fit * fit.T / np.where(total > 0, total, 1)
    return Criterion(mean.astype(np.float32), ((directed.known + directed.known.T) / 2).astype(np.float32))


def both_ways(directed: Criterion) -> Criterion:
    """The mean of both directions, as far as each is known."""
    known = directed.known + directed.known.T
    value = directed.value * directed.known
    return Criterion(((value + value.T) / np.maximum(known, 1)).astype(np.float32), (known / 2).astype(np.float32))


def share_of_strength(symmetric: dict[str, Criterion], portions: dict[str, float], unknown: float) -> dict[str, Matrix]:
    """Weight times value, criterion by criterion, with `unknown` for what the profiles leave open.

    The reciprocal fit has settled what it does not know already, and partners nobody has named are none.
    """
    settled = {
        name: found.value if name in ("fit", "history") else settle(found, unknown) for name, found in symmetric.items()
    }
    return {name: np.round(np.float32(share) * settled[name], 6) for name, share in portions.items()}

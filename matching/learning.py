"""Weights from labelled pairs: MAP logistic regression that starts from the weights in use, and its cross-validation.

The log-odds of a pair are an intercept plus the weighted criteria. The prior is Gaussian, centred at the given weights
times one steepness, with each criterion measured in its own standard deviations; intercept and steepness are all but
free. So few labels leave the ratios of the weights as they are, and many decide them. A weight is never below 0: each
criterion is built so that more of it speaks for a pair, and one that seems to speak against it does so by chance or
because another one is doubled; left out, it does no harm to the next cohort and needs no explanation to an SME.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.selection import random_words

Array = NDArray[np.float64]
Places = NDArray[np.int64]
PRIOR_LABELS = 40.0  # as many labels weigh as much as the weights they start from: 20 move them a third of the way
LEAST_SPREAD = 0.05  # of 0..1: a criterion that differs less says too little here to be blown up for elsewhere
FREE = 0.01  # precision of intercept and steepness: ten logits either way, there only to keep them finite
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Examples:
    """m pairs whose outcome is known, each asked for by one query."""

    features: Array  # (m, k)
    outcome: NDArray[np.bool_]  # (m,)
    query: Places  # (m,) 0 .. q - 1
    pair: Places  # (m,) equal where two rows are the same two SMEs

    def only(self, chosen: NDArray[np.bool_]) -> "Examples":
        """The chosen rows."""
        return Examples(self.features[chosen], self.outcome[chosen], self.query[chosen], self.pair[chosen])


def learned(examples: Examples, prior: Array, information: float) -> Array:
    """(k,) weights of at least 0 that sum to what the prior's do; the prior itself where nothing speaks for anything.

    `information` is what one label says of a criterion, per squared standard deviation: at most 1/4 for a yes or no,
    1 for a partner among very many candidates. Bounded L-BFGS on a convex objective, so there is one answer; sums are
    made by einsum, whose order no BLAS thread changes.
    """
    from scipy.optimize import minimize

    if not len(examples.outcome):
        return prior
    spread = np.array([max(column.std(), LEAST_SPREAD) for column in examples.features.T])
    columns = np.ascontiguousarray((examples.features - examples.features.mean(axis=0)).T / spread[:, None])
    steepness = max(float(np.einsum("km,k->m", columns, prior * spread).std()), 1e-9)
    centre = prior * spread / steepness  # the weights in use, as steep as one logit per standard deviation
    problem = Objective(columns, examples.outcome.astype(np.float64), centre, PRIOR_LABELS * information)
    found = minimize(
        problem,
        np.concatenate([[0.0, 1.0], centre]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None)] + [(0, None)] * (1 + len(prior)),
        options={"ftol": 1e-15, "gtol": 1e-7, "maxiter": 1000},
    )
    weights = found.x[2:] / spread
    return np.asarray(weights * (prior.sum() / weights.sum()) if weights.sum() > 0 else prior)


@dataclass(frozen=True, slots=True)
class Objective:
    """Negative log posterior of (intercept, steepness, weights per standard deviation), with its gradient."""

    columns: Array  # (k, m)
    outcome: Array  # (m,) 0 or 1
    centre: Array  # (k,)
    precision: float

    def __call__(self, at: Array) -> tuple[float, Array]:
        """Value and gradient at (2 + k,)."""
        from scipy.special import expit

        logits = at[0] + np.einsum("km,k->m", self.columns, at[2:])
        residual = expit(logits) - self.outcome
        away, free = at[2:] - at[1] * self.centre, at[:2] - [0.0, 1.0]
        likelihood = np.logaddexp(0, logits).sum() - (logits * self.outcome).sum()
        value = likelihood + self.precision / 2 * (away**2).sum() + FREE / 2 * (free**2).sum()
        slope = np.einsum("km,m->k", self.columns, residual) + self.precision * away
        first = [residual.sum(), -self.precision * (away * self.centre).sum()] + FREE * free
        return float(value), np.concatenate([first, slope])


def folds(ids: Sequence[str]) -> Places:
    """(q,) the fold of each query, of equal size give or take one, by the hash of its id: never by its place."""
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[np.argsort(random_words(ids, seed=0))] = np.arange(len(ids))
    return ranks % FOLDS


def without_own_fold(examples: Examples, prior: Array, information: float, fold: Places) -> Array:
    """(q, k) for each query the weights learned from the other folds.

    A pair that a query of the fold asks for is left out of the others too: seen from its other side it would be known.
    """
    weights = np.tile(prior, (len(fold), 1))
    for held in np.unique(fold):
        rows = fold[examples.query] == held
        rest = examples.only(~rows & ~np.isin(examples.pair, examples.pair[rows]))
        if rest.outcome.any() and not rest.outcome.all():
            weights[fold == held] = learned(rest, prior, information)
    return weights

"""Learned weights, and the proof they must bring: never worse than the ones in use nor than TF-IDF alone.

What is learned is judged on queries it was not learned from. If any measure is worse there, the prior's weights stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from matching.background import Background
from matching.combination import SHARED, Situation, Weights, assess, settled_values
from matching.engine import situation_of
from matching.evaluation import Task
from matching.learning import FOLDS, Examples, Places, folds, learned, without_own_fold
from matching.measures import NAMES, digits, draws, interval_of, resampled_auc
from matching.pairs import pairs_from
from matching.profile import Cohort, Pair, Policy, Profile
from matching.ranking import RankingWeights, combined, term_rows
from matching.statements import Array, Vectors
from matching.tables import InputError

LEAST = 20  # labels; fewer say nothing that a cross-validation could confirm
OF_A_PARTNER, OF_AN_ANSWER = 1.0, 0.25  # information of one label, see learning.learned
RANKERS, ON_THE_SET = ("shipped", "learned", "tfidf"), "on the set"
Measures = dict[str, dict[str, float]]
Resampled = dict[str, tuple[float, Array]]  # by measure: its value, and in each bootstrap draw


@dataclass(frozen=True, slots=True)
class Labels:
    """How much there was to learn from."""

    labels: int  # partnerships, or answers
    queries: int
    rows: int  # pairs the regression saw


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learned, how it does on queries it was not learned from, and which weights are to be used."""

    seen: Labels
    prior: dict[str, float]
    learned: dict[str, float]
    measured: dict[str, dict[str, float]]  # by ranker: 'shipped', 'learned', 'tfidf'; cross-validated
    over_shipped: Measures
    over_tfidf: Measures
    shipped_over_tfidf: Measures
    on_the_set_over_tfidf: Measures  # not cross-validated: what `evaluate` shows on the same files

    @property
    def objections(self) -> list[str]:
        """Where the learned weights are worse; none means that they are to be used."""
        checks = (
            (self.over_shipped, "than the shipped weights, cross-validated"),
            (self.over_tfidf, "than TF-IDF, cross-validated"),
            (self.on_the_set_over_tfidf, "than TF-IDF on the set itself"),
        )
        empty = not any(value > 0 for name, value in self.learned.items() if name != "history")
        useless = ["the rest: nothing but history is left to judge by"] if empty else []
        return useless + [worse for lead, against in checks for worse in worse_at(lead, against)]

    @property
    def weights(self) -> dict[str, float]:
        """The weights to be used."""
        return self.prior if self.objections else self.learned

    @property
    def verdict(self) -> str:
        """One line: which weights are used, and why."""
        if not self.objections:
            leads = [f"{name} {told(lead)}" for name, lead in self.over_shipped.items()]
            return f"the learned weights are used; cross-validated lead over the shipped ones: {', '.join(leads)}"
        line = f"the shipped weights stay: the learned ones are worse at {'; '.join(self.objections)}"
        behind = worse_at(self.shipped_over_tfidf, "than TF-IDF")
        return f"{line}. The shipped weights themselves are worse at {'; '.join(behind)}" if behind else line

    def record(self) -> dict[str, object]:
        """All of it as plain data."""
        return {
            "used": "shipped" if self.objections else "learned",
            "verdict": self.verdict,
            **asdict(self.seen),
            "folds": FOLDS,
            "prior": self.prior,
            "learned": self.learned,
            "cross_validated": self.measured,
            "over_shipped": self.over_shipped,
            "over_tfidf": self.over_tfidf,
            "shipped_over_tfidf": self.shipped_over_tfidf,
            "on_the_set_over_tfidf": self.on_the_set_over_tfidf,
        }


def worse_at(lead: Measures, against: str) -> list[str]:
    """The measures whose mean lead is negative, as words."""
    return [f"{name} {against} ({told(one)})" for name, one in lead.items() if one["mean"] < 0]


def told(lead: Mapping[str, float]) -> str:
    """A difference with its interval."""
    return f"{lead['mean']:+.4f} [{lead['low']:+.4f}, {lead['high']:+.4f}]"


def require_enough(labels: int, queries: int) -> None:
    """InputError if there is too little to learn from, or to check what was learned."""
    if labels < LEAST:
        raise InputError(f"too little to learn from: {labels} labels, at least {LEAST} are needed")
    if queries < FOLDS:
        raise InputError(f"too little to check what is learned: labels of {queries} SMEs, at least {FOLDS} are needed")


def require_answers(answers: Mapping[Pair, bool]) -> None:
    """InputError if the answers are too few, of too few SMEs, or all the same."""
    require_enough(len(answers), len({sme for sme, _ in answers}))
    if len(set(answers.values())) < 2:
        raise InputError("all answers are the same: nothing tells a good pair from a bad one")


def judged(seen: Labels, prior: dict[str, float], final: dict[str, float], found: Mapping[str, Resampled]) -> Fitted:
    """The learned weights beside the prior's and TF-IDF; `found` has RANKERS and ON_THE_SET."""
    return Fitted(
        seen=seen,
        prior=prior,
        learned={name: digits(weight) for name, weight in final.items()},
        measured={name: {measure: digits(found[name][measure][0]) for measure in found[name]} for name in RANKERS},
        over_shipped=lead(found["learned"], found["shipped"]),
        over_tfidf=lead(found["learned"], found["tfidf"]),
        shipped_over_tfidf=lead(found["shipped"], found["tfidf"]),
        on_the_set_over_tfidf=lead(found[ON_THE_SET], found["tfidf"]),
    )


def lead(one: Resampled, other: Resampled) -> Measures:
    """Paired differences with their intervals."""
    return {name: interval_of(one[name][0] - other[name][0], one[name][1] - other[name][1]) for name in one}


def fit_partners(task: Task, prior: RankingWeights) -> Fitted:
    """RankingWeights from known partnerships; every other candidate counts as none.

    All candidates are used, so nothing is sampled and nothing has to be corrected for it.
    """
    names = [field.name for field in fields(prior)]
    examples = examples_of(task, names)
    labels = int(examples.outcome.sum())
    require_enough(labels, len(np.unique(examples.query[examples.outcome])))
    start = np.array([getattr(prior, name) for name in names])
    final = weights_of(names, learned(examples, start, OF_A_PARTNER))
    apart = without_own_fold(examples, start, OF_A_PARTNER, folds(task.queries))
    rows = [combined({k: v[[i]] for k, v in task.found.items()}, weights_of(names, w)) for i, w in enumerate(apart)]
    values = {
        "shipped": combined(task.found, prior),
        "learned": np.concatenate(rows),
        "tfidf": task.found["tfidf"],
        ON_THE_SET: combined(task.found, final),
    }
    return judged(
        Labels(labels, len(task.queries), len(examples.outcome)),
        asdict(prior),
        asdict(final),
        {name: ranked_well(task, value) for name, value in values.items()},
    )


def examples_of(task: Task, names: Sequence[str]) -> Examples:
    """Every candidate of every query; each signal less its mean over the query's candidates.

    A query of many or common words is alike to everybody: that sets its level, but ranks nobody.
    """
    row, column = np.nonzero(task.allowed)
    number = np.maximum(task.allowed.sum(axis=1), 1)
    features = [
        task.found[name] - (task.found[name] * task.allowed).sum(axis=1)[:, None] / number[:, None] for name in names
    ]
    truth = np.zeros(task.allowed.shape, dtype=bool)
    for i, partners in enumerate(task.true):
        truth[i, partners] = True
    pair = pair_of(task.places[row], column, len(task.people))
    return Examples(np.stack([f[row, column] for f in features], axis=1), truth[row, column], row, pair)


def pair_of(one: Places, two: Places, n: int) -> Places:
    """(m,) a number for each pair of n, the same in both directions."""
    return np.asarray(np.minimum(one, two) * n + np.maximum(one, two))


def weights_of(names: Sequence[str], values: Array) -> RankingWeights:
    """The dataclass, rounded as it will be written, so that what is measured is what is kept."""
    return RankingWeights(**{name: digits(value) for name, value in zip(names, values, strict=True)})


def ranked_well(task: Task, values: Array) -> Resampled:
    """Every measure of a ranker over the queries, and in each bootstrap draw."""
    rows = task.measured(values)
    return {name: (float(row.mean()), row[task.drawn].mean(axis=1)) for name, row in zip(NAMES, rows.T, strict=True)}


def fit_answers(
    profiles: Sequence[Profile],
    answers: Mapping[Pair, bool],
    vectors: Vectors,
    policy: Policy,
    weights: Weights,
    history: frozenset[Pair],
    seed: int,
    background: Background | None = None,
) -> Fitted:
    """The symmetric criteria's weights from SMEs' answers, in the order of `Weights.shares`."""
    require_answers(answers)
    people = tuple(sorted(profiles, key=lambda p: p.id))
    place = {p.id: i for i, p in enumerate(people)}
    sides = np.array([(place[sme], place[partner]) for sme, partner in sorted(answers)], dtype=np.int64).reshape(-1, 2)
    outcome = np.array([answers[asked] for asked in sorted(answers)], dtype=bool)
    smes, query = np.unique(sides[:, 0], return_inverse=True)
    names = list(weights.shares(history=bool(history)))
    situation = situation_of(Cohort(people, history=history), vectors, policy, weights, background)
    features = criteria_of(situation, sides)
    examples = Examples(features, outcome, query, pair_of(sides[:, 0], sides[:, 1], len(people)))
    start = np.array([getattr(weights, name) for name in names])
    final = learned(examples, start, OF_AN_ANSWER).round(4)
    apart = without_own_fold(examples, start, OF_AN_ANSWER, folds([people[sme].id for sme in smes])).round(4)
    values = {
        "shipped": strengths(features, start),
        "learned": strengths(features, apart[query]),
        "tfidf": likeness(people, sides),
        ON_THE_SET: strengths(features, final),
    }
    drawn = draws(len(smes), seed)
    return judged(
        Labels(len(outcome), len(smes), len(outcome)),
        dict(zip(names, start.tolist(), strict=True)),
        dict(zip(names, final.tolist(), strict=True)),
        {name: {"auc": resampled_auc(value, outcome, query, drawn)} for name, value in values.items()},
    )


def strengths(features: Array, weights: Array) -> Array:
    """(m,) what the engine makes of (m, 6 or 7) settled criteria; weights (k,), or (m, k) one row a pair.

    The regression learns a plain sum. Strength is one too, but for history, which takes no more than the others leave
    it (see combination.share_of_strength): what is learned is judged as it will be used.
    """
    six = len(SHARED)
    total = weights[..., :six].sum(axis=-1)
    plain = (features[:, :six] * weights[..., :six]).sum(axis=1) / np.where(total > 0, total, 1)
    history = weights[..., six:].sum(axis=-1)
    added = history / np.where(history + total > 0, history + total, 1) * features[:, six:].sum(axis=1)
    return np.asarray((1 - added) * plain + added)


def criteria_of(situation: Situation, sides: Places) -> Array:
    """(m, k) the settled symmetric criteria of m pairs, in the order of `Weights.shares`."""
    n = len(situation.ids)
    pairs = pairs_from(sides[:, 0], sides[:, 1], n)
    settled = settled_values(assess(situation, pairs).symmetric, situation.weights.unknown)
    asked = np.searchsorted(pairs.codes(), sides.min(axis=1) * n + sides.max(axis=1))
    return np.stack([value[asked] for value in settled.values()], axis=1).astype(np.float64)


def likeness(people: Sequence[Profile], sides: Places) -> Array:
    """(m,) TF-IDF cosine of all that the two of each pair say."""
    terms = term_rows(people)
    return np.asarray(terms[sides[:, 0]].multiply(terms[sides[:, 1]]).sum(axis=1), np.float64).ravel()

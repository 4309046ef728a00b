"""Rankers side by side on pairs that really came about, and the accuracy across languages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from matching.background import Background, centred
from matching.facts import equal_values
from matching.history import network
from matching.hubness import both_sides
from matching.measures import NAMES, digits, draws, intervals, measure
from matching.pairs import Mask
from matching.profile import Pair, Profile
from matching.ranking import RankingWeights, combined, signals
from matching.selection import pair_ties, random_words
from matching.tables import InputError, Table

Array = NDArray[np.float64]
NEIGHBOURS = 10  # of the hubness correction (CSLS)


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a ranker, and all it is told: q queries, n profiles sorted by id."""

    people: tuple[Profile, ...]
    queries: tuple[str, ...]  # their ids
    places: NDArray[np.int64]  # (q,) where they stand among the people
    true: list[NDArray[np.int64]]  # the places of each query's partners
    found: dict[str, Array]  # (q, n) each signal
    allowed: Mask  # (q, n) the candidates
    ties: Array  # (q, n) decides between equals
    drawn: NDArray[np.int64]  # the bootstrap's queries

    def measured(self, values: Array) -> Array:
        """(q, 4) the measures of a ranker's (q, n) values."""
        return measured_of(values, self.allowed, self.ties, self.true)


def task_of(
    table: Table,
    pairs: Mapping[str, frozenset[str]],
    history: frozenset[Pair],
    vectors: Mapping[str, NDArray[np.float32]],
    other: str | None,
    seed: int,
) -> Task:
    """Signals and candidates of every query; InputError if no known partner is a candidate."""
    people = tuple(sorted(table.profiles, key=lambda p: p.id))
    place = {p.id: i for i, p in enumerate(people)}
    queries = np.array([place[query] for query in pairs], dtype=np.int64)
    true = [np.array(sorted(place[p] for p in partners), dtype=np.int64) for partners in pairs.values()]
    allowed = candidates(people, history, other)[queries]
    if not any(allowed[row, partners].any() for row, partners in enumerate(true)):
        raise InputError(
            "none of the pairs is a candidate: all known already, or none differs in the column of --other"
        )
    found = signals(people, table.activity, history, vectors, queries)
    words = random_words([p.id for p in people], seed)
    ties = pair_ties(words[queries, None], words[None, :])
    return Task(people, tuple(pairs), queries, true, found, allowed, ties, draws(len(queries), seed))


def evaluate(
    table: Table,
    pairs: Mapping[str, frozenset[str]],
    history: frozenset[Pair],
    vectors: Mapping[str, NDArray[np.float32]],
    other: str | None,
    seed: int,
    fitted: RankingWeights | None = None,
) -> dict[str, object]:
    """Measures of every ranker, the matcher's lead over TF-IDF, and what leaving out each signal costs.

    With `fitted` weights a ranker of that name stands beside the matcher.
    """
    task = task_of(table, pairs, history, vectors, other, seed)
    weights = RankingWeights()
    rankers = rankers_of(task, table, weights, fitted)
    measured = {name: task.measured(values) for name, values in rankers.items()}
    full = measured["matcher"]
    left_out = {name: full - task.measured(combined(task.found, weights, name)) for name in asdict(weights)}
    ahead = {
        name: intervals(measured[name] - measured["tfidf"], task.drawn)
        for name in ("matcher", "fitted")
        if name in measured
    }
    return {
        "queries": len(task.queries),
        "rankers": {name: intervals(rows, task.drawn) for name, rows in measured.items()},
        **{f"{name}_minus_tfidf": lead for name, lead in ahead.items()},
        "matcher_minus_without": {name: intervals(rows, task.drawn) for name, rows in left_out.items()},
        "warnings": [
            f"the {name} ranker is worse than TF-IDF at {measure}"
            for name, lead in ahead.items()
            for measure in NAMES
            if lead[measure]["mean"] < 0
        ],
        "weights": asdict(weights),
        **({"fitted_weights": asdict(fitted)} if fitted else {}),
    }


def rankers_of(task: Task, table: Table, weights: RankingWeights, fitted: RankingWeights | None) -> dict[str, Array]:
    """(q, n) of each ranker; what is equal is decided by the seeded hash, for 'random' everything."""
    shape = task.allowed.shape
    rankers = {
        "random": np.zeros(shape),
        "popularity": np.tile([table.activity[p.id] for p in task.people], (shape[0], 1)),
        "tfidf": task.found["tfidf"],
        "embedding": task.found["embedding"],
        "matcher": combined(task.found, weights),
    }
    return rankers | ({"fitted": combined(task.found, fitted)} if fitted else {})


def candidates(people: Sequence[Profile], history: frozenset[Pair], other: str | None) -> Mask:
    """(n, n) everyone but oneself, known partners and, with `other`, those equal in that column."""
    n = len(people)
    known = network([p.id for p in people], history)[:n, :n].toarray() > 0
    same = equal_values([getattr(p, other).casefold() for p in people]) if other else np.zeros((n, n), dtype=bool)
    return np.asarray(~known & ~same & ~np.eye(n, dtype=bool))


def measured_of(values: Array, allowed: Mask, ties: Array, true: Sequence[NDArray[np.int64]]) -> Array:
    """(q, 4) the measures of one ranker; a partner that is no candidate counts as not found."""
    rows = []
    for value, there, tie, partners in zip(np.round(values, 9), allowed, ties, true, strict=True):
        places = np.flatnonzero(there)
        ranked = places[np.lexsort((tie[places], -value[places]))]
        rows.append(measure(np.isin(ranked, partners), len(partners)))
    return np.array(rows)


def evaluate_languages(
    rows: Sequence[Mapping[str, str]],
    vectors: Mapping[str, NDArray[np.float32]],
    background: Background | None = None,
) -> dict[str, object]:
    """Accuracy@1 per language of finding the English twin, by what is done to the vectors before.

    First as the engine uses them: without the background's means and corrected for hubs, or without the set's own means
    where there is no background. Then without the correction, without the set's own means, raw, and with CSLS.
    """
    english = sorted({row["english"] for row in rows})
    place = {text: i for i, text in enumerate(english)}
    found: dict[str, dict[str, float]] = {name: {} for name in ("engine", "means", "own_means", "raw", "csls")}
    for language in sorted({row["lang"] for row in rows}):
        own = [row for row in rows if row["lang"] == language]
        twins = np.array([place[row["english"]] for row in own])
        both = [vectors[text] for text in (*(row["text"] for row in own), *english)]
        spoken = [language] * len(own) + ["en"] * len(english)
        for name, cosines in cosines_by_way(both, spoken, len(own), background).items():
            found[name][language] = accuracy(cosines, twins)
    return {
        "languages": found["engine"],
        **lowest_and_mean(found["engine"]),
        "as_the_engine_uses_them": f"background of {background.model}" if background else "the set's own means",
        **{name: found[name] | lowest_and_mean(found[name]) for name in ("means", "own_means", "raw", "csls")},
    }


def cosines_by_way(
    both: Sequence[NDArray[np.float32]], spoken: Sequence[str], texts: int, background: Background | None
) -> dict[str, Array]:
    """Cosines of the first vectors, the texts, to the others, the English ones, by each way of `evaluate_languages`."""
    rows = centred(both, spoken, background)
    by_means = from_other(rows, texts)
    asking, offering = both_sides(rows, background.references) if background else (rows, rows)
    return {
        "engine": asking[:texts] @ offering[texts:].T,
        "means": by_means,
        "own_means": from_other(centred(both, spoken), texts),
        "raw": from_other(np.stack(both).astype(np.float64), texts),
        "csls": without_hubs(by_means),
    }


def from_other(rows: Array, texts: int) -> Array:
    """Cosines of the first rows, the texts, to the others, the English ones."""
    return np.asarray(rows[:texts] @ rows[texts:].T)


def accuracy(cosines: Array, twins: NDArray[np.int64]) -> float:
    """How often the nearest English text is the twin."""
    return digits((cosines.argmax(axis=1) == twins).mean())


def lowest_and_mean(values: Mapping[str, float]) -> dict[str, float]:
    """Over the languages."""
    return {"min": min(values.values()), "mean": digits(float(np.mean(list(values.values()))))}


def without_hubs(cosines: Array) -> Array:
    """Twice the cosine less each side's mean to its nearest: hubs lose (CSLS, Conneau et al. 2018).

    It looks at all queries at once, which a single profile never can: reported beside, not used.
    """
    k = min(NEIGHBOURS, *cosines.shape)
    rows, columns = -np.sort(-cosines, axis=1)[:, :k].mean(axis=1), -np.sort(-cosines, axis=0)[:k].mean(axis=0)
    return np.asarray(2 * cosines - rows[:, None] - columns[None, :])

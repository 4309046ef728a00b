"""Ranking by description, history and activity alone, for profiles without stated needs: what `evaluate` measures.

Each signal is one function, 0 to 1, rows queries and columns all profiles; the ranking is their weighted sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.background import centred
from matching.facts import equal_values
from matching.history import index, network, on_scale
from matching.profile import Pair, Profile, sentences

Array = NDArray[np.float64]
Places = NDArray[np.int64]
BUSY = 3.0  # times seen before from which on a profile counts as fully active: beyond it attention is not rewarded


@dataclass(frozen=True, slots=True)
class RankingWeights:
    """What each signal counts; only their ratios matter."""

    words: float = 0.5  # rare words in common
    meaning: float = 1.0  # every sentence of the query finds a near one
    history: float = 0.7  # past partners in common
    circle: float = 0.7  # the query speaks of what the candidate's past partners work on
    attention: float = 0.15  # seen before, up to BUSY times: bounded, so that popularity never outweighs the rest
    other_sector: float = 0.05  # from another sector: look-alikes are easy to find, partners across are the mission


def statements_of(profile: Profile) -> tuple[str, ...]:
    """All a profile says, sentence by sentence: no text is longer than the model's window, none is cut."""
    parts = (*sentences(profile.description), *profile.offers, *profile.needs)
    return tuple(dict.fromkeys(part for part in parts if part.strip()))


def signals(
    people: Sequence[Profile],
    activity: Mapping[str, float],
    history: frozenset[Pair],
    vectors: Mapping[str, NDArray[np.float32]],
    queries: Places,
) -> dict[str, Array]:
    """Every signal of RankingWeights and, beside them, 'tfidf' and 'embedding' for the plain rankers; (q, n) each."""
    adjacency = network([p.id for p in people], history)
    n = len(people)
    terms = term_rows(people)
    tfidf = (terms[queries] @ terms.T).toarray()
    whole, meaning = by_meaning(people, vectors, queries)
    return {
        "words": np.sqrt(np.clip(tfidf, 0, 1)),
        "meaning": np.clip(meaning, 0, 1),
        "history": on_scale(index(adjacency, n))[queries],
        "circle": circle(terms, adjacency[:n, :n], queries),
        "attention": np.tile(attention(people, activity), (len(queries), 1)),
        "other_sector": other_sector(people)[queries],
        "tfidf": tfidf,
        "embedding": whole,
    }


def term_rows(people: Sequence[Profile]) -> Any:
    """(n, terms) sparse unit rows: TF-IDF of words over all a profile says (scikit-learn)."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    said = [" ".join((p.description, *p.offers, *p.needs)) for p in people]
    try:
        return TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(said)
    except ValueError:  # nobody says a word
        return sparse.csr_array((len(people), 1))


def by_meaning(
    people: Sequence[Profile], vectors: Mapping[str, NDArray[np.float32]], queries: Places
) -> tuple[Array, Array]:
    """(q, n) cosine of the mean statements, and mean over the query's statements of the best in the other profile."""
    said = [statements_of(p) for p in people]
    distinct = sorted({text for texts in said for text in texts})
    if not distinct:
        return np.zeros((len(queries), len(people))), np.zeros((len(queries), len(people)))
    rows = centred([vectors[text] for text in distinct], [""] * len(distinct)).astype(np.float32)
    place = {text: i for i, text in enumerate(distinct)}
    own = [np.array([place[text] for text in texts], dtype=np.int64) for texts in said]
    means = np.stack([rows[o].mean(axis=0) if len(o) else np.zeros(rows.shape[1], np.float32) for o in own])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    best = np.stack([best_found(rows, own, query) for query in queries])
    return np.asarray(means[queries] @ means.T, np.float64), best


def best_found(rows: NDArray[np.float32], own: list[Places], query: int) -> Array:
    """(n,) how well, on average, the query's statements are met by each profile's best one; 0 for the silent."""
    found = np.zeros(len(own))
    speaking = [i for i, o in enumerate(own) if len(o)]
    if len(own[query]):
        cosines = rows[own[query]] @ rows.T
        flat = np.concatenate([own[i] for i in speaking])
        starts = np.cumsum([0, *(len(own[i]) for i in speaking[:-1])])
        found[speaking] = np.maximum.reduceat(cosines[:, flat], starts, axis=1).mean(axis=0)
    return found


def circle(terms: Any, within: Any, queries: Places) -> Array:
    """(q, n) TF-IDF cosine of the query's words to those of the candidate's past partners together."""
    from sklearn.preprocessing import normalize

    around = normalize(within @ terms)
    return np.asarray((terms[queries] @ around.T).toarray())


def attention(people: Sequence[Profile], activity: Mapping[str, float]) -> Array:
    """(n,) logarithm of how often each was seen before, full at BUSY."""
    seen = np.array([activity.get(p.id, 0.0) for p in people])
    return np.asarray(np.log1p(np.minimum(seen, BUSY)) / np.log1p(BUSY))


def other_sector(people: Sequence[Profile]) -> Array:
    """(n, n): 1 where both sectors are known and differ."""
    sectors = [p.sector.casefold() for p in people]
    known = np.array([bool(sector) for sector in sectors], dtype=bool)
    return np.asarray(known[:, None] & known[None, :] & ~equal_values(sectors), dtype=np.float64)


def combined(found: Mapping[str, Array], weights: RankingWeights, without: str = "") -> Array:
    """(q, n) the weighted mean of the signals, one of them left out if named."""
    used = {name: weight for name, weight in asdict(weights).items() if name != without}
    total = sum((weight * found[name] for name, weight in used.items()), np.zeros(found["tfidf"].shape))
    return np.asarray(total / sum(used.values()))

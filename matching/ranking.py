"""Ranking by description, history and activity alone, for profiles without stated needs: what `evaluate` measures.

Each signal is one function, 0 to 1, rows queries and columns all profiles; the ranking is their weighted sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.background import centred
from matching.facts import equal_values
from matching.history import index, network, on_scale
from matching.profile import Pair, Profile, sentences

Array = NDArray[np.float64]
Places = NDArray[np.int64]
TOPICS = 100  # of the whole set of texts; 30 to 250 measured alike
BUSY = 3.0  # times seen before from which on a profile counts as fully active: beyond it attention is not rewarded


@dataclass(frozen=True, slots=True)
class RankingWeights:
    """What each signal counts; only their ratios matter."""

    words: float = 0.4  # rare words in common
    topics: float = 0.3  # words in common that usually go together, if not the same
    meaning: float = 0.7  # every sentence of the query finds a near one
    history: float = 0.7  # past partners in common
    circle: float = 1.0  # the query speaks of what the candidate's past partners work on
    circles: float = 0.4  # the past partners of both work on like things
    attention: float = 0.25  # seen before, up to BUSY times: bounded, so that popularity never outweighs the rest
    other_sector: float = 0.12  # from another sector: look-alikes are easy to find, partners across are the mission


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
    rows, own = statement_rows(people, vectors)
    means = mean_rows(rows, own)
    themes = topics(terms)
    around = circles(means, adjacency)
    found = {
        "words": np.sqrt(np.clip(tfidf, 0, 1)),
        "topics": themes[queries] @ themes.T,
        "meaning": np.stack([best_found(rows, own, query) for query in queries]),
        "history": on_scale(index(adjacency, n))[queries],
        "circle": (terms[queries] @ circles(terms, adjacency).T).toarray(),
        "circles": around[queries] @ around.T,
        "attention": np.tile(attention(people, activity), (len(queries), 1)),
        "other_sector": other_sector(people)[queries],
        "tfidf": tfidf,
    }
    # A cosine below 0 says no more than "nothing in common".
    return {name: np.clip(values, 0, 1) for name, values in found.items()} | {"embedding": means[queries] @ means.T}


def term_rows(people: Sequence[Profile]) -> Any:
    """(n, terms) sparse unit rows: TF-IDF of words over all a profile says (scikit-learn)."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    said = [" ".join((p.description, *p.offers, *p.needs)) for p in people]
    try:
        return TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(said)
    except ValueError:  # nobody says a word
        return sparse.csr_array((len(people), 1))


def topics(terms: Any) -> Array:
    """(n, k) unit rows: latent semantic analysis of the terms (Deerwester et al. 1990).

    Each text shapes the topics once, however many profiles share it.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    once = terms[first_of_each(terms)]
    count = min(TOPICS, *(length - 1 for length in once.shape))
    if count < 1:
        return np.zeros((terms.shape[0], 1))
    fitted = TruncatedSVD(count, algorithm="arpack", random_state=0).fit(once)
    return np.asarray(normalize(fitted.transform(terms)))


def first_of_each(terms: Any) -> Places:
    """(k,) the first row of each distinct content, in order; rows without any term left out."""
    first: dict[bytes, int] = {}
    for row, (start, end) in enumerate(pairwise(terms.indptr)):
        if end > start:
            first.setdefault(terms.indices[start:end].tobytes() + terms.data[start:end].tobytes(), row)
    return np.array(list(first.values()), dtype=np.int64)


def statement_rows(
    people: Sequence[Profile], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[NDArray[np.float32], list[Places]]:
    """(m, d) centred unit rows of the distinct statements, and which of them each profile says."""
    said = [statements_of(p) for p in people]
    distinct = sorted({text for texts in said for text in texts})
    place = {text: i for i, text in enumerate(distinct)}
    rows = centred([vectors[text] for text in distinct], [""] * len(distinct)).astype(np.float32)
    return rows, [np.array([place[text] for text in texts], dtype=np.int64) for texts in said]


def mean_rows(rows: NDArray[np.float32], own: list[Places]) -> Array:
    """(n, d) unit mean of each profile's statements; a zero row for the silent."""
    means = np.stack([rows[o].sum(axis=0, dtype=np.float64) for o in own])
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9))


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


def circles(rows: Any, adjacency: Any) -> Any:
    """(n, d) unit rows, dense or sparse as given: what the past partners of each of the n profiles speak of together.

    A partner outside the profiles has no text of its own: it speaks as its own partners among them do, so that what a
    university has been part of reaches all who worked with it.
    """
    from sklearn.preprocessing import normalize

    n = rows.shape[0]
    within, outside = adjacency[:n, :n], adjacency[:n, n:]
    around = within @ rows
    if outside.shape[1] and rows.shape[1]:
        around = around + outside @ normalize(outside.T @ rows)
    return normalize(around) if rows.shape[1] else around


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

"""Texts as counts of hashed character 3- to 5-grams within words: names and inflected forms agree, in any language."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BUCKETS = 2**18  # the reference texts fill a fifth of them: what is unseen seldom falls on what is usual
# Coordinates, here and of vectors, become multiples of 2^-14. Then a product of two unit rows is a sum of integers
# below 2^53, which float64 adds without rounding in any order: the same whatever the threads, the tiling or the block.
GRID = 2.0**14
FEW = 12.0  # texts of a language below which being in many of them says little


def counts(texts: Sequence[str]) -> Any:
    """(m, BUCKETS) csr: 1 + log of how often each gram stands in each text (scikit-learn, char_wb)."""
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import HashingVectorizer

    if not texts:
        return csr_array((0, BUCKETS), dtype=np.float64)
    rows = csr_array(
        HashingVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), n_features=BUCKETS, alternate_sign=False, norm=None
        ).transform(texts)
    )
    rows.sort_indices()
    rows.data = 1 + np.log(rows.data)
    return rows


def rarity(rows: Any, languages: NDArray[np.str_]) -> NDArray[np.float32]:
    """(BUCKETS,) inverse document frequency: 1 less the log of the share of texts, in the language that has it most.

    Per language, as every word of a small one would be rare among all texts. What no text has weighs most.
    """
    share, unseen = np.zeros(BUCKETS), 0.5 / FEW
    for language in np.unique(languages):
        own = rows[np.flatnonzero(languages == language)]
        texts = own.shape[0] + FEW
        share = np.maximum(share, np.bincount(own.indices, minlength=BUCKETS) / texts)
        unseen = min(unseen, 0.5 / texts)
    return np.asarray(np.round(1 - np.log(np.maximum(share, unseen)), 3), np.float32)


def weighted(rows: Any, weights: NDArray[np.float32]) -> Any:
    """(m, BUCKETS) csr: counts times rarity as unit rows on the grid; a text without three letters stays zero."""
    found = rows.copy()
    found.data = rows.data * weights.astype(np.float64)[rows.indices]
    squares = found.multiply(found).sum(axis=1)
    norms = np.sqrt(np.where(squares > 0, squares, 1))
    found.data = np.rint(found.data / np.repeat(norms, np.diff(found.indptr)) * GRID) / GRID
    return found

"""How well a statement of one SME answers a statement of another: by meaning, raised by shared words."""

import numpy as np

from matching.background import Background
from matching.statements import Array, Statements

MIDDLE, SLOPE = 4.25, 0.8  # standard deviations above unrelated statements at which a fit is even, and its steepness
LEXICAL_FLOOR, LEXICAL_FULL = 0.13, 0.54  # TF-IDF cosine that says nothing, and the one that says everything


def statement_fit(needs: Statements, offers: Statements, background: Background, lexical_weight: float) -> Array:
    """(needs, offers) in 0..1; each number depends on its two statements and the background alone.

    So any block of rows and columns gives the same numbers, to the bit. Words add to meaning and never take away.
    """
    by_words = lexical(needs, offers)
    return np.asarray(1 - (1 - semantic(needs, offers, background)) * (1 - lexical_weight * by_words))


def semantic(needs: Statements, offers: Statements, background: Background) -> Array:
    """(needs, offers) in 0..1: how far a need's cosine to an offer stands above that of unrelated statements.

    One scale for pairs within a language and one across, where the same likeness has a smaller cosine.
    """
    across = (needs.languages[:, None] != offers.languages[None, :]).astype(np.intp)
    middle, spread = np.array([background.within, background.across]).T
    deviations = (needs.vectors @ offers.vectors.T - middle[across]) / spread[across]
    return np.asarray(np.round(1 / (1 + np.exp((MIDDLE - deviations) / SLOPE)), 6))


def lexical(needs: Statements, offers: Statements) -> Array:
    """(needs, offers) in 0..1: TF-IDF cosine of character n-grams within words.

    Names, product words and inflected forms agree without a dictionary; across languages it is 0 and says nothing.
    """
    cosines = (needs.words @ offers.words.T).toarray()
    return np.asarray(np.round(np.clip((cosines - LEXICAL_FLOOR) / (LEXICAL_FULL - LEXICAL_FLOOR), 0, 1), 6))

"""How well a statement of one SME answers a statement of another: by meaning, raised by shared words."""

import numpy as np

from matching.background import Background
from matching.pairs import Mask, Places
from matching.statements import Array, Statements
from matching.tiles import block, panels

# Standard deviations above unrelated statements at which a fit is even, and its steepness: of cosines corrected for
# hubs (see hubness.both_sides), and of plain ones where the background has no references.
CORRECTED, PLAIN = (4.46, 0.72), (4.25, 0.8)
AT_ONCE = 2_000  # pairs of statements whose rows are copied to be multiplied
LEXICAL_FLOOR, LEXICAL_FULL = 0.13, 0.54  # TF-IDF cosine that says nothing, and the one that says everything


def statement_fit(needs: Statements, offers: Statements, background: Background, lexical_weight: float) -> Array:
    """(needs, offers) in 0..1; each number depends on its two statements and the background alone.

    So any block of rows and columns gives the same numbers, to the bit. Words add to meaning and never take away.
    """
    across = needs.languages[:, None] != offers.languages[None, :]
    shared = (needs.words @ offers.words.T).toarray()
    return together(needs.vectors @ offers.vectors.T, shared, across, background, lexical_weight)


def fit_of_pairs(
    needs: Statements, offers: Statements, at: tuple[Places, Places], background: Background, lexical_weight: float
) -> Array:
    """(k,) entries of `statement_fit`, the same to the bit: `at` are their rows and their columns."""
    found = np.zeros(len(at[0]))
    for number in range(panels(len(found), AT_ONCE)):
        span = block(number, len(found), AT_ONCE)
        rows, columns = at[0][span], at[1][span]
        across = needs.languages[rows] != offers.languages[columns]
        cosines = np.einsum("ij,ij->i", needs.vectors[rows], offers.vectors[columns])
        shared = np.asarray(needs.words[rows].multiply(offers.words[columns]).sum(axis=1)).ravel()
        found[span] = together(cosines, shared, across, background, lexical_weight)
    return found


def together(cosines: Array, shared: Array, across: Mask, background: Background, lexical_weight: float) -> Array:
    """Meaning, raised by words: from cosines of vectors and of words, and whether a pair is across languages."""
    by_words = lexical(shared)
    return np.asarray(1 - (1 - semantic(cosines, across, background)) * (1 - lexical_weight * by_words))


def semantic(cosines: Array, across: Mask, background: Background) -> Array:
    """In 0..1: how far a need's cosine to an offer stands above that of unrelated statements.

    One scale for pairs within a language and one across, where the same likeness has a smaller cosine.
    """
    middle, spread = np.array([background.within, background.across]).T
    deviations = (cosines - middle[across.astype(np.intp)]) / spread[across.astype(np.intp)]
    even, slope = CORRECTED if len(background.references) else PLAIN
    return np.asarray(np.round(1 / (1 + np.exp((even - deviations) / slope)), 6))


def lexical(shared: Array) -> Array:
    """In 0..1: TF-IDF cosine of character n-grams within words.

    Names, product words and inflected forms agree without a dictionary; across languages it is 0 and says nothing.
    """
    return np.asarray(np.round(np.clip((shared - LEXICAL_FLOOR) / (LEXICAL_FULL - LEXICAL_FLOOR), 0, 1), 6))

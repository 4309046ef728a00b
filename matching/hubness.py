"""How near a text is to everything, and the correction for it: a hub would seem to answer every need a little.

Cross-domain similarity local scaling (CSLS, Conneau et al. 2018), with fixed reference texts in place of the texts that
are compared, so that what a need and an offer have in common depends on these two and the background alone.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matching.grams import GRID

Array = NDArray[np.float64]
References = NDArray[np.int8]  # (r, d) unit rows times STEPS

STEPS = 128  # of a reference's coordinates: coarse, and products with rows on the grid stay exact
REFERENCES, FEWEST = 600, 66  # texts kept of all; of fewer than the latter what is near to everything is not known
SHARE_NEAR = 22  # the nearest are one in so many of the references
SAME = 0.95  # cosine from which a reference is the text itself
CORRECTION = 0.5  # what is taken off a cosine for the hubness of each side
BLOCK = 4096  # rows at once


def references(rows: Array, texts: Sequence[str], languages: Sequence[str]) -> References:
    """Up to REFERENCES of the rows, as many of each language as there are, the same in any order; none of too few."""
    if len(texts) < FEWEST:
        return np.zeros((0, rows.shape[1]), np.int8)
    drawn = sorted(range(len(texts)), key=lambda i: (hashlib.blake2b(texts[i].encode()).digest(), languages[i]))
    count: dict[str, int] = {}
    turn = {}
    for i in drawn:
        turn[i] = count[languages[i]] = count.get(languages[i], 0) + 1
    chosen = sorted(drawn, key=lambda i: (turn[i], languages[i]))[:REFERENCES]
    return np.clip(np.rint(rows[chosen] * STEPS), -STEPS, STEPS - 1).astype(np.int8)


def hubness(rows: Array, fixed: References) -> Array:
    """(m,) the mean cosine of each row to the nearest references, on the grid; 0 without references.

    The text itself does not count: whether it is a reference says nothing about how near it is to others.
    """
    if not len(fixed):
        return np.zeros(len(rows))
    found = [near(rows[start : start + BLOCK], fixed) for start in range(0, len(rows), BLOCK)]
    return np.rint(np.concatenate([np.zeros(0), *found]) * GRID) / GRID


def near(rows: Array, fixed: References) -> Array:
    """(m,) the mean of one in SHARE_NEAR cosines, the largest ones: sums of exact numbers, so in any order the same."""
    count = len(fixed) // SHARE_NEAR
    cosines = rows @ (fixed.T / STEPS)
    cosines[cosines > SAME] = -1
    return np.asarray(np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1))


def both_sides(rows: Array, fixed: References) -> tuple[Array, Array]:
    """(m, d + 2) each, as needs and as offers: a product of the two is a cosine less half of either side's hubness."""
    lost, ones = -CORRECTION * hubness(rows, fixed), np.ones(len(rows))
    return np.column_stack([rows, lost, ones]), np.column_stack([rows, ones, lost])

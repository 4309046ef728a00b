"""How alike two descriptions are, as a quantile within the cohort."""

from dataclasses import dataclass

import numpy as np

from matching.pairs import Mask, Pairs, all_pairs, blocks, pairs_from
from matching.statements import Array

EVERY_PAIR = 3_200  # up to so many SMEs the scale is that of all pairs
SAMPLE = 1_000_000  # beyond, of so many drawn ones; a quantile is then right to a thousandth


@dataclass(frozen=True, slots=True)
class Likeness:
    """(m,) each: 0 unlike … 1 alike, and whether both have a description."""

    quantile: Array
    known: Mask


def likeness(descriptions: Array, pairs: Pairs, scale: Array) -> Likeness:
    """The rank of each pair's cosine on the cohort's scale; ties share their middle rank."""
    found, known = cosines(descriptions, pairs)
    if not len(scale):
        return Likeness(np.zeros(len(pairs)), known)
    below = np.searchsorted(scale, found, "left") + np.searchsorted(scale, found, "right")
    return Likeness(np.where(known, below / (2 * len(scale)), 0), known)


def scale_of(descriptions: Array) -> Array:
    """The cohort's cosines of descriptions in rising order, of all pairs or of a drawn sample."""
    found, known = cosines(descriptions, reference(len(descriptions)))
    return np.sort(found[known])


def reference(n: int) -> Pairs:
    """All pairs of a cohort, or as many drawn ones as tell their distribution."""
    if n <= EVERY_PAIR:
        return all_pairs(n)
    ends = np.random.default_rng(0).integers(n, size=(2, SAMPLE))
    return pairs_from(ends[0], ends[1], n)


def cosines(descriptions: Array, pairs: Pairs) -> tuple[Array, Mask]:
    """(m,) cosine of the two descriptions, and whether both exist (a missing one is a zero row)."""
    there = np.any(descriptions != 0, axis=1)
    found = np.zeros(len(pairs))
    for block in blocks(pairs):
        product = descriptions[block.firsts] @ descriptions[block.seconds].T
        found[block.span] = product[block.row, block.column]
    return found, there[pairs.first] & there[pairs.second]

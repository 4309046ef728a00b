"""How alike two descriptions are, as a quantile within the cohort.

Only pairs that have something in common are ranked: whose cosine is above that of unrelated descriptions
(`Background.alike`). The others are at 0 and do not count, so a newcomer that is like nobody changes no quantile, and
one that is like some moves the others by less than 1 / (ranked pairs).
"""

from dataclasses import dataclass

import numpy as np

from matching.pairs import Block, Mask, Pairs, all_pairs, by_block, pairs_from
from matching.statements import Array, Texts

EVERY_PAIR = 3_200  # up to so many SMEs the scale is that of all pairs
SAMPLE = 1_000_000  # beyond, of so many drawn ones; a quantile is then right to a thousandth


@dataclass(frozen=True, slots=True)
class Likeness:
    """(m,) each: 0 unlike … 1 alike, and whether both have a description."""

    quantile: Array
    known: Mask


def likeness(texts: Texts, pairs: Pairs, scale: Array) -> Likeness:
    """The rank of each pair on the cohort's scale; ties share their middle rank."""
    found, known = in_common(texts, pairs)
    if not len(scale):
        return Likeness(np.zeros(len(pairs)), known)
    below = np.searchsorted(scale, found, "left") + np.searchsorted(scale, found, "right")
    return Likeness(np.where(known & (found > 0), below / (2 * len(scale)), 0), known)


def scale_of(texts: Texts) -> Array:
    """How much pairs of the cohort have in common, in rising order, of all pairs or of a drawn sample."""
    found, known = in_common(texts, reference(len(texts.descriptions)))
    return np.sort(found[known & (found > 0)])


def reference(n: int) -> Pairs:
    """All pairs of a cohort, or as many drawn ones as tell their distribution."""
    if n <= EVERY_PAIR:
        return all_pairs(n)
    ends = np.random.default_rng(0).integers(n, size=(2, SAMPLE))
    return pairs_from(ends[0], ends[1], n)


def in_common(texts: Texts, pairs: Pairs) -> tuple[Array, Mask]:
    """(m,) how far the cosine of the descriptions is above that of unrelated ones, and whether both exist."""
    there = np.any(texts.descriptions != 0, axis=1)
    found = np.zeros(len(pairs))

    def fill(block: Block) -> None:
        product = texts.descriptions[block.firsts] @ texts.descriptions[block.seconds].T
        found[block.span] = product[block.row, block.column]

    by_block(pairs, fill)
    within, across = texts.background.alike
    same = texts.languages[pairs.first] == texts.languages[pairs.second]
    return found - np.where(same, within, across), there[pairs.first] & there[pairs.second]

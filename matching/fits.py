"""What the other offers of what one needs, for any pairs of SMEs: the best of their pairs of statements."""

from collections.abc import Iterator

import numpy as np

from matching.pairs import Block, Pairs, Places, by_block
from matching.statement_fit import statement_fit
from matching.statements import Array, Statements, Texts
from matching.tiles import runs

SIDE = 700  # statements of either side of a tile, about: larger ones leave the cache and are no faster


def best_fits(texts: Texts, pairs: Pairs, lexical: float) -> Array:
    """(2, m) the best fit of a need of one to an offer of the other, 0..1; 0 where one of the two has none."""
    best = np.zeros((2, len(pairs)))
    sizes = np.maximum(texts.needs.counts(), texts.offers.counts())

    def fill(block: Block) -> None:
        found = np.zeros((2, len(block.firsts), len(block.seconds)))
        for rows, columns in tiles(sizes[block.firsts], sizes[block.seconds]):
            one, other = block.firsts[rows], block.seconds[columns]
            found[0, rows, columns] = fits_between(texts, one, other, lexical)
            found[1, rows, columns] = fits_between(texts, other, one, lexical).T
        best[:, block.span] = found[:, block.row, block.column]

    by_block(pairs, fill, most=SIDE * len(sizes) // max(int(sizes.sum()), 1))
    return best


def tiles(heights: Places, widths: Places) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of a block, by how many statements they have: each time about SIDE x SIDE, or two SMEs' own."""
    for columns in runs(widths, max(SIDE, SIDE**2 // max(int(heights.sum()), 1))):
        for rows in runs(heights, max(SIDE, SIDE**2 // max(int(widths[columns].sum()), 1))):
            yield rows, columns


def fits_between(texts: Texts, asking: Places, offering: Places, lexical: float) -> Array:
    """(asking, offering) the best fit of a need of one to an offer of another."""
    needs, offers = texts.needs.of(asking), texts.offers.of(offering)
    return best_per_pair(statement_fit(needs, offers, texts.background, lexical), needs, offers)


def best_per_pair(values: Array, rows: Statements, columns: Statements) -> Array:
    """(SMEs, SMEs) the largest value among the statements of one (rows) and another (columns); 0 for the silent."""
    best = np.zeros((len(rows.stated), len(columns.stated)))
    from_rows, from_columns = np.flatnonzero(rows.counts()), np.flatnonzero(columns.counts())
    if len(from_rows) and len(from_columns):
        by_row = np.maximum.reduceat(values, rows.bounds[from_rows], axis=0)
        best[np.ix_(from_rows, from_columns)] = np.maximum.reduceat(by_row, columns.bounds[from_columns], axis=1)
    return best

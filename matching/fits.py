"""What the other offers of what one needs, for any pairs of SMEs: the best of their pairs of statements."""

import numpy as np

from matching.pairs import Block, Pairs, by_block
from matching.statement_fit import statement_fit
from matching.statements import Array, Statements, Texts


def best_fits(texts: Texts, pairs: Pairs, lexical: float) -> Array:
    """(2, m) the best fit of a need of one to an offer of the other, 0..1; 0 where one of the two has none."""
    best = np.zeros((2, len(pairs)))

    def fill(block: Block) -> None:
        ends = ((block.firsts, block.seconds), (block.seconds, block.firsts))
        for direction, (asking, offering) in enumerate(ends):
            needs, offers = texts.needs.of(asking), texts.offers.of(offering)
            found = best_per_pair(statement_fit(needs, offers, texts.background, lexical), needs, offers)
            at = (block.row, block.column) if direction == 0 else (block.column, block.row)
            best[direction, block.span] = found[at]

    by_block(pairs, fill)
    return best


def best_per_pair(values: Array, rows: Statements, columns: Statements) -> Array:
    """(SMEs, SMEs) the largest value among the statements of one (rows) and another (columns); 0 for the silent."""
    best = np.zeros((len(rows.stated), len(columns.stated)))
    from_rows, from_columns = np.flatnonzero(rows.counts()), np.flatnonzero(columns.counts())
    if len(from_rows) and len(from_columns):
        by_row = np.maximum.reduceat(values, rows.bounds[from_rows], axis=0)
        best[np.ix_(from_rows, from_columns)] = np.maximum.reduceat(by_row, columns.bounds[from_columns], axis=1)
    return best

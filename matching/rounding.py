"""Whole pairs from the relaxation: most are whole already; an integer programme decides about the others.

Only pairs that cost little and belong to an SME that has a fractional pair are free in it, the rest stay as they are.
If that is not good enough, pairs that cost more and those of the SMEs next to them become free too, while they are few.
"""

import numpy as np
from numpy.typing import NDArray

from matching.programme import SHARE, Places, Programme
from matching.relaxation import Relaxation

WHOLE = 1e-6
REACH = (0.02, 0.2, 2.0, 20.0, 1000.0)  # what choosing (or dropping) a pair may cost for it to be free, step by step
MANY = 400  # pairs: more are not searched again
GOOD = 1e-3  # gap to the bound, as part of the chosen total, with which the search ends
NODES = 30  # of the search tree. No time limit: the result would depend on the machine's load


def whole_pairs(relaxation: Relaxation, floor: float) -> Places:
    """The chosen pairs, ascending; `floor` is the share that is asked for. Changes the relaxation."""
    programme, bound = relaxation.programme, relaxation.value
    good = GOOD * float(programme.problem.utility[relaxation.pairs] @ relaxation.amount)
    amount = np.zeros(len(programme.gain))
    amount[relaxation.pairs] = relaxation.amount
    free = (amount > WHOLE) & (amount < 1 - WHOLE)
    best = np.flatnonzero(amount > 1 - WHOLE)  # a feasible choice: what it lacks has its price
    cost = np.abs(relaxation.savings())
    for reach in REACH:
        busy = ends(programme, np.flatnonzero(free))
        free = free | ((cost <= reach) & (busy[programme.problem.first] | busy[programme.problem.second]))
        if bound - programme.value(best, floor) <= good or (reach > REACH[0] and free.sum() > MANY):
            break
        open_rows(relaxation, free)
        best = relaxation.solve_whole(free, amount > 0.5, best, good / 4, NODES)
    return best


def ends(programme: Programme, pairs: Places) -> NDArray[np.bool_]:
    """(n,) whether an SME is part of one of the pairs."""
    found = np.zeros(programme.problem.n, dtype=bool)
    found[programme.problem.first[pairs]] = found[programme.problem.second[pairs]] = True
    return found


def open_rows(relaxation: Relaxation, free: NDArray[np.bool_]) -> None:
    """Columns for all free pairs, and every row of the SMEs that they touch."""
    programme = relaxation.programme
    relaxation.add_pairs(np.flatnonzero(free & (relaxation.column < 0)))
    touched = ends(programme, np.flatnonzero(free))
    for kind, row in relaxation.row.items():
        asked = programme.ideal > 0 if kind == SHARE else programme.least[kind] > 0
        relaxation.add_rows(kind, np.flatnonzero(touched & asked & (row < 0)))

"""Whole pairs from the relaxation: most are whole already; small integer programmes decide about the others.

First about the pairs around those that are chosen in part, then, while that is not good enough, about wider and wider
neighbourhoods of the SMEs that lack something. All other pairs stay as they are.
"""

import numpy as np

from matching.pairs import Mask
from matching.programme import SHARE, Array, Places, Programme
from matching.relaxation import Relaxation

WHOLE = 1e-6
FIRST_REACH = (0.02, 0.01, 0.005, 0.0)  # what taking or leaving a pair may cost for it to be free; less if too many are
WIDER_REACH = (0.0, 0.03, 0.06, 0.1, 0.3, 1000.0)
URGENT = 0.5  # the same for the pairs of an SME that lacks something
MANY = 400  # free pairs, or half as many as SMEs: more take too long
GOOD = 1e-3  # gap to the bound, as part of the chosen total, with which the search ends
NODES = 30  # of the search tree. No time limit: the result would depend on the machine's load


def whole_pairs(relaxation: Relaxation, floor: float, known: Places) -> Places:
    """The chosen pairs, ascending: the best found, or those known if none is better; all are to have `floor`."""
    programme, bound = relaxation.programme, relaxation.value
    amount = np.zeros(len(programme.gain))
    amount[relaxation.pairs] = relaxation.amount
    partly, cost = (amount > WHOLE) & (amount < 1 - WHOLE), np.abs(relaxation.savings())
    good = GOOD * float(programme.problem.utility @ amount)
    many = max(MANY, programme.problem.n // 2)
    around = (partly | (at(programme, ends(programme, partly)) & (cost <= reach)) for reach in FIRST_REACH)
    free = next((found for found in around if found.sum() <= many), partly)
    best = np.flatnonzero(amount > 1 - WHOLE)
    if partly.any():
        best = decide(relaxation, floor, free, best, good / 2)
    best = better(programme, floor, known, best)
    for reach in WIDER_REACH:
        if bound - programme.value(best, floor) <= good:
            break
        free = neighbourhood(programme, floor, best, partly, cost, reach)
        if free.sum() > many:
            break
        best = better(programme, floor, best, decide(relaxation, floor, free, best, good / 2))
    return best


def decide(relaxation: Relaxation, floor: float, free: Mask, chosen: Places, gap: float) -> Places:
    """The best choice of the free pairs, with all others as they are chosen."""
    fixed = np.zeros(len(free), dtype=bool)
    fixed[chosen] = True
    open_rows(relaxation, free | fixed, ends(relaxation.programme, free))
    return relaxation.solve_whole(free, fixed, floor, gap, NODES)


def neighbourhood(programme: Programme, floor: float, chosen: Places, partly: Mask, cost: Array, reach: float) -> Mask:
    """(m,) pairs of SMEs that lack something (or else were left in part), and what their partners could exchange."""
    seeds, limit = short(programme, floor, chosen), max(reach, URGENT)
    if not seeds.any():
        seeds, limit = ends(programme, partly), reach
    theirs = at(programme, seeds) & (cost <= limit)
    near = cost <= reach
    near[chosen] = True
    return theirs | (near & at(programme, ends(programme, theirs)))


def short(programme: Programme, floor: float, chosen: Places) -> Mask:
    """(n,) which SMEs have less than their minimums or their share."""
    lacking = programme.shares(chosen) < floor - WHOLE
    for kind, least in programme.least.items():
        lacking |= programme.reached(kind, chosen) < least
    return lacking


def better(programme: Programme, floor: float, one: Places, two: Places) -> Places:
    """The choice of the higher value; the first of equals."""
    return two if programme.value(two, floor) > programme.value(one, floor) else one


def ends(programme: Programme, pairs: Mask) -> Mask:
    """(n,) whether an SME is part of one of the pairs."""
    found = np.zeros(programme.problem.n, dtype=bool)
    found[programme.problem.first[pairs]] = found[programme.problem.second[pairs]] = True
    return found


def at(programme: Programme, smes: Mask) -> Mask:
    """(m,) whether one of the SMEs is part of a pair."""
    return smes[programme.problem.first] | smes[programme.problem.second]


def open_rows(relaxation: Relaxation, pairs: Mask, smes: Mask) -> None:
    """Columns for all of the pairs, and every row of the SMEs."""
    programme = relaxation.programme
    relaxation.add_pairs(np.flatnonzero(pairs & (relaxation.column < 0)))
    for kind, row in relaxation.row.items():
        asked = programme.ideal > 0 if kind == SHARE else programme.least[kind] > 0
        if (new := smes & asked & (row < 0)).any():
            relaxation.add_rows(kind, np.flatnonzero(new))

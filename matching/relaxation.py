"""The linear relaxation of the programme, grown as needed: only the pairs and rows that matter are ever in it.

It begins with some candidate pairs and the limits of each list. Rows of minimums and shares come in for the SMEs that
a solution leaves short of them, pairs for which its prices call (column generation), until neither is left: then the
solution is optimal, and its value a bound, over all pairs and rows. The solver (HiGHS) keeps its basis throughout.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.pairs import Mask
from matching.programme import PRICES, SHARE, Array, Places, Programme

NEARLY = 0.85  # of the highest share of its ideal list that all can have: what every SME must get
FAIRNESS = 1000.0  # per SME: the price of the common share while it is sought, far above any total
EXACT = 1e-7  # the solver's tolerance
STEPS = 20_000, 10  # of the simplex method at least, and per row, before it is given up
NO_LIMIT = 2**31 - 1  # HiGHS's own value for it
NEW_PAIRS = 3  # per SME at most that come in at once


class Relaxation:
    """A linear programme in the solver, and its last solution. Minimises minus the gain plus the prices of lacks."""

    def __init__(self, programme: Programme) -> None:
        n, m = programme.problem.n, len(programme.gain)
        self.programme = programme
        self.solver = new_solver()
        self.size = [0, 0]  # rows, columns
        self.pairs = np.zeros(0, dtype=np.int64)  # the pairs that have a column, in the order of their columns
        self.column = np.full(m, -1)  # of each pair
        self.row = {kind: np.full(n, -1) for kind in programme.weights}  # of each SME
        self.lacks: dict[str, list[int]] = {kind: [] for kind in programme.least}  # columns of what is missing
        self.enough = 1.0  # part of the common share that is asked of an SME before it gets a row
        self.share = self.add_column(0.0, 0.0)  # the common share, 0 to begin with
        self.spent = self.add_row(np.inf)  # what all lacks cost together, not limited to begin with
        self.add_rows("partners", np.arange(n))
        self.add_pairs(programme.first_candidates())

    def add_column(self, lower: float, upper: float) -> int:
        """An empty column; its place."""
        self.solver.addCol(0.0, lower, upper, 0, np.zeros(0, np.int32), np.zeros(0))
        self.size[1] += 1
        return self.size[1] - 1

    def add_row(self, upper: float) -> int:
        """An empty row; its place."""
        self.solver.addRow(-np.inf, upper, 0, np.zeros(0, np.int32), np.zeros(0))
        self.size[0] += 1
        return self.size[0] - 1

    def add_pairs(self, pairs: Places) -> None:
        """A column for each pair, with its entries in the rows there are."""
        problem = self.programme.problem
        entries = [
            (np.arange(len(pairs)), self.row[kind][end[pairs]], weight[pairs])
            for kind, weight in self.programme.weights.items()
            for end in (problem.first, problem.second)
        ]
        starts, rows, values = compressed(entries, len(pairs))
        lower = problem.pinned[pairs].astype(np.float64)
        cost, upper = -self.programme.gain[pairs], np.ones(len(pairs))
        self.solver.addCols(len(pairs), cost, lower, upper, len(rows), starts, rows, values)
        self.column[pairs] = self.size[1] + np.arange(len(pairs))
        self.pairs = np.concatenate([self.pairs, pairs])
        self.size[1] += len(pairs)

    def add_rows(self, kind: str, smes: Places) -> None:
        """A row for each SME: its minimum of that kind, and for partners also its most."""
        problem, count = self.programme.problem, len(smes)
        place = np.full(problem.n, -1)
        place[smes] = np.arange(count)
        weight, columns = self.programme.weights[kind][self.pairs], self.column[self.pairs]
        entries = [(place[end[self.pairs]], columns, weight) for end in (problem.first, problem.second)]
        lower, upper = np.zeros(count), np.full(count, np.inf)
        if kind == SHARE:
            entries.append((np.arange(count), np.full(count, self.share), -self.programme.ideal[smes]))
        else:
            lower = self.programme.least[kind][smes].astype(np.float64)
        if kind == "partners":
            upper = problem.most.astype(np.float64)
        starts, at, values = compressed(entries, count)
        self.solver.addRows(count, lower, upper, len(at), starts, at, values)
        self.row[kind][smes] = self.size[0] + np.arange(count)
        self.size[0] += count
        if kind != SHARE:
            self.add_lacks(kind, smes)

    def add_lacks(self, kind: str, smes: Places) -> None:
        """A column for what each of the minimums may miss, at its price, which is also spent."""
        count, price = len(smes), np.full(len(smes), PRICES[kind])
        rows = np.column_stack([self.row[kind][smes], np.full(count, self.spent)]).ravel().astype(np.int32)
        values, starts = np.column_stack([np.ones(count), price]).ravel(), np.arange(0, 2 * count, 2, dtype=np.int32)
        self.solver.addCols(count, price, np.zeros(count), np.full(count, np.inf), 2 * count, starts, rows, values)
        self.lacks[kind].extend(range(self.size[1], self.size[1] + count))
        self.size[1] += count

    def grow(self, pairs: bool = True) -> None:
        """Solve, and add the rows (and pairs) that are missing, until none is."""
        self.solve()
        while self.add_broken_rows() + (self.add_wanted_pairs() if pairs else 0):
            self.solve()

    def solve(self) -> None:
        """The optimum over what is there: value, amounts of the pairs, prices of the rows."""
        import highspy

        self.solver.run()
        if self.solver.getModelStatus() == highspy.HighsModelStatus.kIterationLimit:
            self.solver.setOptionValue("solver", "ipm")  # stays so until the highest share is found
            self.solver.run()
        if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"selection: the relaxation failed: {self.solver.getModelStatus()}")
        found = self.solver.getSolution()
        solution = np.array(found.col_value)
        self.value = -float(self.solver.getInfo().objective_function_value)
        self.amount = solution[self.column[self.pairs]]
        self.common = float(solution[self.share])
        self.cost = sum(PRICES[kind] * float(solution[lacks].sum()) for kind, lacks in self.lacks.items())
        self.prices = np.array(found.row_dual)

    def add_broken_rows(self) -> int:
        """Rows for the SMEs that have less than their minimum or share; how many."""
        added = 0
        for kind, row in self.row.items():
            if kind == SHARE:
                least = self.programme.ideal * self.common * self.enough
            else:
                least = self.programme.least[kind].astype(np.float64)
            broken = (row < 0) & (self.programme.reached(kind, self.pairs, self.amount) < least - 10 * EXACT)
            if broken.any():
                self.add_rows(kind, np.flatnonzero(broken))
            added += int(broken.sum())
        return added

    def add_wanted_pairs(self) -> int:
        """Columns for the pairs outside that would improve the value, the best of them first; how many."""
        saving = self.savings()
        wanted = np.flatnonzero((self.column < 0) & (saving > EXACT))
        if len(wanted) > NEW_PAIRS * self.programme.problem.n:
            best_first = np.argsort(-saving[wanted], kind="stable")
            wanted = wanted[best_first[: NEW_PAIRS * self.programme.problem.n]]
        if len(wanted):
            self.add_pairs(wanted)
        return len(wanted)

    def savings(self) -> Array:
        """(m,) minus the reduced cost of every pair, with a column or not: above 0, it is worth adding."""
        problem = self.programme.problem
        saving = self.programme.gain.copy()
        for kind, row in self.row.items():
            there = row < len(self.prices)  # rows added since have no price yet
            price = np.where((row >= 0) & there, self.prices[np.where(there, row, 0)], 0.0)
            if price.any():
                saving += (price[problem.first] + price[problem.second]) * self.programme.weights[kind]
        return saving

    def seek_highest_share(self) -> float:
        """A share of its ideal list that is no less than the highest that all can have, with minimums as they are.

        Only SMEs that would have less than NEARLY of it are looked at: the rest cannot fall below what is asked.
        Where very many SMEs want the same, nearly all steps of the simplex method lead nowhere (3,100 SMEs of which
        none said what it needs: 400 s). It is given up after STEPS a row, and an interior point found instead.
        """
        self.solver.setOptionValue("simplex_iteration_limit", max(STEPS[0], STEPS[1] * self.size[0]))
        self.enough = NEARLY
        self.solver.changeRowBounds(self.spent, -np.inf, self.cost * (1 + EXACT) + EXACT)
        self.solver.changeColBounds(self.share, 0.0, 1.0)
        self.solver.changeColCost(self.share, -FAIRNESS * self.programme.problem.n)
        self.common = 1.0
        self.add_broken_rows()
        self.grow()
        self.solver.setOptionValue("solver", "choose")
        self.solver.setOptionValue("simplex_iteration_limit", NO_LIMIT)
        return self.common

    def fix_share(self, share: float) -> None:
        """From now on all must have this share of their ideal list, and otherwise the total alone counts."""
        self.enough = 1.0
        self.solver.changeRowBounds(self.spent, -np.inf, np.inf)
        self.solver.changeColBounds(self.share, share, share)
        self.solver.changeColCost(self.share, 0.0)

    def solve_whole(self, free: Mask, fixed: Mask, floor: float, gap: float, nodes: int) -> Places:
        """The best choice, ascending: free pairs 0 or 1, all others as in `fixed`, (m,) each. The relaxation stays."""
        pairs, columns = self.pairs, self.column[self.pairs].astype(np.int32)
        kept, pinned = fixed[pairs].astype(np.float64), self.programme.problem.pinned[pairs].astype(np.float64)
        searched = free[pairs]
        self.bound_pairs(np.where(searched, pinned, kept), np.where(searched, 1.0, kept), whole=True)
        self.solver.changeColBounds(self.share, 0.0, floor)
        self.solver.changeColCost(self.share, -PRICES[SHARE])
        for option, value in (("mip_rel_gap", 0.0), ("mip_abs_gap", gap), ("mip_max_nodes", nodes)):
            self.solver.setOptionValue(option, value)
        self.solver.setSolution(len(columns), columns, kept)  # feasible: what it lacks has its price
        self.solver.run()
        chosen = np.array(self.solver.getSolution().col_value)[columns] > 0.5
        self.bound_pairs(pinned, np.ones(len(pairs)), whole=False)
        self.fix_share(floor)
        return np.sort(pairs[chosen])

    def bound_pairs(self, lower: Array, upper: Array, whole: bool) -> None:
        """Bounds for all pairs, and whether they are chosen in whole only."""
        import highspy

        columns, kind = self.column[self.pairs].astype(np.int32), highspy.HighsVarType
        self.solver.changeColsBounds(len(columns), columns, lower, upper)
        kinds = np.full(len(columns), kind.kInteger if whole else kind.kContinuous)
        self.solver.changeColsIntegrality(len(columns), columns, kinds)


def compressed(
    entries: list[tuple[Places, Places, Array]], count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], Array]:
    """Starts, places and values of a sparse matrix by its major places; entries without a place or value left out."""
    major, minor, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    there = np.flatnonzero((major >= 0) & (minor >= 0) & (value != 0))
    there = there[np.argsort(major[there], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(major[there], minlength=count))[:-1]])
    return starts[:count].astype(np.int32), minor[there].astype(np.int32), np.asarray(value[there], np.float64)


def new_solver() -> Any:
    """HiGHS without output, on one thread and without limits: a result must not depend on the machine's load."""
    import highspy

    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("log_to_console", False), ("threads", 1), ("parallel", "off")):
        solver.setOptionValue(option, value)
    return solver

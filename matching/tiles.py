"""Tiles of a large table, computed by workers with one BLAS thread each."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController


def panels(n: int, size: int) -> int:
    """How many blocks of `size` cover n."""
    return -(-n // size)


def block(number: int, n: int, size: int) -> slice:
    """The rows or columns of one of them; the last may be shorter."""
    return slice(number * size, min((number + 1) * size, n))


def runs(sizes: NDArray[np.int64], most: int) -> list[slice]:
    """Cut into runs of consecutive ones whose sizes add up to less than `most`, not counting the first of a run."""
    ends = np.flatnonzero(np.diff(np.cumsum(sizes) // most)) + 1
    return [slice(start, end) for start, end in pairwise([0, *ends.tolist(), len(sizes)])]


def tile(space: NDArray[np.float32], rows: slice, columns: slice) -> NDArray[np.float32]:
    """The first part of some flat memory as a tile: fresh memory for every tile would cost more than the filling."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return space[: height * width].reshape(height, width)


# The limit is the whole process's: of two calls at once the second would take the limit of the first for what was there
# before, and leave it behind. They would share the cores anyhow.
ONE_AT_A_TIME = threading.Lock()


@cache
def blas() -> ThreadpoolController:
    """The handle on the BLAS library of numpy; looking for it takes milliseconds, so once."""
    return ThreadpoolController()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_workers(panel: Callable[[int], None], count: int, workers: int | None) -> None:
    """Call `panel` with 0 … count - 1, started in this order, on as many threads as wanted or as there are cores.

    BLAS is held to one thread meanwhile, in the whole process: its own threads, woken for every tile and waiting busily
    in between, slow each other down as soon as the machine has other work. Not to be called from within a panel.
    """
    threads = min(workers or cores(), count)
    with ONE_AT_A_TIME, blas().limit(limits=1, user_api="blas"):
        if threads < 2:
            for number in range(count):
                panel(number)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(panel, range(count)))


class Wave:
    """Lets panel i use tile (i, j) once panel i - 1 has used (i - 1, j): every row and column is served in order.

    Panels run side by side all the same, each a step behind the one above it.
    """

    def __init__(self, count: int) -> None:
        """For `count` panels, none of them begun."""
        self._used = [-1] * count  # the last tile of each panel that was used
        self._changed = threading.Condition()

    def wait(self, i: int, j: int) -> None:
        """Until tile (i, j) may be used. The panel above was started before this one, so it does come."""
        with self._changed:
            self._changed.wait_for(lambda: i == 0 or self._used[i - 1] >= j)

    def tell(self, i: int, j: int) -> None:
        """Tile (i, j) was used."""
        with self._changed:
            self._used[i] = j
            self._changed.notify_all()

    def ended_by(self, panel: Callable[[int], None]) -> Callable[[int], None]:
        """The same panel, but nobody waits for it for ever if it fails: its error is raised when all have ended."""

        def guarded(number: int) -> None:
            try:
                panel(number)
            finally:
                self.tell(number, len(self._used))

        return guarded

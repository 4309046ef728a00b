import threading

import numpy as np
import pytest

from matching.tiles import Wave, blas, block, in_workers, panels, runs


def test_blocks_cover_every_row_once() -> None:
    rows = np.arange(10)
    assert [rows[block(i, 10, 4)].tolist() for i in range(panels(10, 4))] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert panels(0, 4) == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_have_one_blas_thread_and_give_back_the_rest(workers: int) -> None:
    before = [one["num_threads"] for one in blas().info() if one["user_api"] == "blas"]
    seen: list[int] = []
    in_workers(lambda _: seen.extend(o["num_threads"] for o in blas().info() if o["user_api"] == "blas"), 5, workers)
    assert set(seen) == {1}
    assert [one["num_threads"] for one in blas().info() if one["user_api"] == "blas"] == before


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_wave_serves_every_column_in_order_of_the_panels(workers: int) -> None:
    wave, served = Wave(6), {j: [] for j in range(6)}  # type: tuple[Wave, dict[int, list[int]]]

    def panel(i: int) -> None:
        for j in range(i, 6):
            wave.wait(i, j)
            served[j].append(i)
            wave.tell(i, j)

    in_workers(wave.ended_by(panel), 6, workers)
    assert served == {j: list(range(j + 1)) for j in range(6)}


def test_a_panel_that_fails_is_heard_of_and_nobody_waits_for_it() -> None:
    wave, before = Wave(4), threading.active_count()

    def panel(i: int) -> None:
        if i == 1:
            raise MemoryError("no more")
        wave.wait(i, 3)
        wave.tell(i, 3)

    with pytest.raises(MemoryError, match="no more"):
        in_workers(wave.ended_by(panel), 4, 4)
    assert threading.active_count() <= before


def test_runs_end_where_their_sizes_add_up() -> None:
    assert runs(np.array([2, 2, 9, 0, 1, 1]), 4) == [slice(0, 1), slice(1, 2), slice(2, 6)]
    assert runs(np.array([1, 1]), 100) == [slice(0, 2)]
    assert runs(np.array([], np.int64), 4) == [slice(0, 0)]

"""A worker killed while it builds shortlists: the run goes on within half a minute, and there is no half result."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from sqlmodel import func, select

from broker.db import Database
from broker.domain import runs
from broker.models import Match, MatchRun, RunStatus, Shortlist
from tests.faults import figures
from tests.faults.queues import PrivateQueue
from tests.faults.workers import workers
from tests.integration.test_build import FIRMS, add_event, get_run, request_run
from tests.integration.workers import start_worker
from tests.waiting import until

RUNS = figures.size(6, 1)
SLOW = 90
PROMISED = 30
"""Seconds from the kill until the run is at work again or has failed with its reason."""


def results(database: Database, run_id: int) -> tuple[int, int]:
    """How many matches and shortlists of a run there are."""
    with database.read() as session:
        matches, lists = (
            session.exec(select(func.count()).select_from(table).where(table.run_id == run_id)).one()
            for table in (Match, Shortlist)
        )
        return matches, lists


def at_work_again(run: MatchRun, attempts: int) -> bool:
    """Whether another worker has taken the run, or it has ended."""
    return run.attempts > attempts or run.status not in runs.ACTIVE


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize("database", figures.databases("sqlite"), indirect=True)
def test_a_run_goes_on_within_half_a_minute_and_is_whole_or_not_there(
    database: Database, kind: str, queue: PrivateQueue, model_home: Path
) -> None:
    """Killed at random moments: while the model loads, texts are read, and shortlists are written."""
    dice, event_id = random.Random(1), add_event(database)
    waits: list[float] = []
    totals: list[float] = []
    stages: list[str] = []
    with workers(database, lambda _: start_worker(database, queue.url, home=model_home), 1) as kept:
        for _ in range(RUNS):
            run_id = request_run(database, event_id)
            until(lambda run_id=run_id: get_run(database, run_id).status is not RunStatus.QUEUED, SLOW, "it is taken")
            time.sleep(dice.random() * 2)
            killed, before = time.monotonic(), get_run(database, run_id)
            os.killpg(kept.running[0].process.pid, signal.SIGKILL)
            stages.append(before.stage)
            if before.status is not RunStatus.RUNNING:
                continue
            assert results(database, run_id) == (0, 0)
            until(
                lambda run_id=run_id, attempts=before.attempts: at_work_again(get_run(database, run_id), attempts),
                SLOW,
                "the run goes on",
            )
            waits.append(time.monotonic() - killed)
            until(lambda run_id=run_id: get_run(database, run_id).status not in runs.ACTIVE, SLOW, "the run has ended")
            totals.append(time.monotonic() - killed)
            assert get_run(database, run_id).status is RunStatus.DONE
            assert results(database, run_id)[1] == len(FIRMS)
    figures.note(
        f"worker killed while it builds, {kind}",
        runs=RUNS,
        killed_at=" / ".join(sorted(set(stages))),
        half_results=0,
        at_work_again_longest_s=max(waits),
        done_longest_s=max(totals),
    )
    assert max(waits) < PROMISED

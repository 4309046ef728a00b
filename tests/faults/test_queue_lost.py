"""The queue is killed, flushed and away for a while: it only carries wake-ups, so nothing is lost."""

import time
from pathlib import Path

import pytest

from broker.db import Database
from broker.models import EmailStatus
from tests.faults import figures
from tests.faults.mails import drained, statuses
from tests.faults.queues import PrivateQueue
from tests.faults.sink import Manners, running_sink
from tests.faults.web import add_drafts, add_world, browser, running_web, sign_in, visiting
from tests.faults.workers import extras, workers
from tests.integration.workers import start_worker

SMES = figures.size(600, 30)
AWAY = figures.size(60, 2)
"""Seconds."""
KILLS = figures.size(5, 2)


@pytest.mark.parametrize("database", figures.databases("postgresql"), indirect=True)
def test_mail_goes_out_and_the_web_answers_whatever_becomes_of_the_queue(
    database: Database, kind: str, queue: PrivateQueue, tmp_path: Path
) -> None:
    """The approval is given while the queue is away; then it is killed and flushed while mails go out."""
    world = add_world(database)
    event_id, run_id = add_drafts(database, world, SMES)
    before = sum(statuses(database).values())
    with (
        running_sink(tmp_path, Manners(delay=0.01)) as sink,
        running_web(database, queue.url) as address,
        workers(database, lambda _: start_worker(database, queue.url, sink.url), 1),
        browser(address) as organiser,
        visiting(address, world) as visits,
    ):
        sign_in(organiser, world, "organiser")
        queue.kill()
        visits.note(lambda: organiser.post(f"/events/{event_id}/approve", data={"run_id": run_id}), {303})
        time.sleep(AWAY)
        for _ in range(KILLS - 1):
            queue.start()
            time.sleep(1)
            queue.kill()
        queue.start()
        time.sleep(0.5)
        queue.flush()
        drained_in = drained(database, 60)
    figures.note(
        f"queue killed, away, flushed, {kind}",
        mails=SMES,
        kills=KILLS,
        away_s=AWAY,
        lost=before + SMES - len(sink.counted()),
        extra=extras(sink),
        drained_s=drained_in,
        requests=visits.asked,
        bad_answers=len(visits.bad),
        slowest_answer_s=visits.slowest,
    )
    assert visits.bad == []
    assert statuses(database) == {EmailStatus.SENT: before + SMES}
    assert set(sink.counted().values()) == {1}
    assert len(sink.counted()) == before + SMES

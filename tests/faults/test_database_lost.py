"""PostgreSQL crashes and comes back while workers deliver: they go on by themselves, and nothing is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.config import Settings
from broker.db import Database
from broker.models import EmailStatus
from tests import postgres
from tests.faults import figures
from tests.faults.mails import drained, statuses, write_mails
from tests.faults.queues import PrivateQueue
from tests.faults.sink import Manners, running_sink
from tests.faults.workers import extras, workers
from tests.integration.workers import start_worker
from tests.waiting import until

MAILS = figures.size(1000, 80)
WORKERS = figures.size(4, 2)
AWAY = figures.size(5, 1)
"""Seconds."""


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A server that keeps what it has committed, as one in production does."""
    with postgres.server({"fsync": "off", "max_connections": "60"}) as server:
        yield server


@pytest.fixture
def own_database(server: postgres.Server, home: Path) -> Iterator[Database]:
    """Migrated, on that server."""
    database = Database(Settings(home=home, database_url=server.url))
    database.migrate()
    yield database
    database.dispose()


def test_no_mail_is_lost_when_postgresql_crashes_twice(
    server: postgres.Server, own_database: Database, queue: PrivateQueue, tmp_path: Path
) -> None:
    written = write_mails(own_database, MAILS)
    back = 0.0
    with (
        running_sink(tmp_path, Manners(delay=0.01)) as sink,
        workers(own_database, lambda _: start_worker(own_database, queue.url, sink.url), WORKERS) as kept,
    ):
        for number, crash in enumerate((server.kill, server.crash), start=1):
            until(lambda number=number: sink.count() > number * MAILS // 3, 60, "a third of the mails")
            crash()
            time.sleep(AWAY)
            start_again(server)
            at, seen = time.monotonic(), sink.count()
            until(lambda seen=seen: sink.count() > seen, 60, "the workers go on")
            back = max(back, time.monotonic() - at)
        drained(own_database, 300)
    figures.note(
        "PostgreSQL killed and crashed",
        mails=MAILS,
        workers=WORKERS,
        lost=len(written - sink.counted().keys()),
        extra=extras(sink),
        at_work_again_s=back,
    )
    assert kept.restarts == 0
    assert sink.counted().keys() == written
    assert extras(sink) <= 2 * WORKERS
    assert statuses(own_database) == {EmailStatus.SENT: MAILS}


def start_again(server: postgres.Server) -> None:
    """As soon as what the last one left behind is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return server.start()
        except RuntimeError:
            assert time.monotonic() < deadline
            time.sleep(0.2)

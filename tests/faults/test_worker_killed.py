"""Workers killed with SIGKILL at random moments while they deliver: nothing lost, at most one extra per kill."""

import time
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlmodel import select

from broker.db import Database
from broker.models import Email, EmailStatus
from tests.faults import figures
from tests.faults.mails import drained, statuses, write_mails
from tests.faults.queues import PrivateQueue
from tests.faults.sink import Manners, running_sink
from tests.faults.workers import extras, kill_at_random, wait_for_all, workers
from tests.integration.workers import WORKER, start_celery, start_worker
from tests.processes import Running

MAILS = figures.size(1000, 40)
FILES = figures.size(1000, 300)
"""A file is written in little time, so there have to be more of them."""
KILLS = figures.size(20, 2)
SLOW = 300
WORKERS = {"sqlite": 2, "postgresql": 4}


def test_no_mail_is_lost_and_at_most_one_a_kill_goes_out_twice(
    database: Database, kind: str, queue: PrivateQueue, tmp_path: Path
) -> None:
    """To a server that needs 10 ms before it accepts a mail and 10 ms before it says so."""
    written = write_mails(database, MAILS)
    count = figures.size(WORKERS[kind], 2)
    began = time.monotonic()
    with (
        running_sink(tmp_path, Manners(delay=0.01)) as sink,
        workers(database, lambda _: start_worker(database, queue.url, sink.url), count) as kept,
    ):
        kills = kill_at_random(kept, sink.count, MAILS, KILLS, queue.url)
        wait_for_all(kept, SLOW)
        drained(database, SLOW)
    lost, extra = len(written - sink.counted().keys()), extras(sink)
    figures.note(
        f"worker killed, SMTP, {kind}",
        mails=MAILS,
        workers=count,
        kills=kills,
        lost=lost,
        extra=extra,
        **figures.seconds(kept.recovered),
        total_s=time.monotonic() - began,
    )
    assert kills == KILLS
    assert sink.counted().keys() == written
    assert extra <= kills
    assert max(sink.counted().values()) <= 1 + kills
    assert statuses(database) == {EmailStatus.SENT: MAILS}


@pytest.mark.parametrize("database", figures.databases("postgresql"), indirect=True)
def test_where_we_are_strict_nothing_goes_out_twice_and_a_person_is_asked(
    database: Database, kind: str, queue: PrivateQueue, tmp_path: Path
) -> None:
    """What the server may have taken when the worker was killed is held."""
    written = write_mails(database, MAILS)

    def start(_: int) -> Running:
        return start_celery(database, queue.url, WORKER, smtp_url=sink.url, mail_strict="true")

    with running_sink(tmp_path, Manners(delay=0.01)) as sink, workers(database, start, 2) as kept:
        kills = kill_at_random(kept, sink.count, MAILS, KILLS, queue.url)
        wait_for_all(kept, SLOW)
        drained(database, SLOW)
    with database.read() as session:
        held = set(session.exec(select(Email.message_id).where(Email.status == EmailStatus.HELD)).all())
    arrived = sink.counted().keys()
    figures.note(
        f"worker killed, strict, {kind}",
        mails=MAILS,
        kills=kills,
        lost=len(written - arrived - held),
        extra=extras(sink),
        held=len(held),
        held_and_arrived=len(held & arrived),
    )
    assert extras(sink) == 0
    assert arrived | held == written
    assert len(held) <= kills


@pytest.mark.parametrize("database", figures.databases("sqlite"), indirect=True)
def test_in_files_there_is_no_extra_at_all(database: Database, kind: str, queue: PrivateQueue) -> None:
    """A file's name comes from the Message-ID, so a repeated delivery is the same file."""
    written = write_mails(database, FILES)
    folder = database.settings.outbox_dir

    def files() -> int:
        return len(list(folder.glob("*.eml")))

    with workers(database, lambda _: start_worker(database, queue.url), 2) as kept:
        kills = kill_at_random(kept, files, FILES, KILLS, queue.url)
        wait_for_all(kept, SLOW)
        drained(database, SLOW)
    found = [message_from_bytes(file.read_bytes())["Message-ID"] for file in folder.glob("*.eml")]
    with database.read() as session:
        attempts = sum(session.exec(select(Email.attempts)).all())
    figures.note(
        f"worker killed, files, {kind}",
        mails=FILES,
        kills=kills,
        lost=len(written - set(found)),
        extra=len(found) - FILES,
        repeated_attempts=attempts - FILES,
        **figures.seconds(kept.recovered),
    )
    assert kills > 0
    assert sorted(found) == sorted(written)
    assert {file.read_bytes() for file in folder.glob("*.eml")} == stored(database)


def stored(database: Database) -> set[bytes]:
    """The bytes of every mail as they were written."""
    with database.read() as session:
        return set(session.exec(select(Email.message)).all())

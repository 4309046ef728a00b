"""The disk is full where mail files go, and the database is held by somebody else: said clearly, nothing half-done."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlmodel import select

from broker.db import Database, now
from broker.domain import relay
from broker.domain.delivery import FileDelivery, TemporaryFailure
from broker.models import Email, EmailStatus
from tests.faults import figures
from tests.faults.mails import statuses, write_mails
from tests.faults.web import add_drafts, add_world, browser, running_web, sign_in, visiting
from tests.processes import Running

MAILS = 40
ROOM = 32 * 1024
"""Bytes; enough for some of the mails."""
LOCKED = figures.size(3, 1)
"""Seconds."""


@pytest.fixture
def small_disk(database: Database) -> Iterator[Path]:
    """The outbox on a file system of its own, of `ROOM` bytes."""
    folder = database.settings.outbox_dir
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "faults", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system; the test of a file that cannot grow runs for everybody")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def make_due(database: Database) -> None:
    """Stands in for waiting until the next try."""
    with database.write() as session:
        for email in session.exec(select(Email).where(Email.status == EmailStatus.QUEUED)):
            email.next_at = now(session) - timedelta(seconds=1)
            session.add(email)


def whole_files(database: Database) -> int:
    """How many files there are, after a look that each is one of the mails, whole, and nothing else lies there."""
    with database.read() as session:
        written = set(session.exec(select(Email.message)).all())
    files = list(database.settings.outbox_dir.iterdir())
    assert {file.suffix for file in files} <= {".eml"}
    assert {file.read_bytes() for file in files} <= written
    return len(files)


def test_on_a_full_disk_mail_waits_and_goes_out_once_there_is_room(
    database: Database, kind: str, small_disk: Path
) -> None:
    write_mails(database, MAILS)
    relay.deliver_due(database, owner="w")
    first = whole_files(database)
    with database.read() as session:
        waiting = session.exec(select(Email).where(Email.status != EmailStatus.SENT)).all()
        errors = {email.error for email in waiting}
    assert 0 < first < MAILS
    assert statuses(database) == {EmailStatus.SENT: first, EmailStatus.QUEUED: MAILS - first}
    assert errors == {f"ENOSPC at {small_disk}"}

    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    make_due(database)
    relay.deliver_due(database, owner="w")
    figures.note(f"disk full, {kind}", mails=MAILS, before=first, after=whole_files(database), half_written=0)
    assert whole_files(database) == MAILS
    assert statuses(database) == {EmailStatus.SENT: MAILS}


def test_a_file_that_cannot_grow_is_no_mail(tmp_path: Path) -> None:
    """As `disk full`, for who may not mount: this process may write no file of more than some bytes."""
    email = Email(kind="test", message_id="<1@broker.example>", message=b"x" * 1000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(TemporaryFailure, match=f"EFBIG at {tmp_path}"):
            FileDelivery(tmp_path).send(email)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


HOLD = {
    "sqlite": """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
held.execute("COMMIT")
print("free", flush=True)
""",
    "postgresql": """
import psycopg, sys, time
with psycopg.connect(sys.argv[1]) as held:
    held.execute("LOCK TABLE email, interest, shortlist, auditentry IN ACCESS EXCLUSIVE MODE")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
print("free", flush=True)
""",
}
"""Another process that holds what the web needs to write."""


def place(database: Database) -> str:
    """Where that process finds the database."""
    url = make_url(database.settings.database_url)
    return (
        str(url.database) if database.settings.is_sqlite else url.set(drivername="postgresql").render_as_string(False)
    )


def test_a_database_locked_by_another_process_costs_time_and_nothing_else(database: Database, kind: str) -> None:
    """Answers and an approval meet the lock; they wait for its end and are all there afterwards."""
    world = add_world(database)
    event_id, run_id = add_drafts(database, world, 20)
    before = sum(statuses(database).values())
    command = [sys.executable, "-c", HOLD[kind], place(database), str(LOCKED)]
    with running_web(database) as address, browser(address) as organiser:
        sign_in(organiser, world, "organiser")
        # Held before anybody visits: who takes several tables while others read them can be in a deadlock with them.
        with Running(command, dict(os.environ)) as holder:
            holder.wait_for("held")
            with visiting(address, world) as visits:
                visits.note(lambda: organiser.post(f"/events/{event_id}/approve", data={"run_id": run_id}), {303})
                holder.wait_for("free")
    figures.note(
        f"database locked, {kind}",
        locked_s=LOCKED,
        requests=visits.asked,
        bad_answers=len(visits.bad),
        slowest_answer_s=visits.slowest,
    )
    assert visits.bad == []
    assert statuses(database) == {EmailStatus.QUEUED: before + 20}

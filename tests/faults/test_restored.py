"""Backups taken while people write and mails go out: each is whole, and restored it sends nothing a second time."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from broker.config import Settings
from broker.db import Database
from broker.domain import backup, relay
from broker.models import Email, EmailStatus, Sme
from tests import postgres
from tests.conftest import new_postgres_database
from tests.factories import make_sme
from tests.faults import figures
from tests.faults.mails import write_mail
from tests.faults.sink import Sink, running_sink
from tests.waiting import until

BACKUPS = figures.size(20, 3)


@pytest.fixture(autouse=True)
def postgres_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own dump and restore programs must be those of the server under test."""
    monkeypatch.setenv("PATH", str(postgres.programs()), prepend=":")


@pytest.fixture
def elsewhere(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database of the same kind, as on a new machine."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    if database.settings.is_sqlite:
        restored = Database(Settings(home=home))
        yield restored
        restored.dispose()
        return
    with new_postgres_database(request.getfixturevalue("postgres_server")) as url:
        restored = Database(Settings(home=home, database_url=url))
        yield restored
        restored.dispose()


@contextmanager
def at_work(database: Database, sink: Sink) -> Iterator[list[int]]:
    """Two who write an SME and its mail in one transaction, and a worker that delivers; what has been committed."""
    stop, committed = threading.Event(), [0]
    lock = threading.Lock()

    def write() -> None:
        while not stop.is_set():
            with lock:
                number = committed[0]
                with database.write() as session:
                    make_sme(session, f"Firm {number}")
                    write_mail(session, number)
                committed[0] = number + 1
            time.sleep(0.02)  # on SQLite one writes at a time, and the worker is to have its turn

    def deliver() -> None:
        while not stop.is_set():
            relay.deliver_due(database, owner=f"here:{threading.get_ident()}:1")

    database.settings.smtp_url = sink.url
    threads = [threading.Thread(target=act) for act in (write, write, deliver)]
    for thread in threads:
        thread.start()
    try:
        yield committed
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def is_sound(database: Database) -> bool:
    """What the database itself says: SQLite checks its file and its references, PostgreSQL did so while restoring."""
    if not database.settings.is_sqlite:
        with database.read() as session:
            broken = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
            return session.connection().execute(text(broken)).scalar_one() == 0
    with closing(sqlite3.connect(str(database.engine.url.database))) as connection:
        whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return whole and connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_every_backup_is_whole_and_sends_nothing_again(
    database: Database, kind: str, elsewhere: Database, tmp_path: Path
) -> None:
    taken: list[tuple[Path, int, int]] = []
    with running_sink(tmp_path) as sink, at_work(database, sink) as committed:
        for number in range(BACKUPS):
            file = tmp_path / f"backup {number}"
            seen = sink.count()
            until(lambda seen=seen: sink.count() > seen + 3, 20, "some are written and sent in between")
            at_least = committed[0]
            backup.backup(database, file)
            taken.append((file, at_least, committed[0] + 1))
    (tmp_path / "second").mkdir()
    missing = again = held = 0
    with running_sink(tmp_path / "second") as second:
        elsewhere.settings.smtp_url = second.url
        for file, at_least, at_most in taken:
            held = max(held, backup.restore(elsewhere, file).held)
            with elsewhere.read() as session:
                names = list(session.exec(select(Sme.name).order_by(col(Sme.id))))
                mails = session.exec(select(Email.key, Email.status)).all()
            missing += max(at_least - len(names), 0) + abs(len(names) - len(mails))
            assert is_sound(elsewhere)
            assert names == [f"Firm {number}" for number in range(len(names))]
            assert len(names) <= at_most
            assert {status for _, status in mails} <= {EmailStatus.SENT, EmailStatus.HELD}
            again += relay.deliver_due(elsewhere, owner="w").sent
        again += second.count()
    figures.note(
        f"backup during writes, {kind}",
        backups=BACKUPS,
        rows=len(names),
        sent_before=sum(status == EmailStatus.SENT for _, status in mails),
        rows_missing=missing,
        most_mails_held=held,
        sent_by_the_restored=again,
    )
    assert missing == 0
    assert again == 0

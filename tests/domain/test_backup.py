"""A backup is whole while others write, and a restore replaces everything or nothing."""

import threading
from pathlib import Path

import pytest
from sqlmodel import col, select

from broker.config import Settings
from broker.db import Database
from broker.domain import backup
from broker.errors import InvalidError
from broker.models import Sme
from tests import postgres
from tests.factories import make_sme


@pytest.fixture(autouse=True)
def postgres_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own dump and restore programs must be those of the server under test."""
    monkeypatch.setenv("PATH", str(postgres.programs()), prepend=":")


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.exec(select(Sme.name).order_by(col(Sme.id))))


def test_a_restore_brings_back_exactly_what_was_backed_up(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    with database.write() as session:
        make_sme(session, "Łódź")
    backup.backup(database, file)
    with database.write() as session:
        make_sme(session, "Later")
    backup.restore(database, file)
    assert names(database) == ["Łódź"]


def test_a_backup_during_writes_holds_whole_transactions_only(database: Database, tmp_path: Path) -> None:
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with database.write() as session:
                make_sme(session, f"{number} first")
                make_sme(session, f"{number} second")
            number += 1
            written.set()

    thread = threading.Thread(target=write)
    thread.start()
    written.wait()
    for number in range(3):
        backup.backup(database, tmp_path / f"backup {number}")
    stop.set()
    thread.join()
    backup.restore(database, tmp_path / "backup 2")
    kept = names(database)
    assert len(kept) > 0
    assert len(kept) % 2 == 0
    assert {name.partition(" ")[2] for name in kept} == {"first", "second"}


def test_an_existing_file_is_never_overwritten(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("mine")
    with pytest.raises(InvalidError, match="exists already"):
        backup.backup(database, file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00 but cut off"])
def test_a_file_that_is_no_backup_changes_nothing(database: Database, tmp_path: Path, content: bytes) -> None:
    with database.write() as session:
        make_sme(session, "Stays")
    file = tmp_path / "broken"
    file.write_bytes(content)
    with pytest.raises(InvalidError):
        backup.restore(database, file)
    assert names(database) == ["Stays"]


def test_a_missing_file_is_said_in_a_sentence(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="There is no file"):
        backup.restore(database, tmp_path / "nothing")


def test_postgresqls_own_programs_are_asked_for_where_they_are_missing(
    postgresql_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    database = Database(Settings(home=home, database_url=postgresql_url))
    with pytest.raises(InvalidError, match="pg_dump is needed for this and was not found"):
        backup.backup(database, tmp_path / "backup")
    database.dispose()

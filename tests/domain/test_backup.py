"""A backup is whole while others write, and a restore replaces everything or nothing."""

import os
import sqlite3
import subprocess
import threading
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url, text
from sqlmodel import col, select

from broker.config import ROOT, Settings
from broker.db import Database, now
from broker.domain import accounts, backup, demo, erasure, mailings, outbox, relay, runs, suppressions
from broker.errors import InvalidError
from broker.models import Email, EmailStatus, Mailing, MailingKind, MatchRun, Role, RunStatus, Sme
from tests import postgres
from tests.factories import make_event, make_sme, register


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


def test_a_backup_of_an_unknown_version_is_refused_before_anything_changes(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        (version,) = session.connection().execute(text("SELECT version_num FROM alembic_version")).one()
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backup.backup(database, tmp_path / "newer")
    with database.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = :old"), {"old": version})
        make_sme(session, "Stays")
    with pytest.raises(InvalidError, match="another version of this service"):
        backup.restore(database, tmp_path / "newer")
    assert names(database) == ["Stays"]


def write_mails(database: Database, *statuses: EmailStatus) -> None:
    with database.write() as session:
        for number, status in enumerate(statuses):
            message = EmailMessage()
            message["To"], message["Subject"] = "Ada <ada@firm.example>", "Hello"
            message["Message-ID"] = f"<{number}@broker.example>"
            email = outbox.write(session, message, f"test:{number}", "test", None, None)
            email.status, email.owner = status, "somebody" if status is EmailStatus.SENDING else None


def test_mails_that_may_have_been_sent_since_the_backup_are_held(database: Database, tmp_path: Path) -> None:
    write_mails(database, EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.SENT, EmailStatus.FAILED)
    backup.backup(database, tmp_path / "backup")
    assert backup.restore(database, tmp_path / "backup") == backup.Restored(held=2, erased=0, not_erased=[])
    with database.read() as session:
        mails = session.exec(select(Email).order_by(Email.key)).all()
    held = (EmailStatus.HELD, None, "restored from a backup: may have been sent already")
    assert [(mail.status, mail.owner, mail.error) for mail in mails] == [
        held,
        held,
        (EmailStatus.SENT, None, ""),
        (EmailStatus.FAILED, None, ""),
    ]
    assert relay.deliver_due(database, owner="w") == relay.Delivered()


def test_who_was_erased_or_unsubscribed_since_the_backup_stays_so(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        ada, *_ = (make_sme(session, name, email=f"{name}@firm.example") for name in ("ada", "bea", "cyd"))
    backup.backup(database, tmp_path / "backup")
    with database.write() as session:
        erasure.erase(session, "ann", ada.id)
        suppressions.suppress(session, "bea@firm.example", suppressions.UNSUBSCRIBED)

    assert backup.restore(database, tmp_path / "backup") == backup.Restored(held=0, erased=1, not_erased=[])

    with database.read() as session:
        assert session.exec(select(Sme.name).order_by(Sme.name)).all() == ["bea", "cyd"]
        reasons = [suppressions.reason_of(session, f"{name}@firm.example") for name in ("ada", "bea", "cyd")]
    assert reasons == ["erased", "unsubscribed", None]


def test_who_was_entered_again_after_an_erasure_is_another_one(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        erasure.erase(session, "ann", make_sme(session, "ada", email="ada@firm.example").id)
    with database.write() as session:
        again = make_sme(session, "ada", email="ada@firm.example")
        again.created_at = now(session)
    backup.backup(database, tmp_path / "backup")

    assert backup.restore(database, tmp_path / "backup").erased == 0
    with database.read() as session:
        assert session.exec(select(Sme.id)).all() == [again.id]


def test_who_must_be_erased_again_but_is_being_matched_is_told(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        ada, bea = (make_sme(session, name, email=f"{name}@firm.example") for name in ("ada", "bea"))
        event = make_event(session)
        register(session, event, ada, bea)
        run = runs.request(session, "ann", event.id)
    backup.backup(database, tmp_path / "backup")
    with database.write() as session:
        runs.finish(session, session.get_one(MatchRun, run.id), RunStatus.FAILED)
        session.flush()
        erasure.erase(session, "ann", ada.id)

    assert backup.restore(database, tmp_path / "backup").not_erased == [ada.id]


def test_mailings_that_were_due_are_stopped_lest_they_are_written_again(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        event, moment = make_event(session), now(session)
        for kind, due in (
            (MailingKind.SHORTLIST, moment - timedelta(days=2)),
            (MailingKind.REMINDER, moment - timedelta(days=1)),
            (MailingKind.LAST_CALL, moment + timedelta(days=1)),
            (MailingKind.INTRODUCTION, moment - timedelta(days=1)),
        ):
            session.add(Mailing(event_id=event.id, kind=kind, due_at=due))
    backup.backup(database, tmp_path / "backup")
    backup.restore(database, tmp_path / "backup")
    with database.read() as session:
        stopped = {row.kind: row.stopped_at is not None for row in session.exec(select(Mailing))}
    assert stopped == {
        MailingKind.SHORTLIST: False,
        MailingKind.REMINDER: True,
        MailingKind.LAST_CALL: False,
        MailingKind.INTRODUCTION: False,
    }


def test_real_data_restored_into_a_demo_home_is_no_demo(database: Database, tmp_path: Path) -> None:
    backup.backup(database, tmp_path / "real")
    database.settings.demo_mark.write_text("a demo\n")
    backup.restore(database, tmp_path / "real")
    assert not database.settings.is_demo


def test_a_restored_demo_is_one(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        accounts.create(session, email=demo.ORGANISER, name="O", role=Role.ORGANISER, password=demo.PASSWORD)
    backup.backup(database, tmp_path / "demo")
    backup.restore(database, tmp_path / "demo")
    assert database.settings.is_demo


def test_a_restore_that_is_refused_leaves_the_mark_of_the_demo(database: Database, tmp_path: Path) -> None:
    database.settings.demo_mark.write_text("a demo\n")
    (tmp_path / "broken").write_bytes(b"not a database")
    with pytest.raises(InvalidError):
        backup.restore(database, tmp_path / "broken")
    assert database.settings.is_demo


def test_a_sqlite_file_of_another_program_is_no_backup(sqlite_url: str, home: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE alembic_version (version_num TEXT)")
    other.close()
    database = Database(Settings(home=home, database_url=sqlite_url))
    with pytest.raises(InvalidError, match="not a whole backup"):
        backup.restore(database, tmp_path / "other")
    database.dispose()


def test_a_folder_that_is_not_there_is_said_in_a_sentence(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=f"There is no folder {tmp_path / 'nothing'}"):
        backup.backup(database, tmp_path / "nothing" / "backup")


def test_the_password_is_never_on_a_command_line(
    postgresql_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(postgresql_url).set(password="s3cret").render_as_string(hide_password=False)
    started: list[tuple[list[str], str | None]] = []
    run = subprocess.run

    def watched(command: list[str], **options: object) -> object:
        environment = options["env"]
        assert isinstance(environment, dict)
        started.append((command, environment.get("PGPASSWORD")))
        return run(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", watched)
    database = Database(Settings(home=home, database_url=url))
    backup.backup(database, tmp_path / "backup")
    backup.restore(database, tmp_path / "backup")
    database.dispose()
    assert [command[0] for command, _ in started] == ["pg_dump", "pg_restore", "pg_restore", "psql"]
    assert all("s3cret" not in " ".join(command) for command, _ in started)
    assert {password for _, password in started} == {"s3cret"}
    assert "PGPASSWORD" not in os.environ


def test_a_backup_of_before_an_upgrade_is_restored_over_what_was_written_since(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        make_sme(session, "Early")
    config = Config()
    config.set_main_option("script_location", str(ROOT / "broker" / "migrations"))
    config.attributes["engine"] = database.engine
    command.downgrade(config, "0002")
    backup.backup(database, tmp_path / "old")
    database.migrate()
    with database.write() as session:
        event = make_event(session)
        session.add(Mailing(event_id=event.id, kind=MailingKind.REMINDER, due_at=now(session)))
    backup.restore(database, tmp_path / "old")
    assert names(database) == ["Early"]
    with database.read() as session:
        assert session.exec(select(Mailing)).all() == []


def test_a_stopped_mail_that_may_have_been_resumed_since_the_backup_is_not_sent_by_a_resume(
    database: Database, tmp_path: Path
) -> None:
    write_mails(database, EmailStatus.QUEUED)
    with database.write() as session:
        event, email = make_event(session), session.exec(select(Email)).one()
        email.event_id, email.kind = event.id, MailingKind.SHORTLIST
        mailings.stop(session, "ann", event.id, MailingKind.SHORTLIST)
    backup.backup(database, tmp_path / "backup")
    assert backup.restore(database, tmp_path / "backup").held == 1
    with database.write() as session:
        mailings.resume(session, "ann", event.id, MailingKind.SHORTLIST)
    assert relay.deliver_due(database, owner="w") == relay.Delivered()

"""The command line does every job without `broker serve`: data on standard output, one clear line on failure."""

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from broker import cli
from broker.db import Database, now
from broker.domain import outbox, shortlists
from broker.models import Email, EmailStatus, MatchRun, RunStatus
from matching.encoder import Encoder
from tests import postgres
from tests.factories import make_event, make_sme, register

Run = Callable[..., str]
SPREADSHEET = "Firma;Stadt;Branche;Bietet;Sucht\nÄpfel & Söhne;Berlin;Lebensmittel;Saft aus Äpfeln;ein Etikett\n"


@pytest.fixture
def environment(database: Database, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line's settings: the test's own home and database."""
    monkeypatch.setenv("BROKER_HOME", str(home))
    monkeypatch.setenv("BROKER_DATABASE_URL", database.settings.database_url)
    monkeypatch.setenv("PATH", str(postgres.programs()), prepend=":")


@pytest.fixture
def run(environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process; gives what it prints, and fails the test where it fails."""

    def run(*arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["broker", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        if ended.value.code:
            pytest.fail(f"{arguments}: {printed.err}")
        return printed.out

    return run


@pytest.fixture
def error(environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command that must fail; gives its one line of complaint."""

    def error(*arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["broker", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert ended.value.code == 1
        assert printed.out == ""
        (line,) = printed.err.splitlines()
        assert line.startswith("Error: ")
        return line.removeprefix("Error: ")

    return error


@pytest.fixture
def with_model(home: Path, model_home: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find the model exported already, and loaded: that it loads at all is tested elsewhere."""
    (home / "models").symlink_to(model_home / "models")
    monkeypatch.setattr(shortlists.encode, "load_encoder", lambda model, home: encoder)


@pytest.fixture
def spreadsheet(tmp_path: Path) -> Path:
    file = tmp_path / "firmen.csv"
    file.write_bytes(SPREADSHEET.encode("cp1252"))
    return file


def parse(printed: str) -> Any:
    return json.loads(printed)


def test_the_whole_job_from_demo_to_match_list(run: Run, with_model: None, home: Path, tmp_path: Path) -> None:
    assert run("demo") == "The demo is loaded.\n"
    first = parse(run("shortlists", "build", "1", "--seed", "7", "--json"))
    again = parse(run("shortlists", "build", "1", "--seed", "7", "--json"))
    assert (first["smes"], first["short"], first["result"]) == (102, [], again["result"])
    assert parse(run("shortlists", "approve", "1", "--json")) == {"mails": 102, "unchanged": 0, "not_mailed": {}}
    assert parse(run("outbox", "deliver", "--json")) == {"sent": 102, "later": 0, "failed": 0, "held": 0}
    assert parse(run("outbox", "deliver", "--json")) == {"sent": 0, "later": 0, "failed": 0, "held": 0}
    mails = [message_from_bytes(file.read_bytes()) for file in (home / "outbox").glob("*.eml")]
    assert len({mail["To"] for mail in mails}) == len({mail["Message-ID"] for mail in mails}) == 102
    file = tmp_path / "matches.csv"
    run("export", "1", "--what", "matches", "--format", "csv", "-o", file)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        check_match_list(list(csv.DictReader(stream)))


def check_match_list(rows: list[dict[str, str]]) -> None:
    """What the organiser was promised of every shortlist of the demo."""
    by_sme: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_sme.setdefault(row["sme"], []).append(row)
    assert len(by_sme) == 102
    for entries in by_sme.values():
        assert 3 <= len(entries) <= 5
        assert sum(row["sme_city"] != row["partner_city"] for row in entries) >= 2
        assert sum(row["sme_sector"] != row["partner_sector"] for row in entries) >= 2
        assert any(row["sme_group"] != row["partner_group"] for row in entries)
        assert [row["rank"] for row in entries] == [str(rank) for rank in range(1, len(entries) + 1)]
    assert max(Counter(row["partner"] for row in rows).values()) <= 8
    assert {(row["sme"], row["partner"]) for row in rows} == {(row["partner"], row["sme"]) for row in rows}


def test_an_import_says_what_it_did_and_does_nothing_the_second_time(
    run: Run, with_model: None, spreadsheet: Path
) -> None:
    expected = {"rows": 1, "create": 1, "update": 0, "unchanged": 0, "duplicates": 0, "rejected": []}
    dry = parse(run("import", spreadsheet, "--dry-run", "--json"))
    first = parse(run("import", spreadsheet, "--json"))
    again = parse(run("import", spreadsheet, "--json"))
    assert {key: dry[key] for key in expected} == expected
    assert {key: first[key] for key in expected} == expected
    assert {key: again[key] for key in expected} == expected | {"create": 0, "unchanged": 1}


def test_a_rejected_row_is_told_with_row_column_value_and_what_was_expected(
    run: Run, with_model: None, tmp_path: Path
) -> None:
    file = tmp_path / "smes.csv"
    file.write_text("name,city\nGood,Plzeň\nBad,Atlantis\n,Roma\n", encoding="utf-8")
    summary = parse(run("import", file, "--json"))
    assert (summary["rows"], summary["create"]) == (3, 1)
    assert [(row["row"], row["column"], row["value"]) for row in summary["rejected"]] == [
        (3, "city", "Atlantis"),
        (4, "name", ""),
    ]
    assert all(row["expected"] for row in summary["rejected"])


def test_a_column_can_be_named_and_the_city_given(run: Run, with_model: None, tmp_path: Path) -> None:
    file = tmp_path / "smes.csv"
    file.write_text("name,xyz\nGood,a clinic\n", encoding="utf-8")
    run("import", file, "--city", "Warszawa", "--column", "needs=xyz")
    created = parse(
        run("event", "create", "--name", "W", "--city", "Rzym", "--starts", "2027-07-01T09:00", "--ends",
            "2027-07-01T17:00", "--json")
    )  # fmt: skip
    assert created["starts"] == "2027-07-01T07:00:00+00:00"
    assert parse(run("event", "register", str(created["id"]), "--city", "warsaw", "--json")) == {"registered": 1}
    assert parse(run("event", "register", str(created["id"]), "--all", "--json")) == {"registered": 0}


def test_an_account_is_made_with_the_password_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    printed = run("account", "create", "--email", "a@city.example", "--role", "admin", "--name", "Ann")
    assert printed == "a@city.example can sign in as admin.\n"


def test_an_invitation_from_the_command_line_waits_in_the_outbox(run: Run, database: Database) -> None:
    printed = run(
        "account", "invite", "--email", "b@city.example", "--role", "broker", "--name", "Bo", "--city", "Roma"
    )
    assert printed == "b@city.example is invited as broker. The mail waits in the outbox.\n"
    with database.read() as session:
        mail = session.exec(select(Email)).one()
    assert (mail.kind, mail.status, mail.to_address) == ("account_invitation", EmailStatus.QUEUED, "b@city.example")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["import", "nothing.csv"], "No such file or directory"),
        (["event", "register", "1"], "either --all or --city CITY"),
        (["event", "register", "99", "--all"], "There is no event 99."),
        (["event", "create", "--name", "W", "--city", "Atlantis", "--starts", "x", "--ends", "y"], "'Atlantis' is not"),
        (["event", "create", "--name", "W", "--city", "Rome", "--starts", "x", "--ends", "y"], "starts: expected"),
        (
            ["event", "create", "--name", "W", "--city", "Rome", "--starts", "0001-01-01T00:00", "--ends", "y"],
            "starts: expected a date and time such as 2027-03-24T09:30, from 2000 to 2200",
        ),
        (["event", "register", "99999999999999999999", "--all"], "There is no event 99999999999999999999."),
        (["outbox", "retry"], "either one EMAIL_ID or --held"),
        (["outbox", "retry", "7", "--held"], "either one EMAIL_ID or --held"),
        (["outbox", "retry", "99999999999999999999"], "There is no such mail."),
        (["smes", "erase", "4711"], "There is no SME 4711."),
        (["smes", "erase", "99999999999999999999", "--yes"], "There is no SME 99999999999999999999."),
        (["backup", "/nonexistent/folder/x.db"], "There is no folder /nonexistent/folder."),
        (["shortlists", "build", "99"], "There is no event 99."),
        (["shortlists", "approve", "99"], "BROKER_SECRET_KEY is not set"),
        (["export", "1", "--what", "secrets", "-o", "x"], "cannot be exported"),
        (["export", "1", "--what", "matches", "--format", "pdf", "-o", "x"], "expected one of csv, xlsx"),
        (["restore", "nothing"], "There is no file nothing."),
    ],
)
def test_a_failure_is_one_line_that_says_what_was_expected(error: Run, arguments: list[str], complaint: str) -> None:
    assert complaint in error(*arguments)


def test_without_a_database_the_way_to_one_is_said(tmp_path: Path) -> None:
    done = broker("event", "register", "1", "--all", BROKER_HOME=str(tmp_path / "empty"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: There is no database in {tmp_path / 'empty'} yet. Start with: broker init\n"


@pytest.mark.parametrize("url", ["foo://x", "no url", "postgresql://ann@host:port/name", "mysql://ann@host/name"])
def test_a_database_nobody_knows_is_named(tmp_path: Path, url: str) -> None:
    done = broker("init", BROKER_HOME=str(tmp_path), BROKER_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: BROKER_DATABASE_URL: expected postgresql+psycopg://user:pass@host/name")
    assert done.stderr.count("\n") == 1


def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    done = broker("init", BROKER_HOME=str(tmp_path), BROKER_SMTP_URL="ftp://host")
    assert (done.returncode, done.stdout) == (1, "")
    said = "Error: BROKER_SMTP_URL: expected smtp://user:pass@host:port or smtps://…, "
    assert done.stderr == f"{said}with / # ? of a password as %2F %23 %3F\n"


def add_run(database: Database, **fields: Any) -> int:
    with database.write() as session:
        event = make_event(session)
        register(session, event, make_sme(session), make_sme(session))
        run = MatchRun(event_id=event.id, requested_by="test", created_at=now(session), **fields)
        session.add(run)
        session.flush()
        assert event.id == 1
    return run.id


def test_another_seed_than_that_of_the_run_under_way_is_refused(error: Run, database: Database) -> None:
    with database.write() as session:
        moment = now(session)
    add_run(database, seed=3, status=RunStatus.RUNNING, owner="worker", heartbeat_at=moment)
    assert "is building these shortlists with seed 3" in error("shortlists", "build", "1", "--seed", "4")


def test_ctrl_c_leaves_the_run_cancelled_at_once(
    error: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    run_id = add_run(database)
    monkeypatch.setattr(sys.modules["broker.domain.shortlists.build"], "resolve_sectors", interrupted)
    assert error("shortlists", "build", "1") == "Cancelled. The shortlists are as they were."
    with database.read() as session:
        run = session.get_one(MatchRun, run_id)
        assert (run.status, run.owner, run.error) == (RunStatus.CANCELLED, None, "")


def test_an_import_is_in_also_where_the_model_cannot_be_loaded(
    environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROKER_EMBEDDING_MODEL", str(tmp_path / "no model"))
    file = tmp_path / "smes.csv"
    file.write_text("name,city,sector\nGood,Plzeň,bees and honey\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["broker", "import", str(file), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code in {None, 0}
    assert parse(printed.out)["create"] == 1
    assert "Sectors given in free words are not resolved yet; the next build does it." in printed.err


def test_held_mails_of_a_restored_backup_can_be_sent(run: Run, database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        for number in range(3):
            message = EmailMessage()
            message["To"], message["Subject"] = "Ada <ada@firm.example>", "Hello"
            message["Message-ID"] = f"<{number}@broker.example>"
            outbox.write(session, message, f"test:{number}", "test", None, None)
    run("backup", tmp_path / "backup")
    assert run("restore", tmp_path / "backup").splitlines() == [
        f"Restored from {tmp_path / 'backup'}",
        "3 mails are held, as they may have been sent already. To send them: broker outbox retry --held",
    ]
    assert parse(run("outbox", "retry", "1", "--json")) == {"queued": 1, "held": 0}
    assert run("outbox", "retry", "--held") == "2 mails are queued again.\n"
    assert parse(run("outbox", "deliver", "--json"))["sent"] == 3


def test_an_sme_is_erased_once_somebody_says_yes(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.write() as session:
        sme_ids = [make_sme(session, name).id for name in ("Ada", "Bea")]
    assert (
        run("smes", "erase", str(sme_ids[0]), "--yes")
        == f"SME {sme_ids[0]} is erased. 0 mails and 0 files went with it.\n"
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\ny\n"))
    with pytest.raises(pytest.fail.Exception, match="Aborted"):
        run("smes", "erase", str(sme_ids[1]))
    assert "is erased" in run("smes", "erase", str(sme_ids[1]))


def test_mails_that_came_back_are_read_on_demand(run: Run, home: Path) -> None:
    (home / "bounces" / "new").mkdir(parents=True)
    (home / "bounces" / "new" / "1").write_text("no report")
    told = "0 mails came back, 1 files were not understood: see bounces/unread.\n"
    assert run("outbox", "bounces") == told
    assert parse(run("outbox", "bounces", "--json")) == {"failed": 0, "nothing": 0, "later": 0, "unread": 0}


def test_the_mails_of_a_workshop_are_planned_stopped_and_resumed(run: Run, error: Run, database: Database) -> None:
    with database.write() as session:
        starts = datetime(2099, 6, 1, 7, 30, tzinfo=UTC)
        make_event(session, starts_at=starts, ends_at=starts + timedelta(hours=8), answers_until=starts)
    saved = parse(run("mailings", "plan", "1", "--reminder", "2099-05-25T09:00", "--closes", "18:00", "--json"))
    nothing = {"from": "", "stopped": False}
    reminder = {"from": "2099-05-25T09:00", "stopped": False}
    mails = {"shortlist": nothing, "reminder": reminder, "last_call": nothing, "summary": nothing}
    hours = {"opens": "08:00", "closes": "18:00", "zone": "Europe/Berlin"}
    assert saved == hours | {"mails": mails | {"introduction": nothing}}
    assert run("mailings", "stop", "1", "reminder") == "Reminder: stopped.\n"
    assert parse(run("mailings", "show", "1", "--json"))["mails"]["reminder"]["stopped"]
    assert error("mailings", "plan", "1", "--reminder", "").startswith("Reminder: it is stopped.")
    assert run("mailings", "resume", "1", "reminder") == "Reminder: goes on.\n"
    assert run("mailings", "show", "1").splitlines()[1] == "reminder: 2099-05-25T09:00"
    assert parse(run("mailings", "write", "--json")) == {"written": 0}
    assert error("mailings", "stop", "1", "summary") == "No mail of this kind is planned."
    moved = parse(run("mailings", "plan", "1", "--zone", "Europe/Lisbon", "--json"))
    assert (moved["zone"], moved["mails"]["reminder"]["from"]) == ("Europe/Lisbon", "2099-05-25T09:00")
    assert error("mailings", "plan", "1", "--zone", "Mars/Base").startswith("Time zone: expected a name such as")
    assert run("mailings", "stop", "1", "introduction") == "Introduction: stopped.\n"
    told = run("mailings", "show", "1").splitlines()
    assert told[4:] == [
        "introduction: as soon as both have said yes",
        "Dates in Europe/Lisbon. Sent 08:00 to 18:00 where each recipient is.",
    ]


def test_a_dry_run_shows_the_mails_and_sends_none(run: Run, error: Run, database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        message = EmailMessage()
        message["To"], message["Subject"], message["Message-ID"] = "ada@firm.example", "Hello", "<1@broker.example>"
        outbox.write(session, message, "test:1", "test", None, None)
    folder = tmp_path / "looked at"
    assert parse(run("outbox", "deliver", "--dry-run", folder, "--json")) == {"would_send": 1}
    (file,) = folder.iterdir()
    assert message_from_bytes(file.read_bytes())["Subject"] == "Hello"
    (tmp_path / "a file").touch()
    assert "The mails cannot be written: EEXIST" in error("outbox", "deliver", "--dry-run", tmp_path / "a file")
    assert parse(run("outbox", "deliver", "--json"))["sent"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["event", "create", "--name", "W", "--city", "Rome", "--starts", "2027-07-01T09:00", "--ends",
         "2027-07-01T17:00"],
        ["event", "register", "1", "--all"],
    ],
)  # fmt: skip
def test_nothing_is_printed_before_it_is_committed(
    error: Run, database: Database, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    def broken(_: Any) -> None:
        raise OSError("the disk is full")

    add_run(database)
    monkeypatch.setattr(Session, "commit", broken)
    assert error(*arguments) == "the disk is full"


def broker(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as a user runs it, in a process of its own."""
    command = [sys.executable, "-c", "from broker.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    ["init", "demo", "serve", "import", "event create", "event register", "shortlists build", "shortlists approve",
     "mailings show", "mailings plan", "mailings stop", "mailings resume", "mailings write", "outbox deliver",
     "outbox retry", "outbox bounces", "smes erase", "export", "account create", "account invite", "backup", "restore"],
)  # fmt: skip
def test_every_command_explains_itself(run: Run, command: str) -> None:
    assert f"Usage: broker {command}" in run(*command.split(), "--help")

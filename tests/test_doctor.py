"""`broker doctor`: what is well, what is not and what to do, without a secret and without a trace."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from redis import Redis
from sqlmodel import select, text

from broker import cli
from broker.cli import checks
from broker.cli.checks import Finding, Level
from broker.config import Settings
from broker.db import Database, now
from broker.domain import outbox, pulses
from broker.models import Pulse
from broker.queue import QUEUE
from matching import bundled_model
from tests.domain.test_outbox import message
from tests.ports import free_port

Doctor = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: Database) -> Doctor:
    """Runs it as JSON in the home of `database`: (exit code, the level of each check)."""

    def run(**environment: str) -> tuple[int, dict[str, str]]:
        monkeypatch.setenv("BROKER_HOME", str(database.settings.home))
        monkeypatch.setenv("BROKER_DATABASE_URL", database.settings.database_url)
        for name, value in environment.items():
            monkeypatch.setenv(f"BROKER_{name.upper()}", value)
        monkeypatch.setattr(sys, "argv", ["broker", "doctor", "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        rows = json.loads(capsys.readouterr().out)
        return int(ended.value.code or 0), {row["check"]: row["level"] for row in rows}

    return run


@pytest.fixture
def smtp_port() -> Iterator[int]:
    """A mail server that takes ann's sign-in with the right password only."""

    def sign_in(_server: object, _session: object, _envelope: object, _mechanism: str, data: object) -> AuthResult:
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"right", handled=False)

    controller = Controller(
        object(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=sign_in,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    yield controller.port
    controller.stop()


def one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_where_all_is_well_it_says_so_and_ends_well(
    doctor: Doctor, database: Database, smtp_port: int, valkey_url: str
) -> None:
    with database.write() as session:
        pulses.beat(session, "sweep")
    database.settings.bounces_dir.mkdir()

    code, levels = doctor(
        smtp_url=f"smtp://ann:right@127.0.0.1:{smtp_port}",
        queue_url=valkey_url,
        secret_key="a-secret-of-somebody-s-own",
        public_url="https://match.network.org",
        mail_from="Us <us@network.org>",
        bounce_address="bounces@network.org",
    )

    assert (code, set(levels.values())) == (0, {"ok"})
    assert list(levels) == [
        "database", "disk", "queue", "worker", "mail", "sender", "bounces", "model", "weights", "secret key",
        "public address",
    ]  # fmt: skip


def test_what_does_not_work_ends_with_1_and_no_password_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    for name, value in {
        "HOME": str(home),
        "DATABASE_URL": f"postgresql://ada:hunter22@127.0.0.1:{free_port()}/db",
        "SMTP_URL": f"smtp://ada:hunter22@127.0.0.1:{free_port()}",
        "QUEUE_URL": f"redis://:hunter22@127.0.0.1:{free_port()}/0",
    }.items():
        monkeypatch.setenv(f"BROKER_{name}", value)
    monkeypatch.setattr(sys, "argv", ["broker", "doctor"])
    with pytest.raises(SystemExit) as ended:
        cli.main()

    told = capsys.readouterr().out
    assert ended.value.code == 1
    assert "hunter22" not in told
    problems = [line.split(":")[0].split(maxsplit=1)[1] for line in told.splitlines() if line.startswith("problem")]
    assert problems == ["database", "queue", "mail", "sender", "secret key"]
    assert all(" → " in line for line in told.splitlines() if not line.startswith("ok"))


def test_it_leaves_no_trace_in_the_database(doctor: Doctor, database: Database) -> None:
    doctor()
    with database.read() as session:
        assert session.exec(select(Pulse)).all() == []


def test_a_database_of_another_version_is_told(database: Database) -> None:
    with database.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0001'"))

    found = one(checks.database(database.settings))

    assert found.level == Level.PROBLEM
    assert "is of version 0001, the service of" in found.told
    assert found.todo == "bring it up to date: broker init"


def test_a_database_that_is_not_there_is_not_made(home: Path) -> None:
    assert one(checks.database(Settings(home=home))) == checks.problem(
        f"there is none in {home}", "create it: broker init"
    )
    assert list(home.iterdir()) == []


def test_an_empty_database_is_told(empty_database_url: str, home: Path) -> None:
    if empty_database_url.startswith("sqlite"):
        (home / "broker.db").touch()
    found = one(checks.database(Settings(home=home, database_url=empty_database_url)))
    assert (found.level, found.todo) == (Level.PROBLEM, "create its tables: broker init")


def test_a_silent_worker_is_a_problem_only_where_mail_is_due(database: Database) -> None:
    never = one(checks.worker(database.settings))
    with database.write() as session:
        session.add(Pulse(name="sweep", at=now(session) - timedelta(seconds=90)))
        email = outbox.write(session, message(), "test:1", "test", None, None)
        email.next_at = now(session) - timedelta(seconds=1)
    late = one(checks.worker(database.settings))

    assert never == checks.warning("none has ever run", "start broker serve, or worker and beat")
    assert late.level == Level.PROBLEM
    assert late.told.startswith("none has been at work for 9")
    assert late.told.endswith(" seconds, and mail is due")


def test_a_wrong_mail_password_is_told_without_it(home: Path, smtp_port: int) -> None:
    found = one(checks.mail(Settings(home=home, smtp_url=f"smtp://ann:wrong@127.0.0.1:{smtp_port}")))
    assert found == checks.problem("127.0.0.1 refuses our sign-in (535)", "correct user and password")


def test_a_mail_server_without_the_tls_we_ask_for_is_told(home: Path, smtp_port: int) -> None:
    found = one(checks.mail(Settings(home=home, smtp_url=f"smtp://127.0.0.1:{smtp_port}?starttls=1")))
    assert (found.level, found.told) == (Level.PROBLEM, "127.0.0.1 cannot be used (SMTPNotSupportedError)")


def test_the_wake_ups_that_wait_are_counted(home: Path, valkey_url: str) -> None:
    with Redis.from_url(valkey_url) as queue:
        queue.delete(QUEUE)
        queue.rpush(QUEUE, "one", "two")
        found = one(checks.queue(Settings(home=home, queue_url=valkey_url)))
        queue.delete(QUEUE)

    assert (found.level, found.told) == (Level.OK, f"{valkey_url} answers, 2 wake-ups wait")


@pytest.mark.parametrize(
    ("mail_from", "public_url", "level"),
    [
        ("Us <us@network.org>", "https://match.network.org", Level.OK),
        ("Us <us@mail.network.org>", "https://network.org", Level.OK),
        ("Us <us@network.org>", "https://othernetwork.org", Level.WARNING),
        ("Us <us@network.example>", "https://network.example", Level.PROBLEM),
        ("Us", "https://network.org", Level.PROBLEM),
    ],
)
def test_the_sender_is_one_that_mail_servers_believe(home: Path, mail_from: str, public_url: str, level: Level) -> None:
    settings = Settings(home=home, mail_from=mail_from, public_url=public_url, smtp_url="smtp://mail.network.org")
    assert one(checks.sender(settings)).level == level


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("https://broker.example", Level.OK),
        ("http://broker.example", Level.PROBLEM),
        ("http://127.0.0.1:8000", Level.WARNING),
    ],
)
def test_outside_the_demo_people_come_by_https(home: Path, url: str, level: Level) -> None:
    assert one(checks.public_address(Settings(home=home, public_url=url))).level == level
    assert one(checks.public_address(Settings(home=home, public_url=url, demo=True))).level == Level.OK


def test_a_model_half_removed_is_told_and_one_not_yet_written_is_well(home: Path) -> None:
    settings = Settings(home=home)
    new = one(checks.model(settings))
    folder = home / "models" / bundled_model.FINGERPRINT
    folder.mkdir(parents=True)
    (folder / "modules.json").touch()
    half = one(checks.model(settings))

    assert new == checks.ok("bundled; it is written at first use, which takes some seconds and 0.5 GB")
    assert half == checks.problem(
        f"{folder} lacks model.safetensors, tokenizer.json", "remove that folder: it is written again"
    )


def test_a_model_path_that_is_none_is_told(home: Path) -> None:
    found = one(checks.model(Settings(home=home, embedding_model="/no/such/model")))
    assert (found.level, found.todo) == (Level.PROBLEM, "correct BROKER_EMBEDDING_MODEL")


def test_bounces_that_nobody_reads_are_told(home: Path) -> None:
    named = Settings(home=home, smtp_url="smtp://mail.network.org", bounce_address="bounces@network.org")
    assert one(checks.bounces(Settings(home=home, smtp_url=named.smtp_url))).level == Level.WARNING
    assert one(checks.bounces(named)).level == Level.WARNING
    named.bounces_dir.mkdir()
    (named.bounces_dir / "1").touch()
    assert one(checks.bounces(named)) == checks.ok(f"read from {named.bounces_dir}, 1 wait")

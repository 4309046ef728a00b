"""The health check: for everybody, in counts; what is late is told, and only a database out of use is a fault."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event
from sqlmodel import Session, text

from broker.config import Settings
from broker.db import Database, now
from broker.domain import pulses
from broker.domain.queries.health import figures, health
from broker.models import Email, EmailStatus
from broker.web.app import create_app
from tests.web.world import World

Browse = Callable[..., TestClient]


def let_mail_wait(session: Session, world: World, minutes: int) -> None:
    email = session.get_one(Email, world.email.id)
    email.next_at = now(session) - timedelta(minutes=minutes)
    session.add(email)


def test_all_is_well_while_a_worker_sweeps_and_no_mail_is_late(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        pulses.beat(session, "sweep")
        let_mail_wait(session, world, 4)

    answer = browse().get("/health")

    figures = answer.json()
    assert answer.status_code == 200
    assert 240 <= figures.pop("oldest_due_seconds") < 250
    assert figures.pop("sweep_seconds") < 10
    assert figures == {"status": "ok", "database": "ok", "relay_seconds": None, "failed": 0, "held": 0}


def test_late_mail_and_a_silent_worker_are_told_with_a_200(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        let_mail_wait(session, world, 6)
        session.get_one(Email, world.email.id).status = EmailStatus.QUEUED
    no_worker = browse().get("/health")
    with database.write() as session:
        pulses.beat(session, "sweep")
    late = browse().get("/health")
    with database.write() as session:
        session.get_one(Email, world.email.id).status = EmailStatus.FAILED
        pulses.beat(session, "relay")
    failed = browse().get("/health")

    assert [answer.status_code for answer in (no_worker, late, failed)] == [200, 200, 200]
    assert [answer.json()["status"] for answer in (no_worker, late, failed)] == ["degraded", "degraded", "ok"]
    assert no_worker.json()["sweep_seconds"] is None
    assert (failed.json()["oldest_due_seconds"], failed.json()["failed"]) == (0, 1)
    assert failed.json()["relay_seconds"] < 10


def test_a_worker_silent_for_a_minute_is_told(browse: Browse, database: Database) -> None:
    with database.write() as session:
        pulses.beat(session, "sweep")
        session.connection().execute(
            text("UPDATE pulse SET at = :at"), {"at": (now(session) - timedelta(seconds=75)).replace(tzinfo=None)}
        )

    assert browse().get("/health").json()["status"] == "degraded"


def test_no_name_address_or_subject_is_in_it(browse: Browse, world: World) -> None:
    assert "@" not in browse().get("/health").text
    assert set(browse().get("/health").json()) == {
        "status", "database", "oldest_due_seconds", "sweep_seconds", "relay_seconds", "failed", "held",
    }  # fmt: skip


def test_a_database_out_of_use_is_a_503(settings: Settings, database: Database) -> None:
    with database.write() as session:
        session.connection().execute(text("DROP TABLE pulse"))
    app = create_app(settings)
    answer = TestClient(app).get("/health")
    app.state.database.dispose()

    assert (answer.status_code, answer.json()) == (503, {"status": "down", "database": "down"})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_asked_without_signing_in(browse: Browse, method: str) -> None:
    assert browse().request(method, "/health").status_code == 200


def test_no_mail_is_read_to_count_them(home: Path, sqlite_url: str) -> None:
    """Anybody may ask for the health, and with 30,000 mails an answer took two seconds. (PostgreSQL keeps what a mail
    holds apart from its row.)"""
    database, plans = Database(Settings(home=home, database_url=sqlite_url)), list[str]()

    def explain(_connection: object, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if "FROM email" in statement:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.extend(row[3] for row in rows if "email" in row[3])

    event.listen(database.engine, "before_cursor_execute", explain)
    with database.read() as session:
        figures(session)
        health(session)
        health(session, event_id=1)
    database.dispose()
    assert {plan.partition("email USING ")[2] for plan in plans} == {
        "COVERING INDEX ix_email_event",
        "COVERING INDEX ix_email_event (event_id=?)",
        "INDEX ix_email_due (status=? AND next_at<?)",
        "INDEX ix_email_tried_at (tried_at>?)",
    }

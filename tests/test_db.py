import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, Wake, now, wake
from broker.models import City, Email, EmailStatus, Hub, MatchRun, RunStatus
from tests import factories

THREADS = 20


class Stumble(Exception):  # noqa: N818 - any exception would do
    """Something goes wrong in the middle of a transaction."""


class Published(list[Wake]):
    """A queue that only remembers; `commits` are how many hubs a second connection saw at each publish."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[int] = []


@pytest.fixture
def published(database: Database) -> Published:
    """What `database` publishes."""
    seen = Published()

    def publish(wake: Wake) -> None:
        with database.read() as session:
            seen.commits.append(len(session.exec(select(Hub)).all()))
        seen.append(wake)

    database.publish = publish
    return seen


def hub_names(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(hub.name for hub in session.exec(select(Hub)))


def write_a_hub_and_stumble(database: Database) -> None:
    with database.write() as session:
        session.add(Hub(city_code="berlin", name="Factory"))
        session.flush()
        wake(session, "matchruns.build", 7)
        raise Stumble


def test_what_was_written_is_committed_at_the_end(database: Database) -> None:
    with database.write() as session:
        session.add(Hub(city_code="berlin", name="Factory"))

    assert hub_names(database) == ["Factory"]


def test_what_was_written_before_an_error_is_gone(database: Database) -> None:
    with pytest.raises(Stumble):
        write_a_hub_and_stumble(database)

    assert hub_names(database) == []


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO hub (city_code, name) VALUES ('berlin', 'Factory')",
        "UPDATE city SET name = 'Bielefeld'",
        "DELETE FROM sector",
        "CREATE TABLE sneaky (id integer)",
        "DROP TABLE hub",
    ],
)
def test_the_database_refuses_every_change_in_a_read(database: Database, change: str) -> None:
    with database.read() as session, pytest.raises(DBAPIError, match=r"readonly|read-only"):
        session.connection().execute(text(change))

    with database.read() as session:
        assert session.get_one(City, "berlin").name == "Berlin"
        assert hub_names(database) == []


def test_a_changed_object_cannot_be_saved_in_a_read(database: Database) -> None:
    with database.read() as session:
        session.get_one(City, "berlin").name = "Bielefeld"
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            session.commit()


def test_a_write_after_a_read_on_the_same_connection_is_allowed(database: Database) -> None:
    for number in range(3):
        with database.read() as session:
            session.exec(select(City)).all()
        with database.write() as session:
            session.add(Hub(city_code="berlin", name=f"Factory {number}"))

    assert len(hub_names(database)) == 3


def test_a_read_does_not_wait_for_a_write(database: Database) -> None:
    with database.write() as writing:
        writing.add(Hub(city_code="berlin", name="Factory"))
        writing.flush()
        assert hub_names(database) == []

    assert hub_names(database) == ["Factory"]


def test_reads_then_writes_of_many_threads_lose_nothing(database: Database) -> None:
    with database.write() as session:
        run = MatchRun(event_id=factories.make_event(session).id or 0, created_at=now(session))
        session.add(run)
    together = Barrier(THREADS)

    def count_up() -> None:
        together.wait()
        with database.write() as session:
            row = session.exec(select(MatchRun).where(MatchRun.id == run.id).with_for_update()).one()
            row.done += 1
            session.add(row)

    with ThreadPoolExecutor(THREADS) as threads:
        for counted in [threads.submit(count_up) for _ in range(THREADS)]:
            counted.result()

    with database.read() as session:
        assert session.get_one(MatchRun, run.id).done == THREADS


def test_a_wake_up_is_published_after_the_commit(database: Database, published: Published) -> None:
    with database.write() as session:
        session.add(Hub(city_code="berlin", name="Factory"))
        wake(session, "matchruns.build", 7)
        session.flush()
        assert published == []

    assert published == [("matchruns.build", 7)]
    assert published.commits == [1]


def test_a_wake_up_noted_before_an_error_is_dropped(database: Database, published: Published) -> None:
    with pytest.raises(Stumble):
        write_a_hub_and_stumble(database)
    with database.write():
        pass

    assert published == []


def test_the_same_wake_up_twice_is_published_once(database: Database, published: Published) -> None:
    with database.write() as session:
        wake(session, "outbox.deliver")
        wake(session, "matchruns.build", 7)
        wake(session, "outbox.deliver")

    assert published == [("outbox.deliver", None), ("matchruns.build", 7)]


def test_a_queue_that_fails_costs_nobody_their_commit(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Wake) -> None:
        raise ConnectionError

    database.publish = fail
    with caplog.at_level(logging.WARNING), database.write() as session:
        session.add(Hub(city_code="berlin", name="Factory"))
        wake(session, "outbox.deliver")

    assert hub_names(database) == ["Factory"]
    assert caplog.messages == ["queue not reached, the next sweep will do it: outbox.deliver None (ConnectionError)"]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-8))])
def test_a_time_comes_back_as_the_same_moment_in_utc(session: Session, zone: timezone) -> None:
    moment = datetime(2027, 3, 24, 9, 30, 15, 123456, tzinfo=zone)
    event = factories.make_event(session, starts_at=moment)
    session.commit()
    session.refresh(event)

    assert event.starts_at == moment
    assert event.starts_at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(session: Session) -> None:
    with pytest.raises(StatementError, match="a time without a zone cannot be stored"):
        factories.make_event(session, starts_at=datetime(2027, 3, 24, 9, 30))  # noqa: DTZ001


def test_times_are_compared_as_moments(session: Session) -> None:
    event = factories.make_event(session, starts_at=datetime(2027, 3, 24, 9, 30, tzinfo=timezone(timedelta(hours=2))))
    later = datetime(2027, 3, 24, 8, 0, tzinfo=UTC)

    assert session.exec(select(type(event)).where(type(event).starts_at < later)).one() is event


def test_the_databases_clock_is_aware_and_moves_within_a_transaction(session: Session) -> None:
    first = now(session)
    second = now(session)

    assert first.tzinfo is UTC
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)
    assert second >= first


def test_a_status_is_stored_as_its_plain_value(session: Session) -> None:
    event = factories.make_event(session)
    session.add(MatchRun(event_id=event.id or 0, status=RunStatus.CANCELLED, created_at=now(session)))
    session.flush()

    assert session.connection().execute(text("SELECT status FROM matchrun")).scalar_one() == "cancelled"
    assert session.exec(select(MatchRun)).one().status is RunStatus.CANCELLED
    assert Email.__table__.c.status.type.enums == [status.value for status in EmailStatus]  # type: ignore[attr-defined]


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    """A database on SQLite only."""
    database = Database(Settings(database_url=sqlite_url))
    yield database
    database.dispose()


def test_sqlite_waits_for_its_lock_writes_ahead_and_checks_foreign_keys(sqlite: Database) -> None:
    with sqlite.read() as session:
        pragmas = {
            name: session.connection().execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("busy_timeout", "journal_mode", "synchronous", "foreign_keys", "cache_size")
        }

    assert pragmas == {
        "busy_timeout": 10000,
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "cache_size": -16000,
    }


def test_sqlite_takes_the_write_lock_before_the_first_read(sqlite: Database) -> None:
    with sqlite.write() as session:
        session.exec(select(City)).all()
        other = sqlite.engine.raw_connection()
        other.cursor().execute("PRAGMA busy_timeout = 1")
        with pytest.raises(Exception, match="database is locked"):
            other.cursor().execute("BEGIN IMMEDIATE")
        other.invalidate()

"""The database: engine, transactions, and wake-ups published after commit (laws 1 and 2)."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, Dialect, Engine, Enum, TypeDecorator, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from broker.config import ROOT, Settings

log = logging.getLogger(__name__)
# Named constraints, so that a migration can drop or change them on both databases.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Wake = tuple[str, int | None]
"""A wake-up: the task's name and, where it has one, the id of its row."""
Publisher = Callable[[Wake], None]


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; a naive one is refused rather than guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware time into UTC; SQLite keeps it without its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def text_enum(kind: type[StrEnum]) -> Any:
    """A column type that stores the enum's values as plain text: adding a value needs no migration of a type."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=20,
        values_callable=lambda e: [m.value for m in e],
    )


class Database:
    """One engine with its two kinds of transaction: `read` can change nothing, `write` commits at its end."""

    def __init__(self, settings: Settings, publish: Publisher | None = None) -> None:
        self.settings = settings
        self.publish = publish
        self.engine = create_engine_for(settings)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one moment, and in which the database itself refuses every change (law 3)."""
        options = {} if self.settings.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine = self.engine.execution_options(broker_readonly=True, **options)
        with Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, connection: Connection | None = None) -> Iterator[Session]:
        """One transaction, committed at the end; wake-ups noted in it are published only after that.

        connection: of this engine, where many short transactions follow each other."""
        with Session(connection or self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()
            wakes: list[Wake] = session.info.pop("wakes", [])
        for wake in wakes if self.publish else []:
            self._publish(wake)

    def _publish(self, wake: Wake) -> None:
        """A lost wake-up only costs delay, because a sweep finds the row; so it is said, not raised."""
        assert self.publish is not None  # noqa: S101 - only called where it is set
        try:
            self.publish(wake)
        except Exception as error:
            log.warning("queue not reached, the next sweep will do it: %s %s (%s)", *wake, type(error).__name__)

    def migrate(self) -> None:
        """Bring the schema to the newest revision."""
        if self.settings.is_sqlite:
            Path(self.engine.url.database or "").parent.mkdir(parents=True, exist_ok=True)
        command.upgrade(self._alembic(), "head")

    def revisions(self) -> tuple[str | None, str | None]:
        """(the schema's revision, the newest there is); the first is None for a database without tables."""
        with self.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        return found, ScriptDirectory.from_config(self._alembic()).get_current_head()

    def _alembic(self) -> AlembicConfig:
        config = AlembicConfig()
        config.set_main_option("script_location", str(ROOT / "broker" / "migrations"))
        config.attributes["engine"] = self.engine
        return config

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def wake(session: Session, task: str, row_id: int | None = None) -> None:
    """Note a wake-up to publish once `session` has committed; the same one twice is published once."""
    wakes: list[Wake] = session.info.setdefault("wakes", [])
    if (task, row_id) not in wakes:
        wakes.append((task, row_id))


_CLOCK_SQLITE = text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
_CLOCK_POSTGRESQL = text("SELECT clock_timestamp()")


def now(session: Session) -> datetime:
    """The database's clock, which leases and deadlines go by: the machines' clocks may differ (law 10)."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return datetime.fromisoformat(connection.execute(_CLOCK_SQLITE).scalar_one()).replace(tzinfo=UTC)
    moment: datetime = connection.execute(_CLOCK_POSTGRESQL).scalar_one()
    return moment.astimezone(UTC)


def insert(session: Session, table: type[SQLModel]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what is to happen where the row is there already; the two databases share the words."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)


def create_engine_for(settings: Settings) -> Engine:
    """An engine with the pragmas and transaction starts each database needs; its errors tell no values."""
    if not settings.is_sqlite:
        return create_engine(settings.database_url, pool_pre_ping=True, hide_parameters=True)
    # The connection used last is used next: each has a cache of its own.
    engine = create_engine(
        settings.database_url, connect_args={"timeout": 10}, hide_parameters=True, pool_use_lifo=True
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own: _begin_sqlite does
    for pragma in (
        "busy_timeout = 10000",  # before journal_mode, whose change needs the lock
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -16000",  # at most 16 MB: with the 2 MB it has else, pages of a large event read it all anew
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once where we may write: a read that upgrades later fails despite busy_timeout."""
    readonly = connection.get_execution_options().get("broker_readonly", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if readonly else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

"""Databases of a test's own on one PostgreSQL, used again: to copy the template takes many times as long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

MOST_GROWN = 8 * 1024 * 1024
"""Bytes; what has grown by more is slow to look through even when it is empty."""
SHAPE = """
    SELECT count(*), max(oid::bigint), sum(relnatts) FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
EMPTY = """
    DO $$ DECLARE found record; BEGIN
        FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('DELETE FROM %I', found.tablename);
        END LOOP;
        FOR found IN SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL LOOP
            EXECUTE format('ALTER SEQUENCE %I RESTART', found.sequencename);
        END LOOP;
    END $$
"""
ALONE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"


@dataclass
class Databases:
    """Copies of `template`. One that comes back gets the template's rows again; what is more than its rows has
    changed, or it has grown, it is dropped."""

    server: str
    template: str
    rows: dict[str, bytes] = field(default_factory=dict)
    sequences: list[tuple[str, int]] = field(default_factory=list)
    shape: Any = None
    size: int = 0
    free: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        with self._connect(self.template) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as copy:
                    if rows := b"".join(copy):
                        self.rows[table] = rows
            found = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
            self.sequences = connection.execute(found).fetchall()
            self.shape, self.size = connection.execute(SHAPE).fetchone(), _size(connection)

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The SQLAlchemy URL of one that is as the template is."""
        name = self.free.pop() if self.free else self._copied()
        yield self.url(name)
        if self._is_renewed(name):
            self.free.append(name)
        else:
            execute(self.server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """Of one of the server's databases, for SQLAlchemy."""
        return make_url(self.server).set(database=name).render_as_string(hide_password=False)

    def _copied(self) -> str:
        name = f"{self.template}_{next(self.numbers)}"
        execute(self.server, f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY FILE_COPY")
        return name

    def _is_renewed(self, name: str) -> bool:
        try:
            connection = self._connect(name)
        except psycopg.OperationalError:
            return False  # the test dropped it
        with connection:
            connection.execute(ALONE, [connection.info.backend_pid])
            if connection.execute(SHAPE).fetchone() != self.shape or _size(connection) > self.size + MOST_GROWN:
                return False
            connection.execute(
                "SET session_replication_role = replica"
            )  # no foreign key is looked at: any order will do
            connection.execute(EMPTY)
            for table, rows in self.rows.items():
                with connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
                    copy.write(rows)
            for sequence, last in self.sequences:
                connection.execute("SELECT setval(%s, %s)", [sequence, last])
        return True

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url(name).replace("+psycopg", ""))


def _size(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def execute(server: str, statement: str) -> None:
    """Run one statement outside a transaction, as CREATE DATABASE needs."""
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())

"""Alembic's entry: runs the revisions on the engine that `Database.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, Engine, text
from sqlmodel import SQLModel

import broker.models  # noqa: F401 - registers the tables
from broker.config import Settings
from broker.db import create_engine_for


def run(connection: Connection) -> None:
    """Run the revisions in one transaction."""
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


engine: Engine = context.config.attributes.get("engine") or create_engine_for(Settings())
with engine.connect() as connection:
    if connection.dialect.name == "sqlite":
        # A batch change drops and renames tables; with foreign keys on, their children would be deleted with them.
        connection.execute(text("COMMIT"))
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("BEGIN IMMEDIATE"))
    run(connection)
    connection.commit()
    if connection.dialect.name == "sqlite":
        connection.invalidate()  # never back into the pool without its foreign keys

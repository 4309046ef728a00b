"""One row in every table of a database at any revision, made from nothing but what the database says of itself."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, DateTime, Engine, Float, Integer, LargeBinary, MetaData, Table, insert

MOMENT = datetime(2026, 3, 24, 9, 30, tzinfo=UTC)


def fill(engine: Engine) -> None:
    """Put one row into every table, parents before children."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            if table.name != "alembic_version":
                _add_row(connection, table)
        connection.commit()


def _add_row(connection: Connection, table: Table) -> None:
    values = {
        column.name: _value(column.type)
        for column in table.columns
        if column.foreign_keys or not (column.nullable or column.name == "id")
    }
    connection.execute(insert(table).values(values))


def _value(kind: Any) -> Any:
    """A value of a column's type; numbers are 1, which is also the first row's id, and short texts "x"."""
    match kind:
        case Boolean():
            return False
        case DateTime():
            return MOMENT
        case Integer():
            return 1
        case Float():
            return 0.5
        case LargeBinary():
            return b"\x00\x01"
        case JSON():
            return {"kept": "Łódź"}
        case _:
            return "x"

"""Pulses: when each part of the service was last at work, by the database's clock."""

from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from broker.db import now
from broker.models import Pulse


def beat(session: Session, name: str) -> None:
    """Say that this part is at work now."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = insert(Pulse).values(name=name, at=now(session))
    session.connection().execute(row.on_conflict_do_update(index_elements=["name"], set_={"at": row.excluded.at}))


def last(session: Session) -> dict[str, datetime]:
    """When each part was last at work, by its name; one that never was is not there."""
    return dict(session.exec(select(Pulse.name, Pulse.at)).all())

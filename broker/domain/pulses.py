"""When the parts of the service were last at work."""

from datetime import datetime

from sqlmodel import Session, select

from broker.db import insert, now
from broker.models import Pulse


def beat(session: Session, name: str) -> None:
    """Note that this part is at work. Call it last in a transaction: others who beat wait for its end."""
    at = now(session)
    statement = insert(session, Pulse).values(name=name, at=at)
    session.connection().execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": at}))


def last(session: Session) -> dict[str, datetime]:
    """By part: when it was last at work."""
    return {pulse.name: pulse.at for pulse in session.exec(select(Pulse))}

"""Two transactions at the same moment, in an order a test can rely on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import text
from sqlmodel import Session

from broker.db import Database
from tests.waiting import until

Result = TypeVar("Result")


def behind(database: Database, first: Session, second: Callable[[Session], Result]) -> Result:
    """What `second` gives in a transaction of its own, begun while `first` is still open.

    `first` is committed once the other waits for it (or, wrongly, has ended without waiting)."""

    def run() -> Result:
        with database.write() as session:
            return second(session)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        if not database.settings.is_sqlite:  # SQLite lets nobody begin to write before `first` has ended
            until(lambda: running.done() or _somebody_waits(database), 20, "the second transaction waits")
        first.commit()
        return running.result(timeout=30)


def _somebody_waits(database: Database) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as session:
        return bool(session.connection().execute(text(waiting)).scalar_one())

"""Every part says when it was last at work, by the database's clock."""

from broker.db import Database, now
from broker.domain import pulses


def test_a_part_is_known_by_its_last_beat(database: Database) -> None:
    with database.write() as session:
        pulses.beat(session, "relay")
    with database.write() as session:
        between = now(session)
        pulses.beat(session, "sweep")
        pulses.beat(session, "sweep")
    with database.read() as session:
        last = pulses.last(session)
        assert set(last) == {"relay", "sweep"}
        assert last["relay"] <= between <= last["sweep"] <= now(session)


def test_nobody_has_been_at_work_at_first(database: Database) -> None:
    with database.read() as session:
        assert pulses.last(session) == {}

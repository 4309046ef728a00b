"""Pulses: who was last at work."""

from sqlmodel import Session

from broker.db import now
from broker.domain import pulses


def test_nobody_has_been_at_work_at_first(session: Session) -> None:
    assert pulses.last(session) == {}


def test_the_last_pulse_of_each_part_is_kept_by_the_databases_clock(session: Session) -> None:
    before = now(session)
    pulses.beat(session, "sweep")
    first = pulses.last(session)["sweep"]
    pulses.beat(session, "sweep")
    pulses.beat(session, "relay")
    after = now(session)

    last = pulses.last(session)
    assert set(last) == {"sweep", "relay"}
    assert before <= first <= last["sweep"] <= last["relay"] <= after

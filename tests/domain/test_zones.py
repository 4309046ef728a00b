"""The time left until a deadline, counted one way on every page and in every mail."""

from datetime import UTC, datetime

import pytest

from broker.domain.zones import time_left

DEADLINE = datetime(2027, 3, 24, 8, 30, tzinfo=UTC)
"""09:30 in Berlin, 10:30 in Tallinn."""


@pytest.mark.parametrize(
    ("day", "hour", "minute", "words"),
    [
        (24, 7, 31, "in less than an hour"),
        (24, 7, 30, "in 1 hour"),
        (22, 23, 31, "in 32 hours"),
        (22, 23, 0, "in 33 hours"),
        (22, 20, 29, "in 2 days"),
        (22, 0, 0, "in 2 days"),
        (21, 23, 30, "in 2 days"),
        (21, 22, 59, "in 3 days"),
    ],
)
def test_the_time_left_counts_days_by_the_calendar_of_the_zone(day: int, hour: int, minute: int, words: str) -> None:
    assert time_left(datetime(2027, 3, day, hour, minute, tzinfo=UTC), DEADLINE, "Europe/Berlin") == words


def test_two_evenings_ahead_of_a_late_deadline_hours_say_it_better() -> None:
    midnight, late = datetime(2027, 3, 22, 23, 0, tzinfo=UTC), datetime(2027, 3, 24, 22, 0, tzinfo=UTC)
    assert time_left(midnight, late, "Europe/Berlin") == "in 47 hours"


def test_another_zone_may_have_another_day_already() -> None:
    late = datetime(2027, 3, 20, 22, 30, tzinfo=UTC)
    told = {zone: time_left(late, DEADLINE, zone) for zone in ("Europe/London", "Europe/Berlin", "Europe/Tallinn")}
    assert told == {"Europe/London": "in 4 days", "Europe/Berlin": "in 4 days", "Europe/Tallinn": "in 3 days"}

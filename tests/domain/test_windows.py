"""When a mail may leave, by the clocks of its recipient."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.windows import Window, is_open, next_open

ROME = Window("Europe/Rome", 9 * 60, 17 * 60)


@pytest.mark.parametrize(
    ("moment", "leaves"),
    [
        ("2026-06-01T07:00", "2026-06-01T07:00"),  # nine in Rome in summer
        ("2026-06-01T06:59", "2026-06-01T07:00"),
        ("2026-06-01T14:59", "2026-06-01T14:59"),
        ("2026-06-01T15:00", "2026-06-02T07:00"),  # five: closed until tomorrow
        ("2026-10-24T20:00", "2026-10-25T08:00"),  # the clocks are put back in the night
        ("2027-03-27T20:00", "2027-03-28T07:00"),  # and forward
    ],
)
def test_the_first_moment_within_the_window(moment: str, leaves: str) -> None:
    parse = datetime.fromisoformat
    assert next_open(parse(moment).replace(tzinfo=UTC), ROME) == parse(leaves).replace(tzinfo=UTC)


def test_without_a_zone_mail_leaves_at_any_hour() -> None:
    moment = datetime(2026, 6, 1, 1, 30, tzinfo=UTC)
    assert is_open(moment, Window())
    assert next_open(moment, Window()) == moment


def test_an_hour_that_the_clocks_skip_waits_for_the_next_day() -> None:
    night = Window("Europe/Rome", 2 * 60, 3 * 60)
    assert next_open(datetime(2027, 3, 28, 0, 30, tzinfo=UTC), night) == datetime(2027, 3, 29, 0, 0, tzinfo=UTC)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - hypothesis adds the zone
    st.sampled_from(["Europe/Lisbon", "Europe/Tallinn", "Europe/London"]),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_what_is_found_is_open_and_not_before(moment: datetime, zone: str, one: int, other: int) -> None:
    window = Window(zone, min(one, other - 1), max(one + 1, other))
    asked = moment.replace(tzinfo=UTC)
    found = next_open(asked, window)
    assert found >= asked
    assert is_open(found, window)
    assert is_open(asked, window) is (found == asked)


@pytest.mark.parametrize(("opens", "closes"), [(600, 600), (700, 600), (-1, 600), (0, 1441)])
def test_hours_no_mail_could_leave_at_are_refused(opens: int, closes: int) -> None:
    with pytest.raises(ValueError, match="open before it closes"):
        Window("Europe/Rome", opens, closes)

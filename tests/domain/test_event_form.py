"""An event's form: every field is read or told, the two ways round agree, and nobody overwrites another unseen."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import Session, select

from broker.domain import event_form, events, zones
from broker.domain.event_form import FormError
from broker.domain.queries import places
from broker.errors import ConflictError, NotFoundError
from broker.models import AuditEntry, City, Event
from tests import factories

FILLED = event_form.empty() | {
    "name": "  Internationalisation   Workshop ",
    "city": "tallinn",
    "venue": "Telliskivi",
    "address": "Telliskivi 60a",
    "first_day": "2030-07-01",
    "last_day": "2030-07-02",
    "day_from": "09:00",
    "day_to": "17:30",
    "slot_minutes": "15",
    "tables": "24",
    "register_until": "2030-06-20T18:00",
    "answers_until": "2030-06-30T18:00",
    "break_name_1": "Lunch",
    "break_from_1": "12:30",
    "break_to_1": "13:30",
    "break_name_2": "Coffee",
    "break_from_2": "10:30",
    "break_to_2": "11:00",
    "min_partners": "4",
    "require_other_city": "1",
    "dial": "0.75",
}


def test_a_filled_form_is_read_in_the_zone_of_the_city(session: Session) -> None:
    details = event_form.read(FILLED, _cities(session))

    assert details.columns() == {
        "name": "Internationalisation Workshop",
        "city_code": "tallinn",
        "zone": "Europe/Tallinn",
        "venue": "Telliskivi",
        "address": "Telliskivi 60a",
        "starts_at": datetime(2030, 7, 1, 6, 0, tzinfo=UTC),
        "ends_at": datetime(2030, 7, 2, 14, 30, tzinfo=UTC),
        "slot_minutes": 15,
        "tables": 24,
        "breaks": [{"name": "Coffee", "from": 630, "to": 660}, {"name": "Lunch", "from": 750, "to": 810}],
        "register_until": datetime(2030, 6, 20, 15, 0, tzinfo=UTC),
        "answers_until": datetime(2030, 6, 30, 15, 0, tzinfo=UTC),
        "policy": {"min_partners": 4, "require_other_city": True, "dial": 0.75},
    }


def test_a_zone_of_its_own_moves_every_time_and_names_its_clock(session: Session) -> None:
    cities = _cities(session)
    details = event_form.read(FILLED | {"zone": "America/New_York"}, cities)
    event = events.add(session, "ann", details.columns(), factories.make_account(session).id)

    assert details.starts_at == datetime(2030, 7, 1, 13, 0, tzinfo=UTC)
    assert zones.of_event(event, cities["tallinn"]) == zones.Zone("America/New_York", "New York")
    event.zone = "Europe/Tallinn"
    assert zones.of_event(event, cities["tallinn"]) == zones.Zone("Europe/Tallinn", "Tallinn")
    assert event_form.read(FILLED | {"zone": "Europe/Tallinn"}, cities).zone == "Europe/Tallinn"


def test_what_is_left_out_has_its_default(session: Session) -> None:
    least = {"name": "W", "city": "berlin", "first_day": "2030-07-01"}
    details = event_form.read(event_form.empty() | least, _cities(session))

    assert details.answers_until == details.starts_at
    assert (details.register_until, details.breaks, details.policy) == (None, [], {})
    assert details.ends_at == datetime(2030, 7, 1, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"name": " "}, "name", "expected a name, such as Internationalisation Workshop"),
        ({"name": "x" * 201}, "name", "expected at most 200 letters"),
        ({"address": "x" * 201}, "address", "expected at most 200 letters"),
        ({"city": "atlantis"}, "city", "expected one of the network's cities"),
        ({"zone": "Berlin"}, "zone", "expected a name such as Europe/Berlin, or nothing for that of the city"),
        ({"first_day": "tomorrow"}, "first_day", "expected a date such as 2027-03-24, from 2000 to 2200"),
        ({"first_day": "9999-01-01"}, "first_day", "expected a date such as 2027-03-24, from 2000 to 2200"),
        ({"last_day": "2030-06-30"}, "last_day", "expected the first day or a later one"),
        ({"last_day": "2031-06-30"}, "last_day", "expected at most a month after the first day"),
        ({"day_from": "9"}, "day_from", "expected a time such as 09:30"),
        ({"last_day": "", "day_to": "08:00"}, "day_to", "expected a time later than 09:00"),
        ({"slot_minutes": "4"}, "slot_minutes", "expected a whole number from 5 to 180"),
        ({"slot_minutes": "²0"}, "slot_minutes", "expected a whole number from 5 to 180"),
        ({"tables": "-1"}, "tables", "expected a whole number from 1 to 500"),
        ({"tables": "9" * 40}, "tables", "expected a whole number from 1 to 500"),
        ({"break_to_1": ""}, "break_1", "expected two times such as 12:30 and 13:30"),
        ({"break_to_1": "12:00"}, "break_1", "expected an end later than 12:30"),
        ({"break_name_2": "x" * 81}, "break_2", "expected a name of at most 80 letters"),
        ({"register_until": "soon"}, "register_until", event_form.EXPECTED_MOMENT),
        ({"register_until": "2030-07-03T00:00"}, "register_until", "expected a time before the event ends"),
        ({"answers_until": "2030-07-03T00:00"}, "answers_until", "expected a time before the event ends"),
        ({"answers_until": "0001-01-01T00:00"}, "answers_until", event_form.EXPECTED_MOMENT),
        ({"max_partners": "0"}, "max_partners", "expected a whole number from 1 to 20"),
        ({"max_lists": "many"}, "max_lists", "expected a whole number from 1 to 40"),
        ({"dial": "2"}, "dial", "expected a number from 0 (deepen) to 1 (explore)"),
        ({"dial": "nan"}, "dial", "expected a number from 0 (deepen) to 1 (explore)"),
        (
            {"min_other_city": "6"},
            "min_other_city",
            "a list holds at most 5, by the two numbers that limit it; expected no more than that",
        ),
        (
            {"max_lists": "2", "min_partners": "2", "min_other_sector": "3"},
            "min_other_sector",
            "a list holds at most 2, by the two numbers that limit it; expected no more than that",
        ),
    ],
)
def test_a_wrong_field_is_told_by_name_with_what_was_expected(
    session: Session, change: dict[str, str], field: str, told: str
) -> None:
    with pytest.raises(FormError) as error:
        event_form.read(FILLED | change, _cities(session))
    assert error.value.problems == {field: told}


def test_all_wrong_fields_are_told_at_once_in_the_order_of_the_form(session: Session) -> None:
    wrong = {"dial": "x", "name": "", "break_to_1": "", "tables": "none", "first_day": ""}
    with pytest.raises(FormError) as error:
        event_form.read(FILLED | wrong, _cities(session))
    assert list(error.value.problems) == ["name", "first_day", "tables", "break_1", "dial"]
    assert str(error.value) == "Name: expected a name, such as Internationalisation Workshop."
    assert event_form.label("break_1") == "Break 1"


def test_the_form_of_an_event_read_again_changes_nothing(session: Session) -> None:
    cities = _cities(session)
    event = _event(session)
    again = event_form.read(event_form.fields_of(event, cities["tallinn"]), cities)

    assert events.change(session, "ann", event.id, 1, again.columns()) == []
    assert event.version == 1


def test_the_second_of_two_who_save_is_told_and_sees_the_difference(session: Session) -> None:
    cities, event = _cities(session), _event(session)
    mine = FILLED | {"venue": "Kultuurikatel", "break_to_1": "14:00"}
    assert events.change(session, "ann", event.id, 1, event_form.read(FILLED | {"tables": "30"}, cities).columns()) == [
        "tables"
    ]

    with pytest.raises(ConflictError):
        events.change(session, "bob", event.id, 1, event_form.read(mine, cities).columns())

    stored = event_form.fields_of(event, cities["tallinn"])
    assert (event.version, event.venue) == (2, "Telliskivi")
    assert event_form.differences(mine, stored) == [
        ("Venue", "Telliskivi", "Kultuurikatel"),
        ("Tables", "30", "24"),
        ("Breaks", "Coffee 10:30–11:00, Lunch 12:30–13:30", "Coffee 10:30–11:00, Lunch 12:30–14:00"),
    ]


def test_a_change_leaves_one_audit_entry_that_names_what_changed(session: Session) -> None:
    event = _event(session)
    changed = event_form.read(FILLED | {"venue": "Kultuurikatel", "dial": "0"}, _cities(session))

    assert events.change(session, "ann", event.id, 1, changed.columns()) == ["venue", "policy"]

    entries = session.exec(select(AuditEntry).where(AuditEntry.action == "event.change")).all()
    assert [(entry.actor, entry.detail) for entry in entries] == [("ann", {"changed": ["venue", "policy"]})]
    with pytest.raises(NotFoundError, match="There is no event 999"):
        events.change(session, "ann", 999, 1, {})


def test_places_are_kept_by_city_and_written_down_once(session: Session) -> None:
    event = _event(session)
    for _ in range(2):
        events.set_places(session, "ann", event.id, {"berlin": 10, "rome": 0})
    session.expire(event)
    assert event.places == {"berlin": 10, "rome": 0}
    assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "event.places")).all()) == 1


def _event(session: Session) -> Event:
    account = factories.make_account(session)
    columns: dict[str, Any] = event_form.read(FILLED, _cities(session)).columns()
    return events.add(session, "ann", columns, account.id)


def _cities(session: Session) -> dict[str, City]:
    return {city.code: city for city in places.cities(session)}

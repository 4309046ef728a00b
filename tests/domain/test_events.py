"""Workshops are created in their city's time, and registering twice changes nothing."""

from datetime import UTC, datetime

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.domain import events, profiles, withdrawals
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import AuditEntry, City, Purpose, Registration, SmeStatus
from tests.factories import make_event, make_sme, register

SUMMER = {"starts": "2027-07-01T09:30", "ends": "2027-07-01T17:00"}


def test_times_without_a_zone_are_the_citys(session: Session) -> None:
    event = events.create(session, "test", events.parse(name="W", city="tallinn", **SUMMER))
    assert event.starts_at == datetime(2027, 7, 1, 6, 30, tzinfo=UTC)
    assert event.answers_until == event.starts_at


def test_times_with_a_zone_are_kept(session: Session) -> None:
    data = events.parse(name="W", city="tallinn", starts="2027-07-01T09:30Z", ends="2027-07-01T12:00+02:00")
    event = events.create(session, "test", data)
    assert event.starts_at == datetime(2027, 7, 1, 9, 30, tzinfo=UTC)
    assert event.ends_at == datetime(2027, 7, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("venue", "address", "told"),
    [
        ("", "", ["Tallinn"]),
        ("Telliskivi", "", ["Telliskivi", "Tallinn"]),
        ("Telliskivi, Tallinn", "", ["Telliskivi, Tallinn"]),
        ("Telliskivi", "Telliskivi 60a, 10412 Tallinn", ["Telliskivi", "Telliskivi 60a, 10412 Tallinn"]),
    ],
)
def test_where_it_is_names_the_city_once(session: Session, venue: str, address: str, told: list[str]) -> None:
    event = events.create(session, "test", events.parse(name="W", city="tallinn", venue=venue, **SUMMER))
    event.address = address

    assert events.where(event, session.get_one(City, "tallinn")) == told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"starts": "tomorrow"}, "starts: expected a date and time such as 2027-03-24T09:30, from 2000 to 2200"),
        ({"starts": "12345"}, "starts: expected a date and time"),
        ({"starts": 12345}, "starts: expected a date and time"),
        ({"starts": "0001-01-01T00:00"}, "starts: expected a date and time"),
        ({"ends": "2201-01-01T00:00"}, "ends: expected a date and time"),
        ({"ends": None}, "ends: expected a date and time"),
        ({"ends": "2027-07-01T09:30"}, "event: the end must be later than the start"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidError) as error:
        events.parse(**({"name": "W", "city": "berlin", **SUMMER} | fields))
    assert str(error.value).startswith(message)


def test_an_unknown_city_is_refused(session: Session) -> None:
    with pytest.raises(InvalidError, match="'atlantis' is not one of the network's cities"):
        events.create(session, "test", events.parse(name="W", city="atlantis", **SUMMER))


def test_an_end_before_the_start_in_another_zone_is_refused(session: Session) -> None:
    data = events.parse(name="W", city="berlin", starts="2027-07-01T09:30", ends="2027-07-01T09:30+05:00")
    with pytest.raises(InvalidError, match="later than the start"):
        events.create(session, "test", data)


def test_registering_twice_registers_once_and_leaves_one_audit_entry(session: Session) -> None:
    event, smes = make_event(session), [make_sme(session) for _ in range(3)]
    ids = [sme.id for sme in smes]
    assert events.register(session, "ann", event.id, ids) == 3
    assert events.register(session, "ann", event.id, ids) == 0
    entries = session.exec(select(AuditEntry).where(AuditEntry.action == "event.register")).all()
    assert [(entry.actor, entry.detail) for entry in entries] == [("ann", {"count": 3})]


def test_a_withdrawal_is_undone_once_and_not_for_who_left_meanwhile(session: Session) -> None:
    event, stays, leaves = make_event(session), make_sme(session), make_sme(session)
    rows = register(session, event, stays, leaves)
    keys = [(row.id, row.link_key, row.registered_at) for row in rows]
    for sme in (stays, leaves):
        events.withdraw(session, "ann", event.id, sme.id)
    leaves.status = SmeStatus.PAUSED
    session.flush()

    def again(place: int, sme_id: int) -> Registration:
        number, key, since = keys[place]
        return Registration(id=number, event_id=event.id, sme_id=sme_id, link_key=key, registered_at=since)

    withdrawals.undo(session, Settings(), "ann", again(0, stays.id))
    with pytest.raises(ConflictError, match="no longer be undone"):
        withdrawals.undo(session, Settings(), "ann", again(0, stays.id))
    with pytest.raises(ConflictError, match="no longer be undone"):
        withdrawals.undo(session, Settings(), "ann", again(1, leaves.id))
    assert [(row.id, row.link_key) for row in session.exec(select(Registration))] == [keys[0][:2]]


def test_an_unknown_event_is_not_found(session: Session) -> None:
    with pytest.raises(NotFoundError, match="There is no event 99"):
        events.register(session, "ann", 99, [1])


def test_paused_and_expired_smes_are_not_offered_for_registration(session: Session) -> None:
    stays = make_sme(session, city="rome", status=SmeStatus.DRAFT)
    elsewhere = make_sme(session, city="linz")
    for status in (SmeStatus.PAUSED, SmeStatus.EXPIRED):
        make_sme(session, city="rome", status=status)
    assert events.can_register(session) == [stays.id, elsewhere.id]
    assert events.can_register(session, "rome") == [stays.id]


def test_who_withdrew_from_matching_is_not_offered_for_registration(session: Session) -> None:
    left, only_mails, stays = make_sme(session), make_sme(session), make_sme(session, consents=())
    profiles.withdraw_consent(session, left, [Purpose.MATCHING], "test")
    profiles.withdraw_consent(session, only_mails, [Purpose.MAILING], "test")
    session.flush()
    assert events.can_register(session) == [only_mails.id, stays.id]

"""The zone of an event: its dates are typed, read and told in it."""

from datetime import timedelta
from typing import cast

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.domain import approvals, mailings, zones
from broker.domain.queries.mailings import plan_view, preview
from broker.errors import ConflictError, InvalidError
from broker.models import City, Email, EmailStatus, Mailing, MailingKind, Shortlist
from tests.domain.mail_rows import add_mail, approved_lists, mailed_pair, plan, set_clock, utc, workshop
from tests.factories import make_shortlists, make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
SHORTLIST, REMINDER, LAST_CALL = MailingKind.SHORTLIST, MailingKind.REMINDER, MailingKind.LAST_CALL
TODAY = utc("2027-03-10 21:30")
FORM = {"reminder": "2027-03-23T09:00", "opens": "08:00", "closes": "20:00"}


def due(session: Session) -> dict[MailingKind, str]:
    return {row.kind: f"{row.due_at:%Y-%m-%d %H:%M}" for row in session.exec(select(Mailing))}


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("Europe/Berlin", "Berlin time"),
        ("Europe/Lisbon", "Lisbon time"),
        ("America/New_York", "New York time"),
        ("UTC", "UTC"),
    ],
)
def test_a_zone_is_told_by_name(session: Session, zone: str, label: str) -> None:
    event = workshop(session)
    event.zone = zone
    assert zones.of_event(event, session.get_one(City, "berlin")).label == label


def test_the_citys_zone_has_the_citys_name(session: Session) -> None:
    event, city = workshop(session), session.get_one(City, "pilsen")
    event.zone = city.timezone
    assert zones.of_event(event, city).label == "Pilsen time"


def test_dates_are_read_in_the_zone_of_the_same_form(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, TODAY)
    event = workshop(session)
    mailings.save(session, "ann", event.id, FORM)
    session.flush()
    assert due(session) == {REMINDER: "2027-03-23 08:00"}
    mailings.save(session, "ann", event.id, FORM | {"zone": "Europe/Lisbon"})
    session.flush()
    assert due(session) == {REMINDER: "2027-03-23 09:00"}
    assert (event.zone, plan_view(session, event).fields["reminder"]) == ("Europe/Lisbon", "2027-03-23T09:00")


def test_a_date_that_has_passed_stays_whatever_the_zone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    event = workshop(session)
    plan(session, event, REMINDER, utc("2027-03-23 08:00"))
    set_clock(monkeypatch, utc("2027-03-24 08:00"))
    mailings.save(session, "ann", event.id, FORM | {"zone": "UTC", "last_call": "2027-03-28T09:00"})
    session.flush()
    assert due(session) == {REMINDER: "2027-03-23 08:00", LAST_CALL: "2027-03-28 09:00"}


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "x" * 300])
def test_what_is_no_zone_is_refused(session: Session, zone: str) -> None:
    event = workshop(session)
    with pytest.raises(InvalidError, match="Time zone: expected a name such as Europe/Berlin"):
        mailings.save(session, "ann", event.id, FORM | {"zone": zone})


def test_the_zones_of_the_cities_can_be_chosen_and_the_one_that_stands(session: Session) -> None:
    event = workshop(session)
    offered = plan_view(session, event).zones
    assert len(offered) == 12
    assert offered[-1] == ("UTC", "UTC")
    assert ("Europe/Vienna", "Linz (Europe/Vienna)") in offered
    event.zone = "Asia/Tokyo"
    assert plan_view(session, event).zones == [("Asia/Tokyo", "Asia/Tokyo"), *offered]


def test_mails_tell_the_events_times_in_its_zone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, TODAY)
    event = workshop(session)
    event.zone = "Europe/Lisbon"
    mailed_pair(session, event)
    for kind in (REMINDER, LAST_CALL):
        message = preview(session, SETTINGS, event, kind).message
        assert message is not None
        for part in message.iter_parts():
            assert "30 March, 08:30 (Lisbon time)" in cast(str, part.get_content())


def test_after_undated_shortlists_were_stopped_an_older_plan_can_still_be_saved(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = workshop(session)
    plan(session, event, REMINDER, utc("2027-03-23 08:00"))
    set_clock(monkeypatch, utc("2027-03-24 08:00"))
    mailings.stop(session, "ann", event.id, SHORTLIST)
    session.flush()
    fields = plan_view(session, event).fields | {"last_call": "2027-03-28T10:00"}
    mailings.save(session, "ann", event.id, fields)
    session.flush()
    assert due(session)[LAST_CALL] == "2027-03-28 08:00"


def test_a_stopped_reminder_keeps_no_last_call_and_is_not_sent_after_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    plan(session, event, REMINDER, utc("2027-03-22 09:00"))
    plan(session, event, LAST_CALL, utc("2027-03-26 09:00"))
    set_clock(monkeypatch, utc("2027-03-22 09:00"))
    assert mailings.write_due(session, SETTINGS) == 2
    mailings.stop(session, "ann", event.id, REMINDER)
    set_clock(monkeypatch, utc("2027-03-26 09:00"))
    assert mailings.write_due(session, SETTINGS) == 2
    written = [row.kind for row in session.exec(select(Email).where(Email.message != b"").order_by("id"))]
    assert written == ["reminder", "reminder", "last_call", "last_call"]


def test_no_reminder_is_written_after_a_last_call(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    event = workshop(session)
    ada, bea = mailed_pair(session, event)
    plan(session, event, REMINDER, utc("2027-03-22 09:00"))
    add_mail(session, event, ada, kind="last_call", sent_at=utc("2027-03-26 09:00"))
    set_clock(monkeypatch, utc("2027-03-27 09:00"))
    assert mailings.write_due(session, SETTINGS) == 1
    assert session.exec(select(Email.sme_id).where(Email.kind == "reminder")).all() == [bea.id]


def test_nobody_approves_what_could_not_leave_before_the_answers_close(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = workshop(session)
    one, other = make_sme(session, city="lisbon"), make_sme(session, city="tallinn")
    register(session, event, one, other)
    make_shortlists(session, event, (one, other))
    plan(session, event, SHORTLIST, utc("2027-03-16 08:00"))
    set_clock(monkeypatch, utc("2027-03-29 21:30"))  # until 7:30, it is 8:00 in Tallinn, and not in Lisbon
    event.opens = 9 * 60
    with pytest.raises(ConflictError, match=r"do not open again before the answers close, in: Lisbon\. Widen them"):
        approvals.approve(session, SETTINGS, "ann", event.id)
    assert session.exec(select(Email)).all() == []
    assert {row.status for row in session.exec(select(Shortlist))} == {"draft"}


def test_no_plan_strands_shortlists_that_wait(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, TODAY)
    event = workshop(session)
    one, other = make_sme(session), make_sme(session)
    register(session, event, one, other)
    approved_lists(session, event, (one, other))
    add_mail(session, event, one, status=EmailStatus.QUEUED)
    late = FORM | {"reminder": "", "shortlist": "2027-03-29T21:00", "opens": "10:00"}
    with pytest.raises(InvalidError, match=r"Shortlists wait already\. The send hours do not open again"):
        mailings.save(session, "ann", event.id, late)
    mailings.save(session, "ann", event.id, late | {"opens": "08:00"})
    session.flush()
    moved = session.exec(select(Email)).one()
    assert moved.next_at == utc("2027-03-30 06:00")
    assert event.answers_until - moved.next_at == timedelta(minutes=90)

"""Introductions can be seen before they are made, and stopped: none slips through, none is lost."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import interests, mailings, relay
from broker.domain.queries.mailings import plan_view, preview
from broker.models import (
    Answer,
    AuditEntry,
    Contact,
    Email,
    EmailStatus,
    Event,
    Introduction,
    Mailing,
    MailingKind,
    Registration,
    Shortlist,
    ShortlistStatus,
)
from tests.domain.mail_rows import approved_lists
from tests.factories import make_event, make_shortlists, make_sme, register
from tests.races import behind

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
INTRODUCTION = MailingKind.INTRODUCTION


@pytest.fixture
def pair(session: Session) -> list[Registration]:
    """Two SMEs on each other's approved shortlist, of which the first has said yes."""
    event, a, b = make_event(session), make_sme(session, "Ada", website="https://ada.example"), make_sme(session, "Bea")
    registrations = register(session, event, a, b)
    approved_lists(session, event, (a, b))
    say_yes(session, registrations[0], registrations[1])
    session.commit()
    return registrations


def say_yes(session: Session, who: Registration, partner: Registration) -> Introduction | None:
    return interests.express(session, SETTINGS, who, partner.sme_id, Answer.INTERESTED)


def states(session: Session) -> list[tuple[EmailStatus, str]]:
    session.expire_all()
    mails = select(Email).where(Email.kind == "introduction").order_by("id")
    return [(email.status, email.error) for email in session.exec(mails)]


HELD = [(EmailStatus.HELD, "Stopped by the organiser.")] * 2
QUEUED = [(EmailStatus.QUEUED, "")] * 2


def test_while_stopped_introductions_are_written_and_held_and_a_resume_queues_them(
    session: Session, pair: list[Registration]
) -> None:
    event_id = pair[0].event_id
    mailings.stop(session, "ann", event_id, INTRODUCTION)
    assert say_yes(session, pair[1], pair[0]) is not None
    assert states(session) == HELD
    mailings.resume(session, "ann", event_id, INTRODUCTION)
    assert states(session) == QUEUED
    assert [(email.zone, email.opens, email.closes) for email in session.exec(select(Email))] == [("", 0, 1440)] * 2
    told = [(entry.action, entry.detail) for entry in session.exec(select(AuditEntry)) if "mailing." in entry.action]
    assert told == [
        ("mailing.stop", {"kind": "introduction", "held": 0}),
        ("mailing.resume", {"kind": "introduction", "queued": 2}),
    ]


def test_a_stop_holds_introductions_that_wait(session: Session, pair: list[Registration]) -> None:
    say_yes(session, pair[1], pair[0])
    mailings.stop(session, "ann", pair[0].event_id, INTRODUCTION)
    assert states(session) == HELD


def test_what_failed_while_it_was_stopped_is_held_by_the_next_sweep_also_after_the_answers_closed(
    session: Session, pair: list[Registration]
) -> None:
    say_yes(session, pair[1], pair[0])
    mailings.stop(session, "ann", pair[0].event_id, INTRODUCTION)
    for email in session.exec(select(Email)):
        email.status, email.error = EmailStatus.QUEUED, "later"
    session.get_one(Event, pair[0].event_id).answers_until = now(session) - timedelta(hours=1)
    session.flush()
    assert mailings.write_due(session, SETTINGS) == 0
    assert states(session) == HELD


def test_resumed_introductions_leave_at_any_hour(
    database: Database, session: Session, pair: list[Registration]
) -> None:
    event = session.get_one(Event, pair[0].event_id)
    event.opens, event.closes = 0, 1
    mailings.stop(session, "ann", event.id, INTRODUCTION)
    say_yes(session, pair[1], pair[0])
    mailings.resume(session, "ann", event.id, INTRODUCTION)
    session.commit()
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=2)


def test_a_plan_is_saved_without_a_date_for_introductions_and_keeps_their_stop(
    session: Session, pair: list[Registration]
) -> None:
    event = session.get_one(Event, pair[0].event_id)
    assert not plan_view(session, event).is_planned
    mailings.stop(session, "ann", event.id, INTRODUCTION)
    view = plan_view(session, event)
    assert not view.is_planned
    assert "introduction" not in view.fields
    assert view.fields["reminder"] != ""
    mailings.save(session, "ann", event.id, view.fields)
    session.flush()
    stopped = {row.kind: row.stopped_at is not None for row in session.exec(select(Mailing))}
    assert stopped == {kind: kind == INTRODUCTION for kind in MailingKind}


def test_an_introduction_behind_a_stop_is_held(database: Database, session: Session, pair: list[Registration]) -> None:
    mailings.stop(session, "ann", pair[0].event_id, INTRODUCTION)
    behind(database, session, lambda other: say_yes(other, pair[1], pair[0]))
    assert states(session) == HELD


def test_a_stop_behind_an_introduction_holds_it(database: Database, session: Session, pair: list[Registration]) -> None:
    say_yes(session, pair[1], pair[0])
    behind(database, session, lambda other: mailings.stop(other, "ann", pair[0].event_id, INTRODUCTION))
    assert states(session) == HELD


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_introductions_of_an_event_do_not_wait_for_each_other(
    database: Database, session: Session, pair: list[Registration]
) -> None:
    """On SQLite one writes at a time anyway."""
    event = session.get_one(Event, pair[0].event_id)
    c, d = make_sme(session), make_sme(session)
    others = register(session, event, c, d)
    make_shortlists(session, event, (c, d))
    for shortlist in session.exec(select(Shortlist)):
        shortlist.status = ShortlistStatus.APPROVED
    say_yes(session, others[0], others[1])
    session.commit()
    say_yes(session, pair[1], pair[0])
    with database.write() as other:  # while the first is open
        assert say_yes(other, others[1], others[0]) is not None
    session.commit()
    assert states(session) == QUEUED * 2


@pytest.mark.parametrize("status", [ShortlistStatus.DRAFT, ShortlistStatus.APPROVED])
def test_before_the_first_a_sample_is_shown_that_gives_no_contact_away(
    database: Database, session: Session, pair: list[Registration], status: ShortlistStatus
) -> None:
    for shortlist in session.exec(select(Shortlist)):
        shortlist.status = status
    session.commit()
    with database.read() as reading:
        event = reading.get_one(Event, pair[0].event_id)
        shown = preview(reading, SETTINGS, event, INTRODUCTION, pair[1].sme_id)
        addresses = reading.exec(select(Contact.email)).all()
    assert shown.is_sample
    assert [one.id for one in shown.addressees] == [pair[0].sme_id, pair[1].sme_id]
    assert (shown.leaves_at, shown.message is not None) == (None, True)
    assert shown.message is not None
    assert shown.message["Subject"] == "Bea, meet Ada"
    for part in shown.message.iter_parts():
        text = part.get_content()
        assert "their.address@firm.example" in text
        assert "https://match.example/u/preview" in text
        assert not any(hidden in text for hidden in (*addresses, "ada.example"))
    assert session.exec(select(Introduction)).all() == []
    assert session.exec(select(Email)).all() == []


def test_who_was_introduced_is_shown_what_they_got(
    database: Database, session: Session, pair: list[Registration]
) -> None:
    say_yes(session, pair[1], pair[0])
    session.commit()
    with database.read() as reading:
        event = reading.get_one(Event, pair[0].event_id)
        shown = preview(reading, SETTINGS, event, INTRODUCTION, pair[1].sme_id)
        theirs = reading.exec(select(Contact.email).where(Contact.sme_id == pair[0].sme_id)).one()
    assert not shown.is_sample
    assert shown.message is not None
    plain, html = (part.get_content() for part in shown.message.iter_parts())
    assert theirs in plain
    assert theirs in html
    assert "https://ada.example" in plain

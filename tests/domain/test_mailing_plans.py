"""The organiser's plan: what it may say, what moves with it, what a stop holds and a resume lets go."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database
from broker.domain import approvals, mailings, outbox, subscriptions
from broker.domain.queries.mailings import plan_view, preview
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    AuditEntry,
    City,
    Contact,
    Email,
    EmailStatus,
    Event,
    Mailing,
    MailingKind,
    Registration,
    Shortlist,
    ShortlistStatus,
    Sme,
)
from tests.domain.mail_rows import add_mail, approved_lists, mailed_pair, plan, set_clock, utc, workshop
from tests.factories import make_account, make_shortlists, make_sme, register
from tests.races import behind

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
SHORTLIST, REMINDER = MailingKind.SHORTLIST, MailingKind.REMINDER
LAST_CALL, SUMMARY = MailingKind.LAST_CALL, MailingKind.SUMMARY
TODAY = utc("2027-03-10 21:30")
FORM = {
    "shortlist": "2027-03-16T09:00",
    "reminder": "2027-03-23T09:00",
    "last_call": "2027-03-28T09:00",
    "summary": "2027-03-29T09:00",
    "opens": "08:00",
    "closes": "20:00",
    "zone": "Europe/Berlin",
}


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock, which stands at TODAY."""
    set_clock(monkeypatch, TODAY)
    return lambda moment: set_clock(monkeypatch, moment)


def save(session: Session, event: Event, **changes: str) -> None:
    mailings.save(session, "ann", event.id, FORM | changes)
    session.flush()
    session.expire_all()


def with_drafts(session: Session, cities: tuple[str, str] = ("lisbon", "tallinn")) -> tuple[Event, Sme, Sme]:
    event = workshop(session)
    one, other = (make_sme(session, city=city) for city in cities)
    register(session, event, one, other)
    make_shortlists(session, event, (one, other))
    return event, one, other


def approve(session: Session, event: Event) -> list[Email]:
    approvals.approve(session, SETTINGS, "ann", event.id)
    session.flush()
    session.expire_all()
    return mails(session)


def mails(session: Session) -> list[Email]:
    session.expire_all()
    return list(session.exec(select(Email).order_by(col(Email.id))))


def test_dates_are_those_of_the_city_summer_time_or_not(session: Session, at: object) -> None:
    event = workshop(session)
    save(session, event, opens="09:30", closes="00:00")
    assert {row.kind: row.due_at for row in session.exec(select(Mailing))} == {
        SHORTLIST: utc("2027-03-16 08:00"),
        REMINDER: utc("2027-03-23 08:00"),
        LAST_CALL: utc("2027-03-28 07:00"),
        SUMMARY: utc("2027-03-29 07:00"),
    }
    assert (event.opens, event.closes) == (570, 1440)
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "mailings.plan")).one()
    assert (entry.actor, entry.subject) == ("ann", f"event {event.id}")
    assert entry.detail["reminder"] == "2027-03-23T08:00:00+00:00"


def test_what_is_saved_is_what_the_form_shows_again(session: Session, at: object) -> None:
    event = workshop(session)
    save(session, event, closes="00:00", last_call="")
    view = plan_view(session, event)
    assert view.is_planned
    assert view.fields == FORM | {"closes": "00:00", "last_call": ""}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reminder": "soon"}, "Reminder: expected a date and time such as"),
        ({"last_call": "2027-03-30T09:30"}, "Last call: must be before the answers close, 30 March 2027, 09:30."),
        ({"summary": "2027-03-30T17:30"}, "Summary: must be before the event ends, 30 March 2027, 17:30."),
        ({"shortlist": "2027-03-10T22:29"}, "Shortlist: that time has passed."),
        ({"reminder": "2027-03-16T09:00"}, "Reminder: must be later than the shortlist."),
        ({"reminder": "", "last_call": "2027-03-16T08:59"}, "Last call: must be later than the shortlist."),
        ({"opens": ""}, "Send hours: expected two times"),
        ({"closes": "25:00"}, "Send hours: expected two times"),
        ({"opens": "20:00", "closes": "08:00"}, "Send hours: the end must be at least an hour after the beginning."),
        ({"opens": "08:00", "closes": "08:59"}, "Send hours: the end must be at least an hour after the beginning."),
    ],
)
def test_a_plan_that_cannot_be_says_which_field(
    session: Session, at: object, changes: dict[str, str], told: str
) -> None:
    event = workshop(session)
    with pytest.raises(InvalidError, match=told.replace(".", r"\.")):
        mailings.save(session, "ann", event.id, FORM | changes)


def test_a_date_that_has_passed_may_stay(session: Session, at: Callable[[datetime], None]) -> None:
    event = workshop(session)
    save(session, event)
    at(utc("2027-03-24 09:00"))
    save(session, event, last_call="2027-03-28T10:00")
    assert mailings.by_kind(session, event.id)[LAST_CALL].due_at == utc("2027-03-28 08:00")
    with pytest.raises(InvalidError, match="Reminder: that time has passed"):
        save(session, event, reminder="2027-03-23T10:00")


def test_the_minute_that_is_running_has_not_passed(session: Session, at: Callable[[datetime], None]) -> None:
    event = workshop(session)
    at(utc("2027-03-16 08:00") + timedelta(seconds=59))
    save(session, event)
    assert mailings.by_kind(session, event.id)[SHORTLIST].due_at == utc("2027-03-16 08:00")


def test_the_form_proposes_what_lies_ahead_and_nothing_is_planned_by_it(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    proposed = {"shortlist": "2027-03-16T09:00", "reminder": "2027-03-23T09:00"}
    last = {"last_call": "2027-03-28T09:00", "summary": "2027-03-29T09:00"}
    hours = {"opens": "08:00", "closes": "20:00", "zone": "Europe/Berlin"}
    assert plan_view(session, event).fields == proposed | last | hours
    at(utc("2027-03-25 09:00"))
    assert plan_view(session, event).fields == {"shortlist": "", "reminder": ""} | last | hours
    assert session.exec(select(Mailing)).all() == []


def test_where_shortlists_were_mailed_no_date_is_proposed_for_them(session: Session, at: object) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    fields = plan_view(session, event).fields
    assert (fields["shortlist"], fields["reminder"]) == ("", "2027-03-23T09:00")


def test_without_a_date_shortlists_go_at_once_at_any_hour(session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    save(session, event, shortlist="")
    assert [(mail.next_at, mail.zone) for mail in approve(session, event)] == [(TODAY, ""), (TODAY, "")]


def test_shortlists_wait_for_their_date_and_the_hours_of_each_recipient(session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    save(session, event, shortlist="2027-03-16T07:30")
    assert [(mail.next_at, mail.zone, mail.opens, mail.closes) for mail in approve(session, event)] == [
        (utc("2027-03-16 08:00"), "Europe/Lisbon", 480, 1200),
        (utc("2027-03-16 06:30"), "Europe/Tallinn", 480, 1200),
    ]


def test_who_is_approved_after_the_date_is_mailed_at_the_next_hour(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event, *_ = with_drafts(session)
    save(session, event)
    at(utc("2027-03-18 19:30"))
    assert [mail.next_at for mail in approve(session, event)] == [utc("2027-03-18 19:30"), utc("2027-03-19 06:00")]


def test_waiting_mails_move_with_the_date_and_the_hours(session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    approve(session, event)
    save(session, event)
    assert [mail.next_at for mail in mails(session)] == [utc("2027-03-16 08:00"), utc("2027-03-16 08:00")]
    save(session, event, shortlist="2027-03-17T09:00", opens="12:00", closes="13:00")
    assert [(mail.next_at, mail.zone, mail.opens, mail.closes) for mail in mails(session)] == [
        (utc("2027-03-17 12:00"), "Europe/Lisbon", 720, 780),
        (utc("2027-03-17 10:00"), "Europe/Tallinn", 720, 780),
    ]
    save(session, event, shortlist="")
    assert [(mail.next_at, mail.zone) for mail in mails(session)] == [(TODAY, ""), (TODAY, "")]


def test_what_left_does_not_move_and_a_retry_comes_no_sooner(session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    sent, tried = approve(session, event)
    later = utc("2027-03-16 11:00")
    sent.status = EmailStatus.SENT
    tried.attempts, tried.next_at = 1, later
    session.flush()
    save(session, event)
    assert [(mail.next_at, mail.zone) for mail in mails(session)] == [(TODAY, ""), (later, "Europe/Tallinn")]


def test_a_stop_holds_what_waits_and_a_resume_queues_only_that(session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    save(session, event)
    first, _ = approve(session, event)
    first.status, first.error = EmailStatus.HELD, "Restored from a backup."
    session.flush()
    mailings.stop(session, "ann", event.id, SHORTLIST)
    mailings.stop(session, "ann", event.id, SHORTLIST)
    assert [(mail.status, mail.error) for mail in mails(session)] == [
        (EmailStatus.HELD, "Restored from a backup."),
        (EmailStatus.HELD, outbox.STOPPED),
    ]
    with pytest.raises(ConflictError, match="The organiser stopped these mails"):
        outbox.retry(session, "ann", mails(session)[1].id)
    save(session, event, shortlist="2027-03-17T09:00")
    mailings.resume(session, "ann", event.id, SHORTLIST)
    assert [(mail.status, mail.error) for mail in mails(session)] == [
        (EmailStatus.HELD, "Restored from a backup."),
        (EmailStatus.QUEUED, ""),
    ]
    assert mails(session)[1].next_at == utc("2027-03-17 08:00")
    done = [row.action for row in session.exec(select(AuditEntry)) if row.action.startswith("mailing.")]
    assert done == ["mailing.stop", "mailing.resume"]


def test_who_approves_while_stopped_writes_held_mails_and_no_second_ones(session: Session, at: object) -> None:
    event, one, other = with_drafts(session)
    save(session, event)
    mailings.stop(session, "ann", event.id, SHORTLIST)
    assert [mail.status for mail in approve(session, event)] == [EmailStatus.HELD] * 2
    make_shortlists(session, event, (one, other))
    assert approvals.approve(session, SETTINGS, "ann", event.id).unchanged == 2
    mailings.resume(session, "ann", event.id, SHORTLIST)
    assert [mail.status for mail in mails(session)] == [EmailStatus.QUEUED] * 2


def test_a_newer_list_takes_the_place_of_a_mail_that_still_waits(session: Session, at: object) -> None:
    event, one, other = with_drafts(session)
    third = make_sme(session)
    register(session, event, third)
    save(session, event)
    approve(session, event)
    make_shortlists(session, event, (one, other), (one, third))
    assert [(mail.sme_id, mail.status) for mail in approve(session, event)] == [
        (one.id, EmailStatus.SUPPRESSED),
        (other.id, EmailStatus.QUEUED),
        (one.id, EmailStatus.QUEUED),
        (third.id, EmailStatus.QUEUED),
    ]


def test_shortlists_on_their_way_at_once_can_be_stopped_too(session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    approve(session, event)
    assert [row.can_stop for row in plan_view(session, event).rows] == [True, False, False, False, True]
    mailings.stop(session, "ann", event.id, SHORTLIST)
    assert [mail.status for mail in mails(session)] == [EmailStatus.HELD] * 2


def test_a_stopped_reminder_is_not_written_and_goes_on_when_resumed(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    due = utc("2027-03-22 09:00")
    plan(session, event, REMINDER, due, stopped=True)
    at(due)
    assert mailings.write_due(session, SETTINGS) == 0
    mailings.resume(session, "ann", event.id, REMINDER)
    assert mailings.write_due(session, SETTINGS) == 2


def test_a_mail_that_was_being_sent_when_it_was_stopped_is_held_by_the_next_sweep(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event, *_ = with_drafts(session)
    save(session, event)
    sending, _ = approve(session, event)
    sending.status = EmailStatus.SENDING
    session.flush()
    mailings.stop(session, "ann", event.id, SHORTLIST)
    sending = mails(session)[0]
    assert sending.status == EmailStatus.SENDING
    sending.status = EmailStatus.QUEUED  # it failed for now
    session.flush()
    mailings.write_due(session, SETTINGS)
    assert [mail.status for mail in mails(session)] == [EmailStatus.HELD] * 2


def test_what_is_not_planned_cannot_be_stopped_or_resumed(session: Session, at: object) -> None:
    event = workshop(session)
    for act, kind in ((mailings.stop, REMINDER), (mailings.resume, SHORTLIST)):
        with pytest.raises(ConflictError, match="No mail of this kind is planned"):
            act(session, "ann", event.id, kind)
    with pytest.raises(NotFoundError):
        mailings.stop(session, "ann", 999, SHORTLIST)


def test_a_stopped_mail_is_not_left_out_of_the_plan_unseen(session: Session, at: object) -> None:
    event = workshop(session)
    save(session, event)
    mailings.stop(session, "ann", event.id, REMINDER)
    with pytest.raises(InvalidError, match="Reminder: it is stopped"):
        save(session, event, reminder="")


def test_an_approval_at_the_same_moment_finds_the_new_date(database: Database, session: Session, at: object) -> None:
    event, *_ = with_drafts(session)
    session.commit()
    mailings.save(session, "ann", event.id, FORM)
    behind(database, session, lambda other: approvals.approve(other, SETTINGS, "ann", event.id))
    assert [mail.next_at for mail in mails(session)] == [utc("2027-03-16 08:00")] * 2


def test_a_stop_at_the_moment_of_a_sweep_holds_what_the_sweep_wrote(
    database: Database, session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    due = utc("2027-03-22 09:00")
    plan(session, event, REMINDER, due)
    session.commit()
    at(due)
    mailings.write_due(session, SETTINGS)
    behind(database, session, lambda other: mailings.stop(other, "ann", event.id, REMINDER))
    reminders = [mail.status for mail in mails(session) if mail.kind == REMINDER]
    assert reminders == [EmailStatus.HELD] * 2


@pytest.mark.parametrize("status", [ShortlistStatus.DRAFT, ShortlistStatus.APPROVED])
@pytest.mark.parametrize("kind", [SHORTLIST, REMINDER, LAST_CALL])
def test_a_preview_shows_the_mail_and_nobodys_link_and_writes_nothing(
    database: Database, session: Session, at: object, kind: MailingKind, status: ShortlistStatus
) -> None:
    event, lisbon, tallinn = with_drafts(session)
    for shortlist in session.exec(select(Shortlist)):
        shortlist.status = status
    save(session, event, reminder="2027-03-23T07:00")
    session.commit()
    with database.read() as reading:
        shown = preview(reading, SETTINGS, event, kind)
        keys = reading.exec(select(Registration.link_key)).all()
    assert [one.id for one in shown.addressees] == [lisbon.id, tallinn.id]
    assert shown.chosen is not None
    assert shown.chosen.id == lisbon.id
    if kind == REMINDER:
        assert shown.leaves_at == utc("2027-03-23 08:00")
    assert shown.message is not None
    plain, html = (part.get_content() for part in shown.message.iter_parts())
    assert tallinn.name in plain
    assert "https://match.example/s/preview" in plain
    for text in (plain, html):
        assert text.count("/s/") == text.count("/s/preview")
        assert text.count("/u/") == text.count("https://match.example/u/preview") == 1
        assert not any(key in text for key in keys)
    assert "List-Unsubscribe" not in shown.message
    assert session.exec(select(Email)).all() == []


def test_the_summary_can_be_seen_before_it_is_written(session: Session, at: object) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    ann = make_account(session, city="berlin", name="Ann")
    shown = preview(session, SETTINGS, event, SUMMARY)
    assert [(one.id, one.name) for one in shown.addressees] == [(ann.id, "Ann")]
    assert shown.message is not None
    assert shown.message["Subject"] == "Berlin at Workshop: 0 of 2 answered"


def test_who_would_not_get_a_mail_has_no_preview_of_it(session: Session, at: object) -> None:
    event = workshop(session)
    assert preview(session, SETTINGS, event, REMINDER).message is None
    one, other = mailed_pair(session, event)
    stranger = make_sme(session)
    with pytest.raises(NotFoundError):
        preview(session, SETTINGS, event, REMINDER, stranger.id)
    assert [row.id for row in preview(session, SETTINGS, event, REMINDER, other.id).addressees] == [one.id, other.id]


def test_who_has_a_mail_already_is_not_told_to_get_it(session: Session, at: Callable[[datetime], None]) -> None:
    event = workshop(session)
    one, other = mailed_pair(session, event)
    add_mail(session, event, one, "reminder")
    assert [row.id for row in preview(session, SETTINGS, event, REMINDER).addressees] == [other.id]
    assert [row.id for row in preview(session, SETTINGS, event, LAST_CALL).addressees] == [one.id, other.id]


def test_every_city_with_its_zone_can_be_planned_for(session: Session, at: object) -> None:
    event = workshop(session)
    smes = [make_sme(session, city=city.code) for city in session.exec(select(City).order_by(City.code))]
    register(session, event, *smes)
    approved_lists(session, event, *((smes[0], other) for other in smes[1:]))
    assert len(preview(session, SETTINGS, event, REMINDER).addressees) == 11


@pytest.mark.parametrize("new_partner", [False, True])
def test_who_takes_an_unsubscription_back_gets_the_list_of_before_only_where_it_is_still_theirs(
    session: Session, at: object, new_partner: bool
) -> None:
    event, one, other = with_drafts(session)
    save(session, event)
    approve(session, event)
    contact = session.exec(select(Contact).where(Contact.sme_id == one.id)).one()
    subscriptions.unsubscribe(session, contact)
    if new_partner:
        third = make_sme(session)
        register(session, event, third)
        make_shortlists(session, event, (one, third), (other, third))
    else:
        make_shortlists(session, event, (one, other))
    approve(session, event)
    subscriptions.resubscribe(session, contact)
    statuses = [mail.status for mail in mails(session) if mail.sme_id == one.id]
    assert statuses == [EmailStatus.SUPPRESSED if new_partner else EmailStatus.QUEUED]


def test_a_plan_can_be_saved_after_shortlists_without_a_date_were_stopped(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event, *_ = with_drafts(session)
    approve(session, event)
    at(TODAY + timedelta(seconds=30.5))
    mailings.stop(session, "ann", event.id, SHORTLIST)
    at(TODAY + timedelta(minutes=10))
    shown = plan_view(session, event).fields
    save(session, event, **(shown | {"reminder": "2027-03-23T09:00"}))
    assert mailings.by_kind(session, event.id)[REMINDER].due_at == utc("2027-03-23 08:00")

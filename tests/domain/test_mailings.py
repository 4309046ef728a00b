"""Reminders, last calls and summaries go to whom they should, once, at their recipients' hours."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database
from broker.domain import interests, mailings
from broker.models import (
    Answer,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Event,
    Interest,
    Mailing,
    MailingKind,
    Registration,
    Role,
    Sme,
    SmeStatus,
)
from tests.domain.mail_rows import (
    add_mail,
    approved_lists,
    mailed_pair,
    plan,
    set_clock,
    utc,
    workshop,
    written,
)
from tests.factories import make_account, make_sme, register
from tests.races import behind

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
REMINDER, LAST_CALL, SUMMARY = MailingKind.REMINDER, MailingKind.LAST_CALL, MailingKind.SUMMARY
DUE = utc("2027-03-22 09:00")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock."""
    return lambda moment: set_clock(monkeypatch, moment)


def write(session: Session, limit: int = mailings.BATCH) -> int:
    return mailings.write_due(session, SETTINGS, limit)


def say(session: Session, event: Event, own: Sme, partner: Sme) -> None:
    session.add(
        Interest(event_id=event.id, sme_id=own.id, partner_id=partner.id, answer=Answer.NOT_NOW, answered_at=DUE)
    )
    session.flush()


def addressed(session: Session, kind: MailingKind) -> list[int | None]:
    return [email.sme_id for email in written(session, kind)]


def texts(email: Email) -> tuple[str, str]:
    message = message_from_bytes(email.message, policy=SMTP)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))  # type: ignore[attr-defined]
    return plain.get_content(), html.get_content()


def test_a_reminder_names_the_partners_that_wait_and_the_deadline_and_leads_to_one_page(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    ada, bea = mailed_pair(session, event, ("berlin", "lisbon"))
    plan(session, event, REMINDER, DUE)
    at(DUE)
    assert write(session) == 2
    email = written(session, REMINDER)[0]
    registration = session.exec(select(Registration).where(Registration.sme_id == ada.id)).one()
    assert (email.sme_id, email.key) == (ada.id, f"reminder:{event.id}:{ada.id}")
    assert email.subject == "Ada: one partner waits for your answer"
    assert email.deadline == event.answers_until
    for text in texts(email):
        assert "Bea" in text
        assert "Lisbon" in text
        assert "30 March, 09:30 (Berlin time)" in text
        assert interests.link(SETTINGS, registration) in text
        assert (text.count("https://match.example/s/"), text.count("https://match.example/u/")) in {(1, 1), (2, 1)}
    assert bea.id == written(session, REMINDER)[1].sme_id


def nothing(*_: object) -> None:
    """The row of the table that changes nothing."""


def answered(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    say(session, event, ada, bea)


def not_mailed(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    for email in session.exec(select(Email).where(Email.sme_id == ada.id)):
        session.delete(email)


def mail_failed(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    for email in session.exec(select(Email).where(Email.sme_id == ada.id)):
        email.status, email.sent_at = EmailStatus.FAILED, None


def mailed_23_hours_ago(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    add_mail(session, event, ada, sent_at=DUE - timedelta(hours=23))


def mailed_11_hours_ago(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    add_mail(session, event, ada, sent_at=DUE - timedelta(hours=11))


def reminded_11_hours_ago(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    add_mail(session, event, ada, "reminder", sent_at=DUE - timedelta(hours=11))


def newer_list_waits(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    add_mail(session, event, ada, status=EmailStatus.QUEUED)


def list_replaced(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    session.connection().exec_driver_sql(f"UPDATE shortlist SET status = 'replaced' WHERE sme_id = {ada.id}")


def no_consent(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    for consent in session.exec(select(Consent).where(Consent.sme_id == ada.id, Consent.purpose == "mailing")):
        consent.withdrawn_at = DUE


def no_address(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    session.exec(select(Contact).where(Contact.sme_id == ada.id)).one().email = ""


def not_registered(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    session.delete(session.exec(select(Registration).where(Registration.sme_id == ada.id)).one())


def paused(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    ada.status = SmeStatus.PAUSED


def partner_paused(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    bea.status = SmeStatus.EXPIRED


def partner_taken_off(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    session.delete(session.exec(select(Registration).where(Registration.sme_id == bea.id)).one())


def stopped(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    for row in session.exec(select(Mailing)):
        row.stopped_at = DUE


def answers_closed(session: Session, event: Event, ada: Sme, bea: Sme) -> None:
    event.answers_until = DUE - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("change", "reminded", "called"),
    [
        (nothing, True, True),
        (answered, False, False),
        (not_mailed, False, False),
        (mail_failed, False, False),
        (mailed_23_hours_ago, False, True),
        (mailed_11_hours_ago, False, False),
        (reminded_11_hours_ago, False, False),
        (newer_list_waits, False, False),
        (list_replaced, False, False),
        (no_consent, False, False),
        (no_address, False, False),
        (not_registered, False, False),
        (paused, False, False),
        (partner_paused, False, False),
        (partner_taken_off, False, False),
        (stopped, False, False),
        (answers_closed, False, False),
    ],
)
def test_who_is_reminded_and_called(
    session: Session,
    at: Callable[[datetime], None],
    change: Callable[[Session, Event, Sme, Sme], None],
    reminded: bool,
    called: bool,
) -> None:
    at(DUE)
    for kind, expected in ((REMINDER, reminded), (LAST_CALL, called)):
        event = workshop(session)
        ada, bea = make_sme(session), make_sme(session)
        register(session, event, ada, bea)
        approved_lists(session, event, (ada, bea))
        add_mail(session, event, ada, sent_at=DUE - timedelta(hours=24))
        plan(session, event, kind, DUE)
        change(session, event, ada, bea)
        session.flush()
        write(session)
        assert addressed(session, kind) == [ada.id] * expected


def test_who_has_answered_about_one_of_two_partners_is_not_reminded_but_called_about_the_other(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    ada, bea, cem = (make_sme(session, name) for name in ("Ada", "Bea", "Cem"))
    register(session, event, ada, bea, cem)
    approved_lists(session, event, (ada, bea), (ada, cem))
    add_mail(session, event, ada, sent_at=utc("2027-03-15 09:00"))
    say(session, event, ada, bea)
    plan(session, event, REMINDER, DUE)
    plan(session, event, LAST_CALL, DUE)
    at(DUE)
    assert write(session) == 1
    (email,) = written(session, LAST_CALL)
    assert email.subject == "Answers close in 8 days: one partner of Ada without an answer"
    for text in texts(email):
        assert "Cem" in text
        assert "Bea" not in text
        assert "Tuesday 30 March, 09:30 (Berlin time)" in text


@pytest.mark.parametrize("kind", [REMINDER, LAST_CALL])
def test_what_others_said_about_its_partners_keeps_no_sme_from_being_reminded(
    session: Session, at: Callable[[datetime], None], kind: MailingKind
) -> None:
    event = workshop(session)
    ada, bea = mailed_pair(session, event)
    other = make_sme(session, "Cyd")
    say(session, event, other, bea)
    say(session, event, bea, ada)
    plan(session, event, kind, DUE)
    at(DUE)
    write(session)
    assert addressed(session, kind) == [ada.id]


def test_nothing_is_written_before_its_date(session: Session, at: Callable[[datetime], None]) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    plan(session, event, REMINDER, DUE)
    at(DUE - timedelta(seconds=1))
    assert write(session) == 0


def test_each_is_written_once_however_often_the_sweep_comes(session: Session, at: Callable[[datetime], None]) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    make_account(session, city="berlin")
    for kind in (REMINDER, LAST_CALL, SUMMARY):
        plan(session, event, kind, DUE)
    at(DUE)
    # The reminders are on their way now, so the last calls wait for twelve hours after they were sent.
    assert [write(session) for _ in range(3)] == [3, 0, 0]
    for email in written(session, REMINDER):
        email.status, email.sent_at = EmailStatus.SENT, DUE
    session.flush()
    at(DUE + timedelta(hours=12, seconds=1) - timedelta(hours=2))
    assert write(session) == 0
    at(DUE + timedelta(days=1))
    assert [write(session) for _ in range(3)] == [2, 0, 0]
    assert len(written(session, SUMMARY)) == 1


def test_a_sweep_writes_no_more_than_its_limit_and_the_next_goes_on(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    smes = [make_sme(session) for _ in range(5)]
    register(session, event, *smes)
    approved_lists(session, event, *((smes[0], other) for other in smes[1:]))
    for sme in smes:
        add_mail(session, event, sme, sent_at=utc("2027-03-15 09:00"))
    plan(session, event, REMINDER, DUE)
    at(DUE)
    assert [write(session, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert addressed(session, REMINDER) == [sme.id for sme in smes]


def test_two_sweeps_at_once_write_each_mail_once_and_neither_fails(
    database: Database, session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    make_account(session, city="berlin")
    plan(session, event, REMINDER, DUE)
    plan(session, event, SUMMARY, DUE)
    session.commit()
    at(DUE)
    first = write(session)
    assert (first, behind(database, session, write)) == (3, 0)
    assert len(session.exec(select(Email).where(Email.message != b"")).all()) == 3


def test_who_is_registered_and_mailed_late_gets_a_reminder_of_its_own(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    ada, _bea = mailed_pair(session, event)
    plan(session, event, REMINDER, DUE)
    at(DUE)
    assert write(session) == 2
    late = make_sme(session, "Late")
    register(session, event, late)
    approved_lists(session, event, (late, ada))
    sent = utc("2027-03-24 10:00")
    add_mail(session, event, late, sent_at=sent)
    at(sent + timedelta(hours=23))
    assert write(session) == 0
    at(sent + timedelta(hours=24))
    assert write(session) == 1
    assert addressed(session, REMINDER)[-1] == late.id


def test_recipients_in_lisbon_and_tallinn_are_written_to_at_their_own_hours(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    lisbon, tallinn = mailed_pair(session, event, ("lisbon", "tallinn"))
    plan(session, event, REMINDER, utc("2027-03-22 05:00"))
    written_at: dict[int | None, datetime] = {}
    for minute in range(0, 5 * 60, 10):
        moment = utc("2027-03-22 05:00") + timedelta(minutes=minute)
        at(moment)
        if write(session):
            written_at |= {sme_id: moment for sme_id in addressed(session, REMINDER) if sme_id not in written_at}
    assert written_at == {tallinn.id: utc("2027-03-22 06:00"), lisbon.id: utc("2027-03-22 08:00")}
    assert [(email.zone, email.opens, email.closes) for email in written(session, REMINDER)] == [
        ("Europe/Tallinn", 480, 1200),
        ("Europe/Lisbon", 480, 1200),
    ]


@pytest.mark.parametrize("change", ["2026-10-25", "2027-03-28"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Lisbon"])
def test_none_is_early_where_the_clocks_change_between_plan_and_send(
    session: Session, at: Callable[[datetime], None], change: str, zone: str
) -> None:
    city = zone.rpartition("/")[2].lower()
    midnight = datetime.fromisoformat(change).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    starts = midnight + timedelta(days=2, hours=9)
    event = workshop(session)
    event.starts_at = event.answers_until = starts
    event.ends_at = starts + timedelta(hours=8)
    mailed_pair(session, event, (city, city))
    for email in session.exec(select(Email)):
        email.sent_at = midnight - timedelta(days=9)
    at(midnight - timedelta(days=7))
    fields = {"reminder": f"{change}T05:00", "opens": "08:00", "closes": "20:00"}
    mailings.save(session, "ann", event.id, fields)
    moment = midnight.astimezone(ZoneInfo("UTC"))
    for _ in range(24 * 12):
        moment += timedelta(minutes=5)
        at(moment)
        if write(session):
            break
    assert f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == f"{change} 08:00"
    assert {email.next_at for email in written(session, REMINDER)} == {moment}


def test_the_summary_tells_a_broker_how_her_smes_stand(session: Session, at: Callable[[datetime], None]) -> None:
    event = workshop(session)
    ada, bea = mailed_pair(session, event, ("berlin", "pilsen"))
    silent = make_sme(session, "Silent GmbH")
    register(session, event, silent)
    add_mail(session, event, silent, status=EmailStatus.FAILED).error = "550 no such user"
    approved_lists(session, event, (silent, bea))
    ann = make_account(session, city="berlin", name="Ann")
    make_account(session, city="rome")
    make_account(session, Role.ORGANISER)
    at(utc("2027-03-20 09:00"))
    for own, other in ((ada, bea), (bea, ada)):
        registration = session.exec(select(Registration).where(Registration.sme_id == own.id)).one()
        interests.express(session, SETTINGS, registration, other.id, Answer.INTERESTED)
    plan(session, event, SUMMARY, DUE)
    at(DUE)
    assert write(session) == 1
    (email,) = written(session, SUMMARY)
    assert (email.key, email.to_address, email.sme_id) == (f"summary:{event.id}:{ann.id}", ann.email, None)
    assert email.subject == "Berlin at Workshop: 1 of 2 answered"
    plain, html = texts(email)
    assert "- Silent GmbH (1 partner)" in plain
    assert "- Silent GmbH, Shortlist: 550 no such user" in plain
    assert "- Ada and Bea" in plain
    assert "- Ada (1 of 1)" in plain
    assert "https://match.example/smes" in plain
    for told in ("Silent GmbH", "550 no such user", "Ada", "Bea", "1 of 1"):
        assert told in html


def test_a_summary_is_written_after_the_answers_closed_until_the_event_ends(
    session: Session, at: Callable[[datetime], None]
) -> None:
    event = workshop(session)
    mailed_pair(session, event)
    make_account(session, city="berlin")
    plan(session, event, SUMMARY, DUE)
    at(event.ends_at + timedelta(seconds=1))
    assert write(session) == 0
    at(event.ends_at - timedelta(hours=1))
    assert write(session) == 1


def test_a_mail_that_cannot_be_written_keeps_no_other_from_being_so(
    session: Session, at: Callable[[datetime], None], caplog: pytest.LogCaptureFixture
) -> None:
    event = workshop(session)
    ada, bea = mailed_pair(session, event, ("berlin", "lisbon"))
    plan(session, event, REMINDER, DUE)
    session.exec(select(Contact).where(Contact.sme_id == ada.id)).one().email = "žofie@firm.example"
    at(DUE)
    assert write(session) == 1
    assert [email.sme_id for email in written(session, REMINDER)] == [bea.id]
    assert caplog.messages == [f"mail reminder:{event.id}:{ada.id} cannot be written: InvalidError"]

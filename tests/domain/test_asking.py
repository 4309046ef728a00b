"""Who has answered nothing is reminded when the organiser asks, once, and not again within a day."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.domain import mailings, profiles
from broker.errors import ConflictError
from broker.models import (
    Answer,
    AuditEntry,
    Contact,
    EmailStatus,
    Event,
    Interest,
    MailingKind,
    Purpose,
    Sme,
    SmeStatus,
)
from tests.domain.mail_rows import add_mail, approved_lists, mailed_pair, plan, set_clock, utc, workshop, written
from tests.factories import make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
NOW = utc("2027-03-22 10:00")
REMINDER = MailingKind.REMINDER


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock."""
    return lambda moment: set_clock(monkeypatch, moment)


def remind(session: Session, event: Event, *smes: Sme) -> mailings.Asked:
    return mailings.remind(session, SETTINGS, "ann", event.id, [sme.id for sme in smes] or None)


def keys(session: Session) -> list[str]:
    return [mail.key for mail in written(session, REMINDER)]


def test_all_that_answered_nothing_get_one_reminder_each_and_the_plan_writes_no_second(
    session: Session, at: Callable[[datetime], None]
) -> None:
    at(NOW)
    event = workshop(session)
    ada, bea = mailed_pair(session, event)
    session.add(Interest(event_id=event.id, sme_id=bea.id, partner_id=ada.id, answer=Answer.NOT_NOW, answered_at=NOW))
    plan(session, event, REMINDER, NOW)
    session.flush()

    assert remind(session, event) == mailings.Asked(written=1, passed_over=0, left=0)
    assert remind(session, event) == mailings.Asked(written=0, passed_over=1, left=0)
    assert mailings.write_due(session, SETTINGS) == 0

    [mail] = written(session, REMINDER)
    assert (mail.key, mail.sme_id, mail.status) == (f"reminder:{event.id}:{ada.id}", ada.id, EmailStatus.QUEUED)
    assert (mail.opens, mail.closes, mail.zone) == (8 * 60, 20 * 60, "Europe/Berlin")
    asked = session.exec(select(AuditEntry).where(AuditEntry.action == "mailing.remind")).all()
    assert [entry.detail for entry in asked] == [{"mails": 1}, {"mails": 0}]


def test_whoever_was_reminded_a_day_ago_can_be_reminded_again_with_a_key_of_its_own(
    session: Session, at: Callable[[datetime], None]
) -> None:
    at(NOW)
    event = workshop(session)
    ada, bea = mailed_pair(session, event)
    add_mail(session, event, ada, "reminder", sent_at=NOW - timedelta(hours=23))
    add_mail(session, event, bea, "reminder", sent_at=NOW - timedelta(hours=24))

    assert remind(session, event) == mailings.Asked(written=1, passed_over=1, left=0)
    assert keys(session) == [f"reminder:{event.id}:{bea.id}:2"]


def test_only_the_chosen_are_reminded(session: Session, at: Callable[[datetime], None]) -> None:
    at(NOW)
    event = workshop(session)
    ada, _ = mailed_pair(session, event)
    assert remind(session, event, ada) == mailings.Asked(written=1, passed_over=0, left=0)
    assert keys(session) == [f"reminder:{event.id}:{ada.id}"]


def test_each_that_cannot_be_reminded_has_its_reason(session: Session, at: Callable[[datetime], None]) -> None:
    at(NOW)
    event = workshop(session)
    names = ("Asked", "Free", "Fresh", "Gone", "Mute", "Queued", "Refuses", "Unsent")
    firms = {name: make_sme(session, name) for name in names}
    partner = make_sme(session, "Partner")
    register(session, event, partner, *firms.values())
    approved_lists(session, event, *((firm, partner) for firm in firms.values()))
    for name, firm in firms.items():
        hours = 3 if name == "Fresh" else 100
        if name != "Unsent":
            add_mail(session, event, firm, sent_at=NOW - timedelta(hours=hours))
    add_mail(session, event, firms["Asked"], "last_call", sent_at=NOW - timedelta(hours=2))
    add_mail(session, event, firms["Queued"], "reminder", EmailStatus.QUEUED)
    firms["Gone"].status = SmeStatus.PAUSED
    session.delete(session.exec(select(Contact).where(Contact.sme_id == firms["Mute"].id)).one())
    profiles.withdraw_consent(session, firms["Refuses"], [Purpose.MAILING], "test")
    session.add(Interest(event_id=event.id, sme_id=partner.id, partner_id=1, answer=Answer.NOT_NOW, answered_at=NOW))
    session.flush()

    assert {row.name: row.hindrance for row in mailings.silent(session, event.id)} == {
        "Asked": "reminded less than a day ago",
        "Free": "",
        "Fresh": "its shortlist left less than a day ago",
        "Gone": "takes no part any more",
        "Mute": "no e-mail address",
        "Queued": "a mail is on its way",
        "Refuses": "has not agreed to be mailed",
        "Unsent": "its shortlist has not left yet",
    }
    assert remind(session, event) == mailings.Asked(written=1, passed_over=7, left=0)
    assert keys(session) == [f"reminder:{event.id}:{firms['Free'].id}"]


def test_nobody_is_reminded_too_late_or_while_reminders_are_stopped(
    session: Session, at: Callable[[datetime], None]
) -> None:
    at(NOW)
    event = workshop(session)
    mailed_pair(session, event)
    stopped = plan(session, event, REMINDER, NOW, stopped=True)
    with pytest.raises(ConflictError, match="Reminders are stopped"):
        remind(session, event)
    session.delete(stopped)
    at(event.answers_until + timedelta(seconds=1))
    with pytest.raises(ConflictError, match="Nobody can answer any more"):
        remind(session, event)
    assert keys(session) == []


def test_one_request_writes_no_more_than_its_share(
    session: Session, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at(NOW)
    monkeypatch.setattr("broker.domain.mailings.asking.MOST", 1)
    event = workshop(session)
    mailed_pair(session, event)
    assert remind(session, event) == mailings.Asked(written=1, passed_over=0, left=1)
    assert remind(session, event) == mailings.Asked(written=1, passed_over=1, left=0)
    assert len(keys(session)) == 2

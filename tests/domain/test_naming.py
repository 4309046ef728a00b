"""A reminder that waited to be sent and names a partner that left is written anew without it."""

from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.domain import consents, events, mailings, outbox
from broker.domain.claims import claim
from broker.models import Email, EmailStatus, Event, MailingKind, Purpose, Sme
from tests.domain.mail_rows import add_mail, approved_lists, plan, set_clock, utc, workshop, written
from tests.domain.test_mailings import texts
from tests.factories import make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
DUE = utc("2027-03-22 09:00")
Leave = Callable[[Session, Event, Sme], object]


def taken_off(session: Session, event: Event, sme: Sme) -> None:
    events.withdraw(session, "ann", event.id, sme.id)


def takes_consent_back(session: Session, event: Event, sme: Sme) -> None:
    consents.withdraw_consent(session, sme, [Purpose.MATCHING], "ann")


@pytest.fixture
def reminded(session: Session, monkeypatch: pytest.MonkeyPatch) -> tuple[Event, Sme]:
    """An event with a reminder to Ada that waits, about Bea and Cyd; Cyd."""
    set_clock(monkeypatch, DUE)
    event = workshop(session)
    ada, bea, cyd = (make_sme(session, name) for name in ("Ada", "Bea", "Cyd"))
    register(session, event, ada, bea, cyd)
    approved_lists(session, event, (ada, bea), (ada, cyd))
    add_mail(session, event, ada, sent_at=utc("2027-03-15 09:00"))
    plan(session, event, MailingKind.REMINDER, DUE)
    assert mailings.write_due(session, SETTINGS) == 1
    return event, cyd


@pytest.mark.parametrize("leave", [taken_off, takes_consent_back])
def test_a_partner_who_left_is_not_named(session: Session, reminded: tuple[Event, Sme], leave: Leave) -> None:
    leave(session, *reminded)

    assert claim(session, SETTINGS, "w", DUE) is None
    assert mailings.write_due(session, SETTINGS) == 1

    assert claim(session, SETTINGS, "w", DUE) is not None
    (mail,) = written(session, MailingKind.REMINDER)
    assert mail.subject == "Ada: one partner waits for your answer"
    assert ["Cyd" in text for text in texts(mail)] == [False, False]


def test_where_all_are_there_it_leaves_as_it_was_written(session: Session, reminded: tuple[Event, Sme]) -> None:
    taken = claim(session, SETTINGS, "w", DUE)
    assert taken is not None
    assert (taken.kind, b"Cyd" in taken.message) == ("reminder", True)


def test_one_that_was_tried_before_is_kept_and_ended(session: Session, reminded: tuple[Event, Sme]) -> None:
    mail = written(session, MailingKind.REMINDER)[0]
    mail.attempts = 1
    taken_off(session, *reminded)

    assert claim(session, SETTINGS, "w", DUE) is None

    statuses = session.exec(select(Email.status).where(Email.kind == "reminder")).all()
    assert statuses == [EmailStatus.SUPPRESSED]


@pytest.fixture
def asked(session: Session, monkeypatch: pytest.MonkeyPatch) -> tuple[Event, Sme]:
    """As `reminded`, but the organiser asked for it, with none in the plan, and it is Ada's second."""
    set_clock(monkeypatch, DUE)
    event = workshop(session)
    ada, bea, cyd = (make_sme(session, name) for name in ("Ada", "Bea", "Cyd"))
    register(session, event, ada, bea, cyd)
    approved_lists(session, event, (ada, bea), (ada, cyd))
    for kind in ("shortlist", "reminder"):
        add_mail(session, event, ada, kind, sent_at=utc("2027-03-15 09:00"))
    assert mailings.remind(session, SETTINGS, "ann", event.id).written == 1
    return event, cyd


@pytest.mark.parametrize("leave", [taken_off, takes_consent_back])
def test_one_that_was_asked_for_by_hand_is_written_again_at_once_without_a_plan(
    session: Session, asked: tuple[Event, Sme], leave: Leave
) -> None:
    event, _ = asked
    key = written(session, MailingKind.REMINDER)[-1].key
    leave(session, *asked)

    assert claim(session, SETTINGS, "w", DUE) is None
    ada = next(row for row in mailings.silent(session, event.id) if row.name == "Ada")
    assert ada.hindrance == "a mail is on its way"
    assert [mailings.write_due(session, SETTINGS) for _ in range(2)] == [1, 0]

    taken = claim(session, SETTINGS, "w", DUE)
    mail = written(session, MailingKind.REMINDER)[-1]
    assert taken is not None
    assert (taken.id, mail.key, mail.subject) == (mail.id, key, "Ada: one partner waits for your answer")


def test_while_reminders_are_stopped_it_waits_to_be_written_again(session: Session, asked: tuple[Event, Sme]) -> None:
    event, cyd = asked
    plan(session, event, MailingKind.REMINDER, DUE)
    taken_off(session, event, cyd)
    assert claim(session, SETTINGS, "w", DUE) is None
    mailings.stop(session, "ann", event.id, MailingKind.REMINDER)
    assert mailings.write_due(session, SETTINGS) == 0
    mailings.resume(session, "ann", event.id, MailingKind.REMINDER)
    assert mailings.write_due(session, SETTINGS) == 1


def test_where_nobody_is_left_to_answer_about_it_is_not_written_again(
    session: Session, asked: tuple[Event, Sme]
) -> None:
    event, cyd = asked
    taken_off(session, event, cyd)
    assert claim(session, SETTINGS, "w", DUE) is None
    taken_off(session, event, session.exec(select(Sme).where(Sme.name == "Bea")).one())
    assert mailings.write_due(session, SETTINGS) == 0
    assert [mail.error for mail in written(session, MailingKind.REMINDER)][-1] == outbox.PARTNER_LEFT

"""A reminder that waited to be sent and names a partner that left is written anew without it."""

from collections.abc import Callable

import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.domain import consents, events, mailings, outbox, withdrawals
from broker.domain.claims import claim
from broker.domain.mailings.writing import to_rewrite
from broker.errors import InvalidError
from broker.models import Email, EmailStatus, Event, MailingKind, Purpose, Registration, Sme
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


@pytest.fixture
def untrue(session: Session, asked: tuple[Event, Sme]) -> tuple[Event, Sme, Sme]:
    """As `asked`, but Cyd was taken off, and the reminder waits to be written again; Ada; Bea."""
    event, cyd = asked
    taken_off(session, event, cyd)
    assert claim(session, SETTINGS, "w", DUE) is None
    ada, bea = (session.exec(select(Sme).where(Sme.name == name)).one() for name in ("Ada", "Bea"))
    return event, ada, bea


def test_one_that_cannot_be_written_once_is_written_by_the_next_sweep(
    session: Session, untrue: tuple[Event, Sme, Sme], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("broker.domain.letters.write", lambda *_: 1 / 0)
        assert mailings.write_due(session, SETTINGS) == 0
    assert mailings.write_due(session, SETTINGS) == 1


@pytest.mark.usefixtures("untrue")
def test_none_is_written_without_a_secret_that_makes_its_link(session: Session) -> None:
    with pytest.raises(InvalidError, match="BROKER_SECRET_KEY"):
        mailings.write_due(session, Settings(public_url="https://match.example"))


def test_while_it_has_nobody_to_go_to_it_waits_to_be_written_again(
    session: Session, untrue: tuple[Event, Sme, Sme]
) -> None:
    _, ada, _ = untrue
    consents.withdraw_consent(session, ada, [Purpose.MAILING], "ann")
    assert mailings.write_due(session, SETTINGS) == 0
    consents.record_consent(session, ada, [Purpose.MAILING], "ann")
    assert mailings.write_due(session, SETTINGS) == 1


def test_one_to_who_was_taken_off_is_written_with_the_link_of_its_undo(
    session: Session, untrue: tuple[Event, Sme, Sme]
) -> None:
    event, ada, _ = untrue
    row = events.withdraw(session, "ann", event.id, ada.id)
    assert row is not None
    assert mailings.write_due(session, SETTINGS) == 0
    withdrawals.undo(session, SETTINGS, "ann", Registration(**row.model_dump()))
    assert mailings.write_due(session, SETTINGS) == 1


def test_more_than_one_turn_writes_are_written_by_the_next_though_some_end_before_them(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, DUE)
    event = workshop(session)
    bea, *smes = (make_sme(session) for _ in range(6))
    register(session, event, bea, *smes)
    approved_lists(session, event, *((bea, sme) for sme in smes[2:]))
    for sme in smes:
        add_mail(session, event, sme, "reminder", EmailStatus.SUPPRESSED).error = outbox.TO_REWRITE
    session.flush()

    assert [mailings.write_due(session, SETTINGS, limit=2) for _ in range(3)] == [2, 1, 0]

    mails = session.exec(select(Email.sme_id, Email.error).where(Email.kind == "reminder").order_by(col(Email.sme_id)))
    assert mails.all() == [(sme.id, outbox.PARTNER_LEFT if sme in smes[:2] else "") for sme in smes]


def test_mails_to_write_again_are_found_without_a_look_at_every_mail(session: Session) -> None:
    event = workshop(session)
    sme = make_sme(session)
    for _ in range(300):
        add_mail(session, event, sme)
    add_mail(session, event, sme, "reminder", EmailStatus.SUPPRESSED).error = outbox.TO_REWRITE
    connection = session.connection()
    explain = "EXPLAIN QUERY PLAN"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")  # as it does by itself; SQLite never does
        explain = "EXPLAIN"
    statement = to_rewrite(DUE).compile(connection, compile_kwargs={"literal_binds": True})
    plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}"))
    assert "ix_email_event" in plan
    assert "SCAN email" not in plan
    assert "Seq Scan on email" not in plan

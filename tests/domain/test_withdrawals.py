"""Undoing a withdrawal brings back the mails it ended, unless they are untrue by now or were said again since."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.event import listens_for
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import approvals, events, mailings, outbox, withdrawals
from broker.domain.claims import claim
from broker.domain.withdrawals import Undone
from broker.models import Email, EmailStatus, Event, MailingKind, Registration, Sme
from tests import factories
from tests.domain.mail_rows import add_mail, approved_lists, set_clock, utc, workshop
from tests.races import behind

SETTINGS = Settings(secret_key="a secret of this test only, long enough", public_url="https://match.example")
NOON = utc("2027-03-22 12:00")
Mailed = tuple[Event, Sme, Sme, Sme]


@pytest.fixture
def mailed(session: Session) -> Mailed:
    """An event whose shortlists are approved and wait to leave: Ada, Bea and Cyd, each on the others' lists."""
    event = factories.make_event(session, opens=0, closes=24 * 60)
    ada, bea, cyd = (factories.make_sme(session, name) for name in ("Ada", "Bea", "Cyd"))
    factories.register(session, event, ada, bea, cyd)
    approve(session, event, (ada, bea), (ada, cyd), (bea, cyd))
    return event, ada, bea, cyd


def approve(session: Session, event: Event, *pairs: tuple[Sme, Sme]) -> None:
    """Build and approve."""
    factories.make_shortlists(session, event, *pairs)
    approvals.approve(session, SETTINGS, "ann", event.id)


def take_off(session: Session, event: Event, sme: Sme) -> Registration:
    """The registration there was, as the undo gives it back."""
    row = events.withdraw(session, "ann", event.id, sme.id)
    assert row is not None
    return Registration(**row.model_dump())


def undo(session: Session, row: Registration) -> Undone:
    return withdrawals.undo(session, SETTINGS, "ann", Registration(**row.model_dump()))


def leave(session: Session) -> list[int | None]:
    """The SMEs whose mails leave now; those that may not are ended."""
    return [mail.sme_id for mail in _leaving(session)]


def _leaving(session: Session) -> Iterator[Email]:
    while (taken := claim(session, SETTINGS, "w", withdrawals.now(session))) is not None:  # type: ignore[attr-defined]
        mail = session.get_one(Email, taken.id, populate_existing=True)
        mail.status, mail.sent_at = EmailStatus.SENT, withdrawals.now(session)  # type: ignore[attr-defined]
        session.flush()
        yield mail


def ends(session: Session) -> list[str]:
    """Why mails ended, in the order of their writing."""
    return list(session.exec(select(Email.error).order_by(col(Email.id))))


def test_the_mails_it_ended_wait_again_and_leave(session: Session, mailed: Mailed) -> None:
    event, ada, bea, cyd = mailed
    row = take_off(session, event, ada)
    assert leave(session) == []
    assert ends(session) == [outbox.LEFT, outbox.PARTNER_LEFT, outbox.PARTNER_LEFT]
    assert undo(session, row) == Undone(waiting=3, is_listed=True)
    assert leave(session) == [ada.id, bea.id, cyd.id]


def test_where_another_is_still_off_they_end_again_and_wait_again_with_it(session: Session, mailed: Mailed) -> None:
    event, ada, bea, cyd = mailed
    rows = [take_off(session, event, sme) for sme in (ada, cyd)]
    assert leave(session) == []
    undo(session, rows[1])
    assert leave(session) == []
    assert undo(session, rows[0]).waiting == 3
    assert leave(session) == [ada.id, bea.id, cyd.id]


def test_nothing_waits_again_that_is_too_late(session: Session, mailed: Mailed) -> None:
    event, ada, _, cyd = mailed
    row = take_off(session, event, ada)
    leave(session)
    session.exec(select(Email).where(Email.sme_id == cyd.id)).one().deadline = now(session) - timedelta(seconds=1)
    assert undo(session, row).waiting == 2


def test_what_a_stop_holds_is_not_counted_and_leaves_when_that_is_resumed(session: Session, mailed: Mailed) -> None:
    event, *smes = mailed
    row = take_off(session, event, smes[0])
    leave(session)
    mailings.stop(session, "ann", event.id, MailingKind.SHORTLIST)
    assert undo(session, row) == Undone(waiting=0, is_listed=True)
    assert (leave(session), ends(session)) == ([], [outbox.STOPPED] * 3)
    mailings.resume(session, "ann", event.id, MailingKind.SHORTLIST)
    assert leave(session) == [sme.id for sme in smes]


def test_a_mail_of_a_replaced_list_stays_ended(session: Session, mailed: Mailed) -> None:
    event, ada, bea, cyd = mailed
    row = take_off(session, event, ada)
    leave(session)
    approve(session, event, (bea, cyd))
    assert undo(session, row) == Undone(waiting=0, is_listed=False)
    assert leave(session) == [bea.id, cyd.id]


def test_a_mail_with_the_partners_of_the_list_that_is_approved_waits_again(session: Session, mailed: Mailed) -> None:
    event, ada, bea, cyd = mailed
    approve(session, event, (ada, bea), (ada, cyd), (bea, cyd))
    row = take_off(session, event, ada)
    assert leave(session) == []
    assert undo(session, row).waiting == 3


def test_of_two_lists_that_were_mailed_the_older_stays_ended(session: Session, mailed: Mailed) -> None:
    event, ada, bea, _ = mailed
    row = take_off(session, event, ada)
    leave(session)
    undo(session, row)
    row = take_off(session, event, ada)
    leave(session)
    factories.register(session, event, ada)
    approve(session, event, (ada, bea))
    take_off(session, event, ada)
    assert leave(session) == []
    assert undo(session, row).waiting == 1  # Bea's newer mail; Ada's has the link of the registration in between
    assert leave(session) == [bea.id]


def test_a_mail_with_the_link_of_an_earlier_registration_stays_ended(session: Session, mailed: Mailed) -> None:
    event, ada, bea, cyd = mailed
    take_off(session, event, ada)
    leave(session)
    factories.register(session, event, ada)
    row = take_off(session, event, ada)
    assert undo(session, row) == Undone(waiting=2, is_listed=True)
    assert leave(session) == [bea.id, cyd.id]


@pytest.fixture
def reminded(session: Session, monkeypatch: pytest.MonkeyPatch) -> tuple[Event, Sme, Registration]:
    """Ada's reminder about Bea and Cyd failed for now, and ended when Cyd was taken off; Ada; Cyd's registration."""
    set_clock(monkeypatch, NOON)
    event = workshop(session)
    ada, bea, cyd = (factories.make_sme(session, name) for name in ("Ada", "Bea", "Cyd"))
    factories.register(session, event, ada, bea, cyd)
    approved_lists(session, event, (ada, bea), (ada, cyd))
    add_mail(session, event, ada, sent_at=utc("2027-03-15 09:00"))
    assert mailings.remind(session, SETTINGS, "ann", event.id).written == 1
    session.exec(select(Email).where(Email.kind == "reminder")).one().attempts = 1
    row = take_off(session, event, cyd)
    assert (leave(session), ends(session)[-1]) == ([], outbox.PARTNER_LEFT)
    return event, ada, row


def test_a_reminder_that_failed_for_now_waits_again(
    session: Session, reminded: tuple[Event, Sme, Registration]
) -> None:
    _, ada, row = reminded
    assert undo(session, row).waiting == 1
    assert leave(session) == [ada.id]


def test_who_was_reminded_since_is_not_reminded_twice(
    session: Session, reminded: tuple[Event, Sme, Registration]
) -> None:
    event, ada, row = reminded
    assert mailings.remind(session, SETTINGS, "ann", event.id).written == 1
    assert undo(session, row).waiting == 0
    assert leave(session) == [ada.id]


@pytest.mark.parametrize("status", [EmailStatus.HELD, EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.SENT])
def test_a_reminder_stays_ended_where_an_older_one_may_leave_or_left_since(
    session: Session, reminded: tuple[Event, Sme, Registration], status: EmailStatus
) -> None:
    _, ada, row = reminded
    mails = session.exec(select(Email).where(Email.sme_id == ada.id).order_by(col(Email.id))).all()
    mails[0].kind, mails[0].status = "reminder", status
    mails[0].sent_at = NOON + timedelta(minutes=1) if status == EmailStatus.SENT else None
    assert undo(session, row).waiting == 0


def test_a_mail_that_is_just_being_ended_is_waited_for(database: Database, session: Session, mailed: Mailed) -> None:
    event, *smes = mailed
    row = take_off(session, event, smes[0])
    session.commit()
    assert leave(session) == []

    assert behind(database, session, lambda other: undo(other, row)).waiting == 3
    assert leave(session) == [sme.id for sme in smes]


def test_a_mail_is_not_ended_by_a_withdrawal_undone_before_its_row_was_taken(session: Session, mailed: Mailed) -> None:
    event, *smes = mailed
    row = take_off(session, event, smes[0])

    @listens_for(session.connection(), "after_cursor_execute")
    def undo_meanwhile(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if "FROM email" in statement and not session.info.setdefault("undone", False):
            session.info["undone"] = True
            connection.execute(insert(Registration).values(row.model_dump()))

    assert leave(session) == [sme.id for sme in smes]

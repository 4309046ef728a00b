"""Every mail is a row first, goes to one worker, and is neither lost nor sent twice."""

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import outbox, relay, suppressions
from broker.errors import ConflictError, NotFoundError
from broker.models import AuditEntry, Email, EmailStatus
from tests.races import behind


def message(number: int = 1, to: str = "ann@firm.example") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "us@service.example", to, f"Mail {number}"
    made["Message-ID"] = f"<{number}@service.example>"
    made.set_content("Good day")
    return made


def write(session: Session, number: int = 1, to: str = "ann@firm.example") -> Email:
    return outbox.write(session, message(number, to), f"test:{number}", "test", None, None)


def test_a_key_written_twice_is_one_mail_with_the_first_bytes(session: Session) -> None:
    first = write(session)
    second = outbox.write(session, message(2), "test:1", "test", None, None)
    assert second.id == first.id
    assert session.exec(select(Email.message_id)).all() == ["<1@service.example>"]


def test_a_mail_rolled_back_is_neither_there_nor_announced(database: Database) -> None:
    woken: list[tuple[str, int | None]] = []
    database.publish = woken.append

    def write_and_fail() -> None:
        with database.write() as session:
            write(session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with database.read() as session:
        assert session.exec(select(Email)).all() == []
    assert woken == []


def test_a_suppressed_address_is_never_queued(database: Database) -> None:
    with database.write() as session:
        suppressions.suppress(session, "Ann@Firm.example", "unsubscribed")
        session.flush()
        assert write(session).status == EmailStatus.SUPPRESSED
    assert relay.deliver_due(database, owner="w") == relay.Delivered()


def test_only_failed_or_held_mail_can_be_tried_again(session: Session) -> None:
    email = write(session)
    with pytest.raises(ConflictError):
        outbox.retry(session, "ann", email.id)
    email.status, email.attempts, email.deadline = EmailStatus.FAILED, 12, now(session) - timedelta(days=1)
    outbox.retry(session, "ann", email.id)
    assert (email.status, email.attempts) == (EmailStatus.QUEUED, 0)
    assert email.deadline > now(session)


@pytest.mark.parametrize("status", [EmailStatus.FAILED, EmailStatus.HELD])
def test_a_mail_whose_text_was_deleted_is_not_sent_as_an_empty_one(session: Session, status: EmailStatus) -> None:
    email = write(session)
    email.status, email.message = status, b""
    with pytest.raises(ConflictError, match="deleted"):
        outbox.retry(session, "ann", email.id)
    assert email.status == status


def test_a_queued_mail_is_held_until_it_is_queued_again(database: Database) -> None:
    with database.write() as session:
        email = write(session)
        outbox.hold(session, "ann", email.id)
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    with database.write() as session:
        with pytest.raises(ConflictError):
            outbox.hold(session, "ann", email.id)
        with pytest.raises(NotFoundError):
            outbox.hold(session, "ann", email.id + 1)
        outbox.retry(session, "ann", email.id)
        entries = [(entry.actor, entry.action) for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]
    assert entries == [("ann", "email.hold"), ("ann", "email.retry")]
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)


@pytest.mark.parametrize("status", [status for status in EmailStatus if status != EmailStatus.QUEUED])
def test_a_mail_that_does_not_wait_cannot_be_held(session: Session, status: EmailStatus) -> None:
    email = write(session)
    email.status = status
    with pytest.raises(ConflictError):
        outbox.hold(session, "Ada", email.id)
    assert email.status == status


def test_of_many_mails_those_that_may_are_queued_again(session: Session) -> None:
    failed, sent = write(session, 1), write(session, 2)
    failed.status, sent.status = EmailStatus.FAILED, EmailStatus.SENT

    assert outbox.retry_each(session, "Ada", [failed.id, sent.id]) == (1, 1)
    assert (failed.status, sent.status) == (EmailStatus.QUEUED, EmailStatus.SENT)


def test_two_who_try_a_mail_again_at_the_same_moment_queue_it_once(database: Database) -> None:
    with database.write() as session:
        email = write(session)
        email.status = EmailStatus.FAILED

    def retry_too(session: Session) -> bool:
        try:
            outbox.retry(session, "bea", email.id)
        except ConflictError:
            return False
        return True

    with Session(database.engine) as first:
        outbox.retry(first, "ann", email.id)
        first.flush()
        assert not behind(database, first, retry_too)


def test_a_sign_in_mail_that_came_back_is_not_sent_again_without_its_text(database: Database) -> None:
    with database.write() as session:
        email = outbox.write(session, message(), "sign_in:1", "sign_in", None, None)
    assert relay.deliver_due(database, owner="w").sent == 1
    with database.write() as session:
        bounced = session.get_one(Email, email.id)
        bounced.status = EmailStatus.FAILED
        with pytest.raises(ConflictError, match="The text of this mail was deleted"):
            outbox.retry(session, "ann", email.id)

"""Every mail is a row first, goes to one worker, and is neither lost nor sent twice."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import outbox, suppressions
from broker.errors import ConflictError
from broker.models import Email, EmailStatus


def message(number: int = 1, to: str = "ann@firm.example") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "us@service.example", to, f"Mail {number}"
    made["Message-ID"] = f"<{number}@service.example>"
    made.set_content("Good day")
    return made


def write(session: Session, number: int = 1, to: str = "ann@firm.example") -> Email:
    return outbox.write(session, message(number, to), f"test:{number}", "test", None, None)


def files(database: Database) -> list[Path]:
    return sorted(database.settings.outbox_dir.glob("*.eml"))


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


def test_delivery_writes_the_very_bytes_and_marks_the_mail_sent(database: Database) -> None:
    with database.write() as session:
        write(session)
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered(sent=1)
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.attempts, email.owner) == (EmailStatus.SENT, 1, None)
    assert [file.read_bytes() for file in files(database)] == [email.message]
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered()


def test_a_repeated_file_delivery_is_the_same_file(database: Database) -> None:
    with database.write() as session:
        write(session)
    outbox.deliver_due(database, owner="w")
    with database.write() as session:
        session.exec(select(Email)).one().status = EmailStatus.QUEUED
    outbox.deliver_due(database, owner="w")
    assert len(files(database)) == 1


def test_two_workers_never_claim_the_same_mail(database: Database) -> None:
    with database.write() as session:
        write(session)
    with database.write() as session:
        assert outbox.claim(session, "one") is not None
    with database.write() as session:
        assert outbox.claim(session, "other") is None


def test_a_mail_whose_worker_died_is_delivered_by_the_next(database: Database) -> None:
    with database.write() as session:
        write(session)
    with database.write() as session:
        claimed = outbox.claim(session, "dead")
        assert claimed is not None
        assert outbox.release_stuck(session) == 0
        claimed.lease_until = now(session) - timedelta(seconds=1)
    with database.write() as session:
        assert outbox.release_stuck(session) == 1
    assert outbox.deliver_due(database, owner="w").sent == 1


def test_a_worker_that_lost_its_lease_cannot_tell_of_a_failure(database: Database) -> None:
    slow = claimed_by_another(database)
    outcome = outbox.Delivered()
    outbox._settle(database, slow, "slow", outcome, "451 later")
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.owner, email.error) == (EmailStatus.SENDING, "quick", "")
    assert outcome == outbox.Delivered()


def test_a_mail_that_went_out_is_sent_even_where_the_lease_was_lost(database: Database) -> None:
    slow = claimed_by_another(database)
    outcome = outbox.Delivered()
    outbox._settle(database, slow, "slow", outcome)
    outbox._settle(database, slow, "quick", outcome)
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.owner) == (EmailStatus.SENT, None)
    assert outcome == outbox.Delivered(sent=1)


def claimed_by_another(database: Database) -> Email:
    """A mail that the worker `slow` claimed, and `quick` after it."""
    with database.write() as session:
        write(session)
    with database.write() as session:
        slow = outbox.claim(session, "slow")
        assert slow is not None
    with database.write() as session:
        session.exec(select(Email)).one().owner = "quick"
    return slow


def test_delivery_is_tried_until_the_deadline_and_then_given_up(database: Database) -> None:
    database.settings.outbox_dir.write_text("a file where the folder should be")
    with database.write() as session:
        deadline = now(session) + timedelta(seconds=60)
        outbox.write(session, message(), "test:1", "test", None, None, deadline)
    outcomes = []
    for _ in range(3):
        with database.write() as session:
            session.exec(select(Email)).one().next_at = now(session)
        outcomes.append(outbox.deliver_due(database, owner="w"))
    assert outcomes == [outbox.Delivered(later=1), outbox.Delivered(later=1), outbox.Delivered(failed=1)]


def test_a_full_or_broken_folder_puts_the_mail_off_with_its_reason(database: Database) -> None:
    database.settings.outbox_dir.write_text("a file where the folder should be")
    with database.write() as session:
        write(session)
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered(later=1)
    with database.read() as session:
        email = session.exec(select(Email)).one()
        assert email.status == EmailStatus.QUEUED
        assert email.error == f"EEXIST at {database.settings.outbox_dir}"
        assert timedelta(seconds=10) < email.next_at - now(session) < timedelta(seconds=30)
        assert outbox.count_due(session) == 0


def test_retries_wait_twice_as_long_each_time_up_to_an_hour(session: Session) -> None:
    email, moment = write(session), now(session)
    for attempts, seconds in ((1, 20), (2, 40), (5, 320), (20, 3600)):
        email.attempts = attempts
        waits = [(outbox.next_try(moment, email) - moment).total_seconds() for _ in range(50)]
        assert seconds * 0.75 <= min(waits) <= max(waits) <= seconds * 1.25


def test_a_suppressed_address_is_never_queued(database: Database) -> None:
    with database.write() as session:
        suppressions.suppress(session, "Ann@Firm.example", "unsubscribed")
        session.flush()
        assert write(session).status == EmailStatus.SUPPRESSED
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered()


def test_only_failed_or_held_mail_can_be_tried_again(session: Session) -> None:
    email = write(session)
    with pytest.raises(ConflictError):
        outbox.retry(session, "ann", email.id)
    email.status, email.attempts, email.deadline = EmailStatus.FAILED, 12, now(session) - timedelta(days=1)
    outbox.retry(session, "ann", email.id)
    assert (email.status, email.attempts) == (EmailStatus.QUEUED, 0)
    assert email.deadline > now(session)


@pytest.mark.parametrize(("in_demo", "kept"), [(False, False), (True, True)])
def test_a_sign_in_link_is_not_kept_once_it_is_sent_but_for_the_demos_outbox(
    database: Database, in_demo: bool, kept: bool
) -> None:
    if in_demo:
        database.settings.demo_mark.touch()
    with database.write() as session:
        outbox.write(session, message(), "sign_in:1", "sign_in", None, None)
    outbox.deliver_due(database, owner="w")
    with database.read() as session:
        assert bool(session.exec(select(Email.message)).one()) is kept
    assert b"Good day" in files(database)[0].read_bytes()

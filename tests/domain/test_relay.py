"""A due mail goes to one worker, and is neither lost nor sent twice."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import outbox, owners, pulses, relay
from broker.domain.claims import LEASE, Outgoing, claim
from broker.domain.delivery import TemporaryFailure, _refusal
from broker.domain.windows import Window
from broker.models import Email, EmailStatus
from tests.domain.test_outbox import message, write


def files(database: Database) -> list[Path]:
    return sorted(database.settings.outbox_dir.glob("*.eml"))


def test_delivery_writes_the_very_bytes_and_marks_the_mail_sent(database: Database) -> None:
    with database.write() as session:
        write(session)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.attempts, email.owner) == (EmailStatus.SENT, 1, None)
    assert [file.read_bytes() for file in files(database)] == [email.message]
    assert relay.deliver_due(database, owner="w") == relay.Delivered()


def test_a_repeated_file_delivery_is_the_same_file(database: Database) -> None:
    with database.write() as session:
        write(session)
    relay.deliver_due(database, owner="w")
    with database.write() as session:
        session.exec(select(Email)).one().status = EmailStatus.QUEUED
    relay.deliver_due(database, owner="w")
    assert len(files(database)) == 1


def test_two_workers_never_claim_the_same_mail(database: Database) -> None:
    with database.write() as session:
        write(session)
    with database.write() as session:
        assert claim(session, database.settings, "one", now(session)) is not None
    with database.write() as session:
        assert claim(session, database.settings, "other", now(session)) is None


def test_a_mail_whose_worker_died_is_delivered_by_the_next(database: Database) -> None:
    with database.write() as session:
        write(session)
    with database.write() as session:
        assert claim(session, database.settings, "dead", now(session)) is not None
        assert relay.release_stuck(session) == 0
        session.exec(select(Email)).one().lease_until = now(session) - timedelta(seconds=1)
    with database.write() as session:
        assert relay.release_stuck(session) == 1
    assert relay.deliver_due(database, owner="w").sent == 1


def test_a_worker_that_lost_its_lease_cannot_tell_of_a_failure(database: Database) -> None:
    slow = claimed_by_another(database)
    with database.write() as session:
        assert relay.settle(session, database.settings, slow, "slow", TemporaryFailure("451 later"), now(session)) == ""
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.owner, email.error) == (EmailStatus.SENDING, "quick", "")


def test_a_mail_that_went_out_is_sent_even_where_the_lease_was_lost(database: Database) -> None:
    slow = claimed_by_another(database)
    with database.write() as session:
        assert relay.settle(session, database.settings, slow, "slow", None, now(session)) == "sent"
        assert relay.settle(session, database.settings, slow, "quick", None, now(session)) == ""
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.owner) == (EmailStatus.SENT, None)


def claimed_by_another(database: Database) -> Outgoing:
    """A mail that the worker `slow` claimed, and `quick` after it."""
    with database.write() as session:
        write(session)
    with database.write() as session:
        slow = claim(session, database.settings, "slow", now(session))
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
        outcomes.append(relay.deliver_due(database, owner="w"))
    assert outcomes == [relay.Delivered(later=1), relay.Delivered(later=1), relay.Delivered(failed=1)]


def test_a_process_takes_up_what_it_left_when_the_database_went_away_after_a_claim(database: Database) -> None:
    with database.write() as session:
        write(session)
    with database.write() as session:
        assert claim(session, database.settings, "w", now(session)) is not None
    assert relay.deliver_due(database, owner="other") == relay.Delivered()
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)


def test_the_last_try_is_shortly_before_the_deadline(database: Database) -> None:
    with database.write() as session:
        moment = now(session)
        outbox.write(session, message(), "test:1", "test", None, None, moment + timedelta(minutes=30))
        email = claim(session, database.settings, "w", moment + timedelta(seconds=1))
    assert email is not None
    hourly = replace(email, attempts=20)
    assert relay.next_chance(moment, hourly) == email.deadline - LEASE
    assert relay.next_chance(email.deadline - LEASE, hourly) > email.deadline
    closed = replace(hourly, window=Window("UTC", *_hour_other_than(email.deadline - LEASE)))
    assert relay.next_chance(moment, closed) > email.deadline


def _hour_other_than(moment: datetime) -> tuple[int, int]:
    opens = (moment.hour + 12) % 24 * 60
    return opens, opens + 60


def test_a_full_or_broken_folder_puts_the_mail_off_with_its_reason(database: Database) -> None:
    database.settings.outbox_dir.write_text("a file where the folder should be")
    with database.write() as session:
        write(session)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(later=1)
    with database.read() as session:
        email = session.exec(select(Email)).one()
        assert email.status == EmailStatus.QUEUED
        assert email.error == f"EEXIST at {database.settings.outbox_dir}"
        assert timedelta(seconds=10) < email.next_at - now(session) < timedelta(seconds=30)
        assert outbox.count_due(session) == 0


def test_retries_wait_twice_as_long_each_time_up_to_an_hour(session: Session) -> None:
    write(session)
    moment = now(session)
    claimed = claim(session, Settings(), "w", moment)
    assert claimed is not None
    for attempts, seconds in ((1, 20), (2, 40), (5, 320), (20, 3600)):
        email = replace(claimed, attempts=attempts)
        waits = [(relay.next_try(moment, email) - moment).total_seconds() for _ in range(50)]
        assert seconds * 0.75 <= min(waits) <= max(waits) <= seconds * 1.25


@pytest.mark.parametrize(
    ("kind", "in_demo", "kept"),
    [
        ("sign_in", False, False),
        ("password", False, False),
        ("account_invitation", False, False),
        ("sign_in", True, True),
    ],
)
def test_the_link_of_an_account_is_not_kept_once_it_is_sent_but_for_the_demos_outbox(
    database: Database, kind: str, in_demo: bool, kept: bool
) -> None:
    if in_demo:
        database.settings.demo_mark.touch()
    with database.write() as session:
        outbox.write(session, message(), f"{kind}:1", kind, None, None)
    relay.deliver_due(database, owner="w")
    with database.read() as session:
        assert bool(session.exec(select(Email.message)).one()) is kept
    assert b"Good day" in files(database)[0].read_bytes()


def in_flight(database: Database, owner: str, *, in_doubt: bool = False) -> EmailStatus:
    """What `release_stuck` makes of a mail that `owner` was sending, well within its lease."""
    with database.write() as session:
        write(session)
        assert claim(session, database.settings, owner, now(session)) is not None
        session.exec(select(Email)).one().in_doubt = in_doubt
    with database.write() as session:
        relay.release_stuck(session)
    with database.read() as session:
        return session.exec(select(Email.status)).one()


def name_of_a_dead_process() -> str:
    say = "from broker.domain import owners; print(owners.name())"
    return subprocess.run([sys.executable, "-c", say], text=True, stdout=subprocess.PIPE, check=True).stdout.strip()


def test_a_mail_whose_process_is_gone_from_this_machine_is_queued_at_once(database: Database) -> None:
    assert in_flight(database, name_of_a_dead_process()) == EmailStatus.QUEUED


def test_a_mail_whose_process_is_there_is_left_to_it(database: Database) -> None:
    assert in_flight(database, owners.name()) == EmailStatus.SENDING


def test_a_mail_of_another_machine_waits_for_its_lease(database: Database) -> None:
    elsewhere = name_of_a_dead_process().replace(owners.machine(), "0123456789abcdef")
    assert in_flight(database, elsewhere) == EmailStatus.SENDING
    with database.write() as session:
        session.exec(select(Email)).one().lease_until = now(session) - timedelta(seconds=1)
    with database.write() as session:
        assert relay.release_stuck(session) == 1


def test_a_mail_in_doubt_is_held_for_a_person_and_sent_if_they_say_so(database: Database) -> None:
    assert in_flight(database, name_of_a_dead_process(), in_doubt=True) == EmailStatus.HELD
    with database.write() as session:
        email = session.exec(select(Email)).one()
        assert (email.error, email.owner) == (relay.IN_DOUBT, None)
        outbox.retry(session, "ann", email.id)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)
    with database.read() as session:
        assert session.exec(select(Email.in_doubt)).one() is False


def test_a_mail_held_in_doubt_while_its_worker_was_slow_is_sent_once_that_says_so(database: Database) -> None:
    with database.write() as session:
        write(session)
        slow = claim(session, database.settings, "slow", now(session))
        assert slow is not None
        row = session.exec(select(Email)).one()
        row.in_doubt, row.lease_until = True, now(session) - timedelta(seconds=1)
    with database.write() as session:
        assert relay.release_stuck(session) == 1
    with database.write() as session:
        assert relay.settle(session, database.settings, slow, "slow", None, now(session)) == "sent"
    with database.read() as session:
        email = session.exec(select(Email)).one()
    assert (email.status, email.in_doubt, email.error) == (EmailStatus.SENT, False, "")


def test_a_retry_respects_the_hours_of_its_recipient(database: Database) -> None:
    moment = datetime(2026, 3, 28, 18, 59, 59, tzinfo=UTC)  # 19:59:59 in Berlin; the clocks go forward that night
    opening = datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    with database.write() as session:
        email = write(session)
        email.zone, email.opens, email.closes = "Europe/Berlin", 8 * 60, 20 * 60
        email.next_at, email.deadline = moment, opening
    with database.write() as session:
        claimed = claim(session, database.settings, "w", moment)
        assert claimed is not None
        later = TemporaryFailure("451 later")
        assert relay.settle(session, database.settings, claimed, "w", later, moment) == "later"
    with database.read() as session:
        assert session.exec(select(Email.next_at)).one() == opening


class Interrupted:
    """A delivery during which every connection to the database is lost."""

    def __init__(self, database: Database) -> None:
        self.database, self.sent = database, 0

    def send(self, email: Outgoing, doubt: object = None) -> None:
        self.sent += 1
        with self.database.engine.connect() as other:
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            other.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


def test_a_mail_that_went_out_while_the_database_was_away_is_settled_once_it_is_back(
    postgresql_url: str, home: Path
) -> None:
    database = Database(Settings(home=home, database_url=postgresql_url))
    with database.write() as session:
        write(session)
    delivery = Interrupted(database)
    with database.engine.connect() as connection:
        work = relay.Round(database, connection, delivery, "w")
        with database.write(connection) as session:
            email = claim(session, database.settings, "w", now(session))
        assert email is not None
        assert relay.step(work, email) is None
    assert (delivery.sent, work.outcome) == (1, relay.Delivered(sent=1))
    database.dispose()


def test_a_worker_at_work_beats(database: Database) -> None:
    relay.deliver_due(database, owner="w")
    with database.read() as session:
        assert set(pulses.last(session)) == {"relay"}


def test_a_server_that_answers_with_a_null_byte_is_understood(database: Database) -> None:
    with database.write() as session:
        write(session)
    with database.write() as session:
        email = claim(session, database.settings, "w", now(session))
        assert email is not None
    with database.write() as session:
        relay.settle(session, database.settings, email, "w", _refusal(451, b"later\0 please"), now(session))
    with database.read() as session:
        assert session.exec(select(Email.error)).one() == "451 later please"

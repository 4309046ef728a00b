"""A mail server that puts off, refuses, hangs up and dawdles. Waits between tries are shortened, nothing else."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from broker.db import Database
from broker.domain import relay
from broker.domain.delivery import TOTAL_SECONDS, SmtpDelivery
from broker.models import Email, EmailStatus
from tests.faults import figures
from tests.faults.mails import DONE, statuses, write_mail, write_mails
from tests.faults.sink import Manners, Sink, running_sink
from tests.faults.workers import extras

MAILS = figures.size(500, 40)
SLOW = 180
NEVER_DONE = figures.size(int(TOTAL_SECONDS), 2)
"""Seconds after which a mail that never ends is put off; in full those of the service."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other within moments instead of minutes and hours."""
    monkeypatch.setattr(relay, "FIRST_RETRY", timedelta(seconds=0.1))
    monkeypatch.setattr(relay, "LAST_RETRY", timedelta(seconds=0.4))


def deliver_all(database: Database, sink: Sink, *, ends: Callable[[], bool] | None = None) -> None:
    """Two workers deliver until every mail has come to an end."""
    database.settings.smtp_url = sink.url
    ends = ends or (lambda: set(statuses(database)) <= DONE)
    deadline = time.monotonic() + SLOW

    def work(number: int) -> None:
        while not ends():
            assert time.monotonic() < deadline, statuses(database)
            relay.deliver_due(database, owner=f"here:{number}:{number}")
            time.sleep(0.05)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(work, range(2)):
            pass


def attempts(database: Database) -> Counter[int]:
    """How many mails took how many tries."""
    with database.read() as session:
        return Counter(session.exec(select(Email.attempts)).all())


def test_what_is_put_off_arrives_once(database: Database, kind: str, tmp_path: Path) -> None:
    """30 % of the tries end with 451 after the text."""
    written = write_mails(database, MAILS)
    with running_sink(tmp_path, Manners(tempfail=0.3)) as sink:
        deliver_all(database, sink)
    most = max(attempts(database))
    figures.note(f"30 % 451, {kind}", mails=MAILS, delivered=len(sink.counted()), extra=extras(sink), most_tries=most)
    assert sink.counted() == Counter(written)
    assert statuses(database) == {EmailStatus.SENT: MAILS}


def test_a_greylisting_server_gets_every_mail_at_the_second_try(database: Database, kind: str, tmp_path: Path) -> None:
    written = write_mails(database, MAILS)
    with running_sink(tmp_path, Manners(greylist=1)) as sink:
        deliver_all(database, sink)
    figures.note(f"greylisting, {kind}", mails=MAILS, delivered=len(sink.counted()), extra=extras(sink))
    assert sink.counted() == Counter(written)
    assert attempts(database) == {2: MAILS}


def test_a_refused_mail_fails_once_and_is_not_tried_again(database: Database, kind: str, tmp_path: Path) -> None:
    """Every tenth address is refused with 550."""
    with database.write() as session:
        for number in range(MAILS):
            write_mail(session, number, f"550-{number}@firm.example" if number % 10 == 0 else "")
    with running_sink(tmp_path) as sink:
        deliver_all(database, sink)
        relay.deliver_due(database, owner="again")
    with database.read() as session:
        failed = session.exec(select(Email).where(Email.status == EmailStatus.FAILED)).all()
    tries = sum(email.attempts for email in failed)
    figures.note(
        f"10 % 550, {kind}", mails=MAILS, delivered=len(sink.counted()), failed=len(failed), tries_of_failed=tries
    )
    assert {email.to_address[:4] for email in failed} == {"550-"}
    assert len(failed) == tries == MAILS // 10
    assert {email.error for email in failed} == {"550 5.1.1 No such mailbox"}
    assert len(sink.counted()) == MAILS - MAILS // 10
    assert extras(sink) == 0


def test_a_connection_that_breaks_after_the_text_loses_nothing(database: Database, kind: str, tmp_path: Path) -> None:
    """In 5 % of the tries the mail was taken, but nobody can know: it is sent again, with the same Message-ID."""
    written = write_mails(database, MAILS)
    with running_sink(tmp_path, Manners(drop=0.05)) as sink:
        deliver_all(database, sink)
    repeated = sum(tries - 1 for tries in attempts(database).elements())
    figures.note(
        f"5 % dropped after accept, {kind}", mails=MAILS, lost=len(written - sink.counted().keys()), extra=extras(sink)
    )
    assert sink.counted().keys() == written
    assert 0 < extras(sink) <= repeated
    assert statuses(database) == {EmailStatus.SENT: MAILS}


def test_where_we_are_strict_such_a_mail_is_held_and_goes_out_once(
    database: Database, kind: str, tmp_path: Path
) -> None:
    written = write_mails(database, MAILS)
    database.settings.mail_strict = True
    with running_sink(tmp_path, Manners(drop=0.05)) as sink:
        deliver_all(database, sink)
    held = statuses(database)[EmailStatus.HELD]
    figures.note(f"5 % dropped after accept, strict, {kind}", mails=MAILS, extra=extras(sink), held=held)
    assert sink.counted() == Counter(written)
    assert held > 0
    assert statuses(database) == {EmailStatus.SENT: MAILS - held, EmailStatus.HELD: held}


def test_a_server_that_dawdles_over_one_mail_does_not_hold_up_the_others(
    database: Database, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers one byte every half second, so no single answer is ever late."""
    monkeypatch.setattr(SmtpDelivery.__init__, "__defaults__", (float(NEVER_DONE),))
    with database.write() as session:
        write_mail(session, 0, "slow@firm.example")
        written = {write_mail(session, number).message_id for number in range(1, 20)}
    began = time.monotonic()
    with running_sink(tmp_path) as sink:
        deliver_all(database, sink, ends=lambda: bool(put_off(database)))
    took = time.monotonic() - began
    arrived = max(moment for moment, _ in sink.accepted()) - (time.time() - time.monotonic()) - began
    figures.note(f"slow-loris, {kind}", others_delivered=len(sink.counted()), others_s=arrived, cut_after_s=took)
    (dawdled,) = put_off(database)
    assert dawdled.error == f"SMTP: no end after {NEVER_DONE:g} s"
    assert sink.counted() == Counter(written)
    assert arrived < NEVER_DONE


def put_off(database: Database) -> list[Email]:
    """Mails that wait for another try after a failed one."""
    query = select(Email).where(Email.status == EmailStatus.QUEUED, col(Email.error) != "")
    with database.read() as session:
        return list(session.exec(query).all())

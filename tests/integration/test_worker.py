"""Real worker processes on a real queue, killed while they work: the rows are the record (law 2)."""

import asyncio
import os
import queue
import signal
import threading
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlmodel import select

from broker.db import Database
from broker.domain import outbox
from broker.models import Email, EmailStatus
from tests.integration.workers import start_worker
from tests.ports import free_port
from tests.waiting import until

MAILS = 5


class MailServer:
    """Accepts mail by SMTP once it may: until then a delivery hangs in the middle."""

    def __init__(self) -> None:
        self.may_accept = threading.Event()
        self.arrived: queue.Queue[str] = queue.Queue()
        self.accepted: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Named by aiosmtpd: a whole message is here, and we say whether we take it."""
        assert isinstance(envelope.original_content, bytes)
        message = envelope.original_content.decode()
        message_id = next(line.split()[1] for line in message.splitlines() if line.lower().startswith("message-id:"))
        self.arrived.put(message_id)
        while not self.may_accept.is_set():
            await asyncio.sleep(0.02)
        self.accepted.append(message_id)
        return "250 OK"


@pytest.fixture
def mail_server() -> Iterator[tuple[MailServer, str]]:
    """A running mail server and its URL."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield server, f"smtp://127.0.0.1:{controller.port}"
    server.may_accept.set()
    controller.stop()


def write_mails(database: Database) -> set[str]:
    """Their Message-IDs. Nobody is woken: the sweep has to find them."""
    with database.write() as session:
        for number in range(MAILS):
            message = EmailMessage()
            message["From"], message["To"] = "us@broker.example", f"sme{number}@firm.example"
            message["Subject"], message["Message-ID"] = "Your shortlist", f"<{number}@broker.example>"
            message.set_content("Four partners for you.")
            outbox.write(session, message, key=f"test:{number}", kind="test", event_id=None, sme_id=None)
        return {email.message_id for email in session.exec(select(Email))}


def statuses(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(email.status.value for email in session.exec(select(Email)))


def test_mail_whose_wake_up_was_lost_is_delivered_by_the_sweep(database: Database, empty_queue: str) -> None:
    write_mails(database)
    with start_worker(database, empty_queue) as worker:
        worker.wait_for(f"mails: {MAILS} sent", 40)

    assert statuses(database) == ["sent"] * MAILS
    assert len(list(database.settings.outbox_dir.glob("*.eml"))) == MAILS


def test_a_worker_killed_while_it_sends_loses_no_mail(
    database: Database, empty_queue: str, mail_server: tuple[MailServer, str]
) -> None:
    server, smtp_url = mail_server
    written = write_mails(database)
    with start_worker(database, empty_queue, smtp_url) as worker:
        in_flight = server.arrived.get(timeout=40)
        os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
    assert statuses(database) == ["queued"] * (MAILS - 1) + ["sending"]

    server.may_accept.set()
    with start_worker(database, empty_queue, smtp_url):  # of the same machine: no need to wait for the lease
        until(lambda: statuses(database) == ["sent"] * MAILS, 40, "all mails sent")

    assert set(server.accepted) == written
    repeated = {message_id for message_id in written if server.accepted.count(message_id) > 1}
    assert repeated <= {in_flight}
    assert len(server.accepted) <= MAILS + 1


def test_a_worker_that_is_asked_to_stop_finishes_what_it_sends(
    database: Database, empty_queue: str, mail_server: tuple[MailServer, str]
) -> None:
    server, smtp_url = mail_server
    write_mails(database)
    with start_worker(database, empty_queue, smtp_url) as worker:
        server.arrived.get(timeout=40)
        worker.process.terminate()
        server.may_accept.set()
        assert worker.ends(40) == 0

    assert statuses(database) == ["sent"] * MAILS
    assert len(server.accepted) == MAILS
    with database.read() as session:
        assert {email.attempts for email in session.exec(select(Email))} == {1}
        assert session.exec(select(Email).where(Email.status != EmailStatus.SENT)).all() == []

"""SMTP delivery against a real server: what is temporary is tried again, what is permanent is not."""

import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database
from broker.domain import claims, delivery, outbox, relay
from broker.domain.delivery import TemporaryFailure
from broker.models import Email, EmailStatus


class Mailbox:
    """Keeps what it is sent; refuses recipients as their local part says, e.g. `550@…` or `451@…`."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.connections: set[object] = set()
        self.sender_reply = ""

    async def handle_MAIL(  # noqa: N802 - the server asks for this name
        self, server: Any, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender_reply:
            return self.sender_reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the server asks for this name
        self, server: Any, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.connections.add(session.peer)
        code = address.partition("@")[0]
        if code.isdigit():
            return f"{code} as you wish"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        return "250 Message accepted"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
    """Only `ann` with the password `p@ss word` may send."""
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data.login == b"ann" and data.password == b"p@ss word", handled=False)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mailbox and the URL of its server, which asks for a name and a password."""
    box = Mailbox()
    options = {"auth_required": True, "auth_require_tls": False, "authenticator": authenticate}
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    yield box, f"smtp://ann:p%40ss%20word@127.0.0.1:{controller.port}"
    controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def queue(database: Database, *addresses: str) -> None:
    with database.write() as session:
        for number, address in enumerate(addresses):
            message = EmailMessage()
            message["From"], message["To"] = "Us <us@service.example>", address
            message["Subject"], message["Message-ID"] = "Žluťoučký kůň", f"<{number}@service.example>"
            message.set_content("Good day", cte="quoted-printable")
            outbox.write(session, message, f"test:{number}", "test", None, None)


def states(session: Session) -> list[tuple[str, EmailStatus, int, str]]:
    rows = session.exec(select(Email).order_by(Email.key)).all()
    return [(row.to_address, row.status, row.attempts, row.error) for row in rows]


def test_the_stored_bytes_arrive_over_one_connection(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    box, database.settings.smtp_url = mailbox
    queue(database, "ann@firm.example", "bea@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=2)
    with database.read() as session:
        expected = [email.message for email in session.exec(select(Email).order_by(Email.key))]
    assert [envelope.original_content for envelope in box.received] == expected
    assert [envelope.mail_from for envelope in box.received] == ["shortlists@cross-innovation.example"] * 2
    assert [envelope.rcpt_tos for envelope in box.received] == [["ann@firm.example"], ["bea@firm.example"]]
    assert len(box.connections) == 1


def test_a_permanent_refusal_fails_once_and_the_others_go_on(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    box, database.settings.smtp_url = mailbox
    queue(database, "550@firm.example", "451@firm.example", "ann@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1, later=1, failed=1)
    with database.read() as session:
        assert states(session) == [
            ("550@firm.example", EmailStatus.FAILED, 1, "550 as you wish"),
            ("451@firm.example", EmailStatus.QUEUED, 1, "451 as you wish"),
            ("ann@firm.example", EmailStatus.SENT, 1, ""),
        ]
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    assert len(box.received) == 1


def test_a_server_that_is_away_loses_nothing(database: Database) -> None:
    database.settings.smtp_url = f"smtp://127.0.0.1:{free_port()}"
    queue(database, "ann@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(later=1)
    with database.read() as session:
        assert states(session)[0][1:] == (EmailStatus.QUEUED, 1, "SMTP connection: ConnectionRefusedError")


def test_a_wrong_password_is_our_fault_and_tried_again(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    database.settings.smtp_url = mailbox[1].replace("ann:", "eve:")
    queue(database, "ann@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(later=1)
    with database.read() as session:
        assert states(session)[0][1:] == (EmailStatus.QUEUED, 1, "SMTP sign-in was refused (535)")


def test_starttls_with_a_certificate_nobody_knows_sends_nothing(database: Database) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), tls_context=tls)
    controller.start()
    try:
        database.settings.smtp_url = f"smtp://127.0.0.1:{controller.port}?starttls=1"
        queue(database, "ann@firm.example")
        assert relay.deliver_due(database, owner="w") == relay.Delivered(later=1)
    finally:
        controller.stop()
    with database.read() as session:
        assert states(session)[0][3] == "SMTP connection: SSLCertVerificationError"
    assert box.received == []


def test_a_sender_the_server_refuses_is_our_fault(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    box, database.settings.smtp_url = mailbox
    box.sender_reply = "553 not from you"
    queue(database, "ann@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(later=1)
    with database.read() as session:
        assert states(session)[0][1:] == (EmailStatus.QUEUED, 1, "553 not from you")


@pytest.mark.parametrize("code", [530, 535])
def test_a_server_that_wants_us_to_sign_in_refuses_no_mail(
    database: Database, mailbox: tuple[Mailbox, str], code: int
) -> None:
    database.settings.smtp_url = mailbox[1]
    queue(database, f"{code}@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(later=1)


def test_an_address_smtp_cannot_carry_stops_nobody_else(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    database.settings.smtp_url = mailbox[1]
    queue(database, "žofie@firm.example", "ann@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1, later=1)
    with database.read() as session:
        assert states(session)[0][3] == "SMTP connection: UnicodeEncodeError"


@pytest.mark.parametrize("words", [b"2", b"220-and another thing\r\n"])
def test_a_server_that_only_ever_says_a_little_is_given_up_in_time(session: Session, words: bytes) -> None:
    """Every part comes well within the timeout of one answer, and the answer never ends."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                while not ended.wait(0.05):
                    connection.sendall(words)

        server = threading.Thread(target=trickle)
        server.start()
        settings = Settings(smtp_url=f"smtp://127.0.0.1:{listening.getsockname()[1]}")
        slow = delivery.SmtpDelivery(settings, total_seconds=0.5)
        started = time.monotonic()
        with pytest.raises(TemporaryFailure, match=r"no end after 0\.5 s"):
            slow.send(mail(session))
        assert time.monotonic() - started < 5
        slow.close()
        ended.set()
        server.join()


def test_one_mail_ends_before_the_lease_on_it() -> None:
    assert claims.LEASE.total_seconds() > delivery.TOTAL_SECONDS + delivery.SMTP_TIMEOUT_SECONDS


def test_a_mail_as_a_file_is_safe_with_its_name(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, int]] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), len(list(tmp_path.glob("*.eml")))))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    delivery.FileDelivery(tmp_path).send(mail(session))
    assert synced == [(False, 0), (True, 1)]


def mail(session: Session) -> claims.Outgoing:
    message = EmailMessage()
    message["To"], message["From"], message["Message-ID"] = "a@firm.example", "us@service.example", "<1@us.example>"
    message.set_content("Good day")
    outbox.write(session, message, "test:1", "test", None, None)
    (outgoing,) = claims.waiting(session)
    return outgoing

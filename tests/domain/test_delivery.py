"""SMTP delivery against a real server: what is temporary is tried again, what is permanent is not."""

import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import outbox
from broker.models import Email, EmailStatus


class Mailbox:
    """Keeps what it is sent; refuses recipients as their local part says, e.g. `550@…` or `451@…`."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.connections: set[object] = set()

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
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered(sent=2)
    with database.read() as session:
        expected = [email.message for email in session.exec(select(Email).order_by(Email.key))]
    assert [envelope.original_content for envelope in box.received] == expected
    assert [envelope.mail_from for envelope in box.received] == ["us@service.example"] * 2
    assert [envelope.rcpt_tos for envelope in box.received] == [["ann@firm.example"], ["bea@firm.example"]]
    assert len(box.connections) == 1


def test_a_permanent_refusal_fails_once_and_the_others_go_on(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    box, database.settings.smtp_url = mailbox
    queue(database, "550@firm.example", "451@firm.example", "ann@firm.example")
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered(sent=1, later=1, failed=1)
    with database.read() as session:
        assert states(session) == [
            ("550@firm.example", EmailStatus.FAILED, 1, "550 as you wish"),
            ("451@firm.example", EmailStatus.QUEUED, 1, "451 as you wish"),
            ("ann@firm.example", EmailStatus.SENT, 1, ""),
        ]
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered()
    assert len(box.received) == 1


def test_a_server_that_is_away_loses_nothing(database: Database) -> None:
    database.settings.smtp_url = f"smtp://127.0.0.1:{free_port()}"
    queue(database, "ann@firm.example")
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered(later=1)
    with database.read() as session:
        assert states(session)[0][1:] == (EmailStatus.QUEUED, 1, "SMTP connection: ConnectionRefusedError")


def test_a_wrong_password_is_our_fault_and_tried_again(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    database.settings.smtp_url = mailbox[1].replace("ann:", "eve:")
    queue(database, "ann@firm.example")
    assert outbox.deliver_due(database, owner="w") == outbox.Delivered(later=1)
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
        assert outbox.deliver_due(database, owner="w") == outbox.Delivered(later=1)
    finally:
        controller.stop()
    with database.read() as session:
        assert states(session)[0][3] == "SMTP connection: SSLCertVerificationError"
    assert box.received == []

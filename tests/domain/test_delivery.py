"""SMTP delivery against a real server: what is temporary is tried again, what is permanent is not."""

import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
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
from broker.domain import bounces, claims, delivery, outbox, relay, suppressions
from broker.domain.delivery import TemporaryFailure
from broker.models import Email, EmailStatus
from tests import factories


class Mailbox:
    """Keeps what it is sent; refuses recipients as their local part says, e.g. `550@…` or `451@…`."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.connections: set[object] = set()
        self.sender_reply = self.recipient_reply = ""

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
        if self.recipient_reply:
            return self.recipient_reply
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


@contextmanager
def scripted(at_data: bytes, words: bytes) -> Iterator[str]:
    """The URL of a server that takes any address, answers DATA by `at_data` and the whole text by `words`, and is
    gone. It listens on: who comes again is let down again."""
    listening = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                if line.startswith(b"DATA"):
                    connection.sendall(at_data)
                    if not at_data.startswith(b"354"):
                        return
                    while lines.readline() not in {b".\r\n", b""}:
                        pass
                    connection.sendall(words)
                    return
                connection.sendall(b"250 go on\r\n")

    def serve() -> None:
        with suppress(OSError):
            while True:
                talk(listening.accept()[0])

    server = threading.Thread(target=serve)
    server.start()
    yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    server.join()


@pytest.mark.parametrize(
    ("strict", "at_data", "expected"),
    [
        (False, b"354 go on\r\n", relay.Delivered(later=1)),
        (True, b"354 go on\r\n", relay.Delivered(held=1)),
        (True, b"", relay.Delivered(later=1)),
    ],
    ids=["sent again", "held where we are strict", "not held before the text went"],
)
def test_an_answer_lost_after_the_text_leaves_a_doubt(
    database: Database, strict: bool, at_data: bytes, expected: relay.Delivered
) -> None:
    database.settings.mail_strict = strict
    queue(database, "ann@firm.example")
    with scripted(at_data, b"") as database.settings.smtp_url:
        assert relay.deliver_due(database, owner="w") == expected
    lost = "SMTP connection: SMTPServerDisconnected"
    with database.read() as session:
        email = session.exec(select(Email)).one()
    if expected.held:
        assert (email.status, email.error, email.in_doubt) == (EmailStatus.HELD, f"{relay.IN_DOUBT} {lost}", True)
    else:
        assert (email.status, email.error, email.in_doubt) == (EmailStatus.QUEUED, lost, False)


def test_where_we_are_strict_the_doubt_is_written_before_the_text_goes(
    database: Database, mailbox: tuple[Mailbox, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, database.settings.smtp_url = mailbox
    database.settings.mail_strict = True
    seen: list[bool] = []

    async def look(server: Any, session: SmtpSession, envelope: Envelope) -> str:
        with database.read() as reading:
            seen.append(reading.exec(select(Email.in_doubt)).one())
        return "250 OK"

    monkeypatch.setattr(box, "handle_DATA", look)
    queue(database, "ann@firm.example")
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)
    assert seen == [True]
    with database.read() as session:
        assert session.exec(select(Email.in_doubt)).one() is False


ANSWERS = [
    ("421 4.3.2 closing", "later", False),
    ("450 4.2.1 busy", "later", False),
    ("451 4.7.1 greylisted", "later", False),
    ("452 4.2.2 mailbox full", "later", False),
    ("550 no such user", "failed", True),
    ("551 not here", "failed", True),
    ("553 no such name", "failed", True),
    ("550 5.1.1 no such user", "failed", True),
    ("550 5.1.10 null MX", "failed", True),
    ("550 5.2.1 mailbox closed", "failed", True),
    ("552 5.2.2 mailbox full", "failed", False),
    ("552 too large", "failed", False),
    ("552 5.3.4 too large", "failed", False),
    ("553 5.1.8 bad sender", "failed", False),
    ("554 refused", "failed", False),
    ("550 5.7.1 we do not like your address", "failed", False),
    ("530 5.7.0 sign in first", "later", False),
]


def test_a_servers_words_are_kept_as_one_line_that_any_database_keeps(database: Database) -> None:
    queue(database, "ann@firm.example")
    with refusing_recipients("550-5.1.1 no\0\r\n550 such\x1b[2J\tuser") as database.settings.smtp_url:
        outcome = relay.deliver_due(database, owner="w")

    assert outcome == relay.Delivered(failed=1)
    with database.read() as session:
        assert session.exec(select(Email.error)).one() == "550 5.1.1 no such[2J user"


@pytest.mark.parametrize("at", ["RCPT", "DATA", "the text"])
def test_what_an_answer_means(database: Database, at: str) -> None:
    """4xx is tried again; 5xx fails; only one about the mailbox ends all mail to it."""
    got = []
    for answer, _, _ in ANSWERS:
        code = answer.encode() + b"\r\n"
        address = f"a{len(got)}@firm.example"
        with database.write() as session:
            message = EmailMessage()
            message["To"], message["Message-ID"] = address, f"<{address}>"
            message["Subject"] = "Hello"
            outbox.write(session, message, address, "test", None, None)
        if at == "RCPT":
            with refusing_recipients(answer) as database.settings.smtp_url:
                outcome = relay.deliver_due(database, owner="w")
        else:
            at_data = code if at == "DATA" else b"354 go on\r\n"
            with scripted(at_data, code) as database.settings.smtp_url:
                outcome = relay.deliver_due(database, owner="w")
        (counted,) = [name for name in ("sent", "later", "failed", "held") if getattr(outcome, name)]
        with database.read() as session:
            assert session.exec(select(Email.error).where(Email.to_address == address)).one() == answer
            got.append((answer, counted, suppressions.is_suppressed(session, address)))
    assert got == ANSWERS


@contextmanager
def refusing_recipients(answer: str) -> Iterator[str]:
    """The URL of a server with this answer to every recipient."""
    box = Mailbox()
    box.recipient_reply = answer
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def test_an_address_refused_for_good_is_told_to_the_broker_once_and_in_plain_words(
    database: Database, mailbox: tuple[Mailbox, str]
) -> None:
    database.settings.smtp_url = mailbox[1]
    with database.write() as session:
        factories.make_account(session, city="tallinn", email="other@broker.example")
        factories.make_account(session, name="Bo", email="550@broker.example")
        sme = factories.make_sme(session, "Pixel & Söhne", city="berlin", email="550@firm.example")
        message = EmailMessage()
        message["To"], message["Subject"], message["Message-ID"] = (
            "550@firm.example",
            "Your shortlist",
            "<1@us.example>",
        )
        message.set_content("Good day")
        outbox.write(session, message, "letter:1", "test", None, sme.id)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(failed=1)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(failed=1)  # the broker's is refused, too
    with database.read() as session:
        first, told = session.exec(select(Email).order_by(Email.id))
        assert suppressions.is_suppressed(session, "550@firm.example")
        assert not suppressions.is_suppressed(session, "550@broker.example")
    assert (told.key, told.kind, told.sme_id) == (f"undelivered:{first.id}", "undelivered", sme.id)
    assert (told.to_address, told.status) == ("550@broker.example", EmailStatus.FAILED)
    parsed = message_from_bytes(told.message, policy=default)
    assert parsed["Subject"] == "Mail to Pixel & Söhne could not be delivered"
    link = f"{database.settings.public_url}/smes/{sme.id}/edit/contact"
    for kind in ("plain", "html"):
        text = " ".join(parsed.get_body((kind,)).get_content().split())
        for words in ("Bo", "550@firm.example", "550 as you wish", "Your shortlist", link):
            assert words in text, (kind, words)


def test_without_a_broker_of_its_city_nobody_is_told(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    database.settings.smtp_url = mailbox[1]
    with database.write() as session:
        factories.make_account(session, active=False)
        sme = factories.make_sme(session, email="550@firm.example")
        message = EmailMessage()
        message["To"], message["Message-ID"] = "550@firm.example", "<1@us.example>"
        message["Subject"] = "Your shortlist"
        outbox.write(session, message, "letter:1", "test", None, sme.id)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(failed=1)
    with database.read() as session:
        assert session.exec(select(Email.key)).all() == ["letter:1"]


def test_a_mail_returns_to_the_bounce_address_with_its_tag(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    box, database.settings.smtp_url = mailbox
    database.settings.bounce_address = "bounces@service.example"
    queue(database, "ann@firm.example")
    relay.deliver_due(database, owner="w")
    with database.read() as session:
        email_id = session.exec(select(Email.id)).one()
    (envelope,) = box.received
    assert envelope.mail_from is not None
    assert bounces.email_of(database.settings, envelope.mail_from) == email_id


def test_lines_that_begin_with_a_dot_arrive_as_they_are(database: Database, mailbox: tuple[Mailbox, str]) -> None:
    box, database.settings.smtp_url = mailbox
    text = b".first\r\n\r\n.\r\n..\r\n.a\r\nb."
    queue(database, "ann@firm.example", "bea@firm.example")
    with database.write() as session:
        session.exec(select(Email).where(Email.key == "test:0")).one().message = text
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=2)
    assert box.received[0].original_content == text + b"\r\n"


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
    assert [oct(file.stat().st_mode & 0o777) for file in tmp_path.glob("*.eml")] == ["0o600"]


def mail(session: Session) -> claims.Outgoing:
    message = EmailMessage()
    message["To"], message["From"], message["Message-ID"] = "a@firm.example", "us@service.example", "<1@us.example>"
    message.set_content("Good day")
    outbox.write(session, message, "test:1", "test", None, None)
    (outgoing,) = claims.waiting(session)
    return outgoing

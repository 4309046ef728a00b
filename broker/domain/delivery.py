"""How a written mail leaves: as a file (the default) or by SMTP."""

import errno
import math
import os
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from broker.config import Settings
from broker.domain.bounces import return_path
from broker.domain.claims import Outgoing

SMTP_TIMEOUT_SECONDS = 10
"""For one answer of the server, and for each of its addresses; its last word may take what is left of the whole."""
TOTAL_SECONDS = 35.0
"""For one mail from the first word to the last, below the lease on it (claims.LEASE)."""
SIGN_IN_CODES = {530, 534, 535, 538}
"""The server wants us to sign in (differently): 5xx, but no fault of the mail."""
MAILBOX_CODES = {550, 551, 553}
"""Those that RFC 5321 has for a mailbox, of all that refuse a mail for good."""
BAD_MAILBOX = re.compile(r"5\.(1\.(?![78]\b)|2\.1\b)")
"""The enhanced codes (RFC 3463) that say the same: of addresses, but for those of the sender, and a closed mailbox."""
ENHANCED = re.compile(r"\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b")


class TemporaryFailure(Exception):  # noqa: N818 - the domain's word for it
    """It may go through later."""


class Unanswered(TemporaryFailure):
    """The whole text may have been handed over, but no answer came: the server may have taken it."""


class PermanentFailure(Exception):  # noqa: N818 - as above
    """It will never go through."""

    @property
    def is_of_the_address(self) -> bool:
        """Whether nobody is reached there. A 5xx for our text, size, name or fame (e.g. 5.3.4, 5.7.1) says nothing
        about the address: to suppress it would silence everybody at a host that does not like us today."""
        told = ENHANCED.match(str(self))
        return bool(BAD_MAILBOX.match(told[1])) if told else int(str(self)[:3]) in MAILBOX_CODES


class Delivery(Protocol):
    """Something that takes a mail off our hands, or says why not."""

    def send(self, email: Outgoing, doubt: Callable[[], None] | None = None) -> None:
        """Deliver one mail. TemporaryFailure or PermanentFailure when it could not.

        doubt: called before the text goes to somebody who may take it without our being told."""


@contextmanager
def open_delivery(settings: Settings) -> Iterator[Delivery]:
    """The delivery the settings name; an SMTP connection is made at the first mail and reused for the rest."""
    if not settings.smtp_url:
        yield FileDelivery(settings.outbox_dir)
        return
    delivery = SmtpDelivery(settings)
    try:
        yield delivery
    finally:
        delivery.close()


class FileDelivery:
    """One .eml a mail. The name comes from the Message-ID, so that a repeated delivery is the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, email: Outgoing, doubt: Callable[[], None] | None = None) -> None:
        """Write it whole or not at all, and safely on disk; there is no doubt about files."""
        name = f"{email.kind}-{email.sme_id or 0:05d}-{sha256(email.message_id.encode()).hexdigest()[:16]}.eml"
        partial = self.folder / f".{name}.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial.touch(mode=0o600)  # it holds a link that is the SME's alone
            with partial.open("wb") as file:
                file.write(email.message)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / name)
            _sync_folder(self.folder)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()  # on a full disk, it would take the room of the next one
            raise TemporaryFailure(f"{errno.errorcode.get(error.errno or 0, 'OSError')} at {self.folder}") from error


def _sync_folder(folder: Path) -> None:
    """A new name is safe only once its folder is on disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class SmtpDelivery:
    """One SMTP connection for many mails."""

    def __init__(self, settings: Settings, total_seconds: float = TOTAL_SECONDS) -> None:
        self.settings = settings
        self.url = urlsplit(settings.smtp_url)
        self.total_seconds = total_seconds
        self.server: smtplib.SMTP | None = None
        self.handing_over = False
        self.watch = _Watch(self)

    def send(self, email: Outgoing, doubt: Callable[[], None] | None = None) -> None:
        """Hand it to the server. What is the mail's fault (5xx) is permanent, all else is temporary."""
        self.handing_over = False
        try:
            with self.watch.until(time.monotonic() + self.total_seconds):
                self._converse(email, doubt)
        except PermanentFailure:
            raise
        except Exception as error:
            if isinstance(error, TemporaryFailure) and not self.watch.rang:
                raise
            self._hang_up(polite=False)
            failure = Unanswered if self.handing_over else TemporaryFailure
            if self.watch.rang:
                raise failure(f"SMTP: no end after {self.total_seconds:g} s") from error
            raise failure(f"SMTP connection: {type(error).__name__}") from error

    def _converse(self, email: Outgoing, doubt: Callable[[], None] | None) -> None:
        server = self.server or self._connect()
        self._address(server, email)
        code, reason = server.docmd("DATA")
        if code == 354:
            if doubt is not None:
                doubt()
            code, reason = self._hand_over(server, email.message)
        if code != 250:
            self._hang_up()
            raise _refusal(code, reason)

    def _address(self, server: smtplib.SMTP, email: Outgoing) -> None:
        size = f" size={len(email.message)}" if server.has_extn("size") else ""
        code, reason = server.docmd("MAIL", f"FROM:<{return_path(self.settings, email)}>{size}")
        if code != 250:
            self._hang_up()  # our name, address or settings are refused: that is no fault of the mail
            raise TemporaryFailure(_told(code, reason))
        code, reason = server.docmd("RCPT", f"TO:<{email.to_address}>")
        if code not in {250, 251}:
            if code == 421:
                self._hang_up()
            else:
                server.rset()
            raise _refusal(code, reason)

    def _hand_over(self, server: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
        """The text, and the server's answer. It may think for long: to give up too soon is to send it twice."""
        text = (b"." if message.startswith(b".") else b"") + message.replace(b"\r\n.", b"\r\n..")
        assert server.sock is not None  # noqa: S101 - it has answered a moment ago
        server.sock.settimeout(self.total_seconds)
        self.handing_over = True
        server.send(text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n"))
        answer = server.getreply()
        self.handing_over = False
        if server.sock is not None:
            server.sock.settimeout(SMTP_TIMEOUT_SECONDS)
        return answer

    def _connect(self) -> smtplib.SMTP:
        try:
            return self._greet()
        except smtplib.SMTPAuthenticationError as error:
            self._hang_up()
            raise TemporaryFailure(f"SMTP sign-in was refused ({error.smtp_code})") from error
        except smtplib.SMTPResponseException as error:
            self._hang_up()
            raise TemporaryFailure(_told(error.smtp_code, error.smtp_error)) from error

    def _greet(self) -> smtplib.SMTP:
        host, port = self.url.hostname or "", self.url.port
        if self.url.scheme == "smtps":
            self.server = smtplib.SMTP_SSL(timeout=SMTP_TIMEOUT_SECONDS, context=ssl.create_default_context())
        else:
            self.server = smtplib.SMTP(timeout=SMTP_TIMEOUT_SECONDS)
        # Its constructor would keep the name for TLS, but also connect before anybody can hang up.
        self.server._host = host  # type: ignore[attr-defined]
        code, reason = self.server.connect(host, port or (465 if self.url.scheme == "smtps" else 587))
        if code != 220:
            raise smtplib.SMTPConnectError(code, reason)
        if parse_qs(self.url.query).get("starttls") == ["1"]:
            self.server.starttls(context=ssl.create_default_context())
        self.server.ehlo_or_helo_if_needed()
        if self.url.username:
            self.server.login(unquote(self.url.username), unquote(self.url.password or ""))
        return self.server

    def close(self) -> None:
        """Say goodbye, if anybody is there."""
        with self.watch.until(time.monotonic() + self.total_seconds):
            self._hang_up()
        self.watch.end()

    def _hang_up(self, polite: bool = True) -> None:
        server = self.server
        if server is None:
            return
        try:
            if server.sock and polite:
                server.quit()
        except (OSError, ValueError, smtplib.SMTPException):
            pass  # it is gone already
        finally:
            server.close()
            self.server = None


class _Watch:
    """Cuts a connection at a given time: a server that answers a little now and then is never late for the timeout
    of a single answer, and the lease on the mail would run out. One thread serves all mails of the connection."""

    TICK = 0.1

    def __init__(self, delivery: SmtpDelivery) -> None:
        self.delivery = delivery
        self.at, self.rang = math.inf, False
        self.lock, self.done = threading.Lock(), threading.Event()
        self.thread: threading.Thread | None = None

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """Cut the connection if this block goes on for longer."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._wait, name="SMTP deadline", daemon=True)
            self.thread.start()
        with self.lock:
            self.at, self.rang = moment, False
        try:
            yield
        finally:
            with self.lock:
                self.at = math.inf

    def end(self) -> None:
        """Stop watching."""
        self.done.set()
        if self.thread is not None:
            self.thread.join()

    def _wait(self) -> None:
        while not self.done.wait(self.TICK):
            with self.lock:
                if time.monotonic() < self.at:
                    continue
                self.rang = True  # and again at the next tick, should it only now have been connected
                connection = self.delivery.server and self.delivery.server.sock
                if connection:
                    with suppress(OSError):
                        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _refusal(code: int, reason: bytes | str) -> TemporaryFailure | PermanentFailure:
    permanent = 500 <= code < 600 and code not in SIGN_IN_CODES
    return (PermanentFailure if permanent else TemporaryFailure)(_told(code, reason))


def _told(code: int, reason: bytes | str) -> str:
    """What the server said, on one line: it is stored (PostgreSQL keeps no NUL), shown, and mailed to a broker."""
    words = (reason.decode(errors="replace") if isinstance(reason, bytes) else reason).split()
    return f"{code} {''.join(filter(str.isprintable, ' '.join(words)))}"[:300]

"""How a written mail leaves: as a file (the default) or by SMTP."""

import errno
import os
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.policy import SMTP
from email.utils import parseaddr
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from broker.config import Settings
from broker.models import Email

SMTP_TIMEOUT_SECONDS = 15
"""For one answer of the server, and for each of its addresses."""
TOTAL_SECONDS = 60.0
"""For one mail from the first word to the last, below the lease on it (relay.LEASE)."""
SIGN_IN_CODES = {530, 534, 535, 538}
"""The server wants us to sign in (differently): 5xx, but no fault of the mail."""


class TemporaryFailure(Exception):  # noqa: N818 - the domain's word for it
    """It may go through later."""


class PermanentFailure(Exception):  # noqa: N818 - as above
    """It will never go through."""


class Delivery(Protocol):
    """Something that takes a mail off our hands, or says why not."""

    def send(self, email: Email) -> None:
        """Deliver one mail. TemporaryFailure or PermanentFailure when it could not."""


@contextmanager
def open_delivery(settings: Settings) -> Iterator[Delivery]:
    """The delivery the settings name; an SMTP connection is made at the first mail and reused for the rest."""
    if not settings.smtp_url:
        yield FileDelivery(settings.outbox_dir)
        return
    delivery = SmtpDelivery(urlsplit(settings.smtp_url))
    try:
        yield delivery
    finally:
        delivery.close()


class FileDelivery:
    """One .eml a mail. The name comes from the Message-ID, so that a repeated delivery is the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, email: Email) -> None:
        """Write it whole or not at all, and safely on disk."""
        name = f"{email.kind}-{email.sme_id or 0:05d}-{sha256(email.message_id.encode()).hexdigest()[:16]}.eml"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f".{name}.{os.getpid()}"
            with partial.open("wb") as file:
                file.write(email.message)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / name)
            _sync_folder(self.folder)
        except OSError as error:
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

    def __init__(self, url: SplitResult, total_seconds: float = TOTAL_SECONDS) -> None:
        self.url = url
        self.total_seconds = total_seconds
        self.server: smtplib.SMTP | None = None

    def send(self, email: Email) -> None:
        """Hand it to the server. What is the mail's fault (5xx) is permanent, all else is temporary."""
        started = time.monotonic()
        with self._watched():
            try:
                self._converse(email)
            except PermanentFailure:
                raise
            except Exception as error:
                if time.monotonic() - started >= self.total_seconds:
                    self._hang_up()
                    raise TemporaryFailure(f"SMTP: no end after {self.total_seconds:g} s") from error
                if isinstance(error, TemporaryFailure):
                    raise
                self._hang_up()
                raise TemporaryFailure(f"SMTP connection: {type(error).__name__}") from error

    def _converse(self, email: Email) -> None:
        message = message_from_bytes(email.message, policy=SMTP)
        try:
            server = self.server or self._connect()
            server.sendmail(parseaddr(str(message["From"]))[1], [email.to_address], email.message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            _refuse(code, reason)
        except smtplib.SMTPDataError as error:
            self._hang_up()
            _refuse(error.smtp_code, error.smtp_error)
        except smtplib.SMTPAuthenticationError as error:
            self._hang_up()
            raise TemporaryFailure(f"SMTP sign-in was refused ({error.smtp_code})") from error
        except smtplib.SMTPResponseException as error:
            self._hang_up()  # our name, address or settings are refused: that is no fault of the mail
            raise TemporaryFailure(_told(error.smtp_code, error.smtp_error)) from error

    def _connect(self) -> smtplib.SMTP:
        host, port = self.url.hostname or "", self.url.port
        tls = ssl.create_default_context()
        if self.url.scheme == "smtps":
            self.server = smtplib.SMTP_SSL(timeout=SMTP_TIMEOUT_SECONDS, context=tls)
        else:
            self.server = smtplib.SMTP(timeout=SMTP_TIMEOUT_SECONDS)
        # Its constructor would keep the name for TLS, but also connect before anybody can hang up.
        self.server._host = host  # type: ignore[attr-defined]
        code, reason = self.server.connect(host, port or (465 if self.url.scheme == "smtps" else 587))
        if code != 220:
            raise smtplib.SMTPConnectError(code, reason)
        if parse_qs(self.url.query).get("starttls") == ["1"]:
            self.server.starttls(context=tls)
        if self.url.username:
            self.server.login(unquote(self.url.username), unquote(self.url.password or ""))
        return self.server

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Cut the connection after `total_seconds`: a server that answers a little now and then is never late
        for the timeout of a single answer, and the lease on the mail would run out."""
        done = threading.Event()

        def watch() -> None:
            wait = self.total_seconds
            while not done.wait(wait):
                wait = 0.2  # again, should it only now have been connected
                connection = self.server and self.server.sock
                if connection:
                    with suppress(OSError):
                        socket.socket.shutdown(connection, socket.SHUT_RDWR)

        thread = threading.Thread(target=watch, name="SMTP deadline", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def close(self) -> None:
        """Say goodbye, if anybody is there."""
        if self.server is not None:
            with self._watched():
                self._hang_up()

    def _hang_up(self) -> None:
        server = self.server
        if server is None:
            return
        try:
            if server.sock:
                server.quit()
        except (OSError, ValueError, smtplib.SMTPException):
            pass  # it is gone already
        finally:
            server.close()
            self.server = None


def _refuse(code: int, reason: bytes | str) -> None:
    permanent = 500 <= code < 600 and code not in SIGN_IN_CODES
    raise (PermanentFailure if permanent else TemporaryFailure)(_told(code, reason))


def _told(code: int, reason: bytes | str) -> str:
    return f"{code} {reason.decode(errors='replace') if isinstance(reason, bytes) else reason}"[:300]

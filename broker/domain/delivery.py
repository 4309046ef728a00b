"""How a written mail leaves: as a file (the default) or by SMTP."""

import errno
import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import SMTP
from email.utils import parseaddr
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from broker.config import Settings
from broker.models import Email

SMTP_TIMEOUT_SECONDS = 20


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
        except OSError as error:
            raise TemporaryFailure(f"{errno.errorcode.get(error.errno or 0, 'OSError')} at {self.folder}") from error


class SmtpDelivery:
    """One SMTP connection for many mails."""

    def __init__(self, url: SplitResult) -> None:
        self.url = url
        self.server: smtplib.SMTP | None = None

    def send(self, email: Email) -> None:
        """Hand it to the server. 4xx and broken connections are temporary, 5xx is permanent."""
        message = message_from_bytes(email.message, policy=SMTP)
        try:
            self.server = self.server or self._connect()
            self.server.sendmail(parseaddr(str(message["From"]))[1], [email.to_address], email.message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            self._refuse(code, reason)
        except smtplib.SMTPAuthenticationError as error:
            self.close()  # our own settings are wrong: that is no fault of the mail
            raise TemporaryFailure(f"SMTP sign-in was refused ({error.smtp_code})") from error
        except smtplib.SMTPResponseException as error:
            self.close()
            self._refuse(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise TemporaryFailure(f"SMTP connection: {type(error).__name__}") from error

    def _refuse(self, code: int, reason: bytes | str) -> None:
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise (PermanentFailure if 500 <= code < 600 else TemporaryFailure)(f"{code} {text}"[:300])

    def _connect(self) -> smtplib.SMTP:
        host, port = self.url.hostname or "", self.url.port
        tls = ssl.create_default_context()
        server: smtplib.SMTP
        if self.url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port or 465, timeout=SMTP_TIMEOUT_SECONDS, context=tls)
        else:
            server = smtplib.SMTP(host, port or 587, timeout=SMTP_TIMEOUT_SECONDS)
        try:
            if parse_qs(self.url.query).get("starttls") == ["1"]:
                server.starttls(context=tls)
            if self.url.username:
                server.login(unquote(self.url.username), unquote(self.url.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def close(self) -> None:
        """Say goodbye, if anybody is there."""
        if self.server is not None:
            try:
                self.server.quit()
            except (OSError, smtplib.SMTPException):
                self.server.close()
            self.server = None

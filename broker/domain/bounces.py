"""Where a mail returns to that cannot be delivered: an address that says which mail it was (VERP)."""

import hashlib
import hmac
import re
from email.utils import parseaddr
from typing import Protocol

from broker.config import Settings

LAST_ID = 2**31 - 1
"""The largest id the databases can look for."""
TAG = re.compile(r"([1-9][0-9]{0,9})-([0-9a-f]{16})", re.ASCII)


class Numbered(Protocol):
    """A mail, as far as it matters here."""

    @property
    def id(self) -> int:
        """Its id in the outbox."""


def return_path(settings: Settings, email: Numbered) -> str:
    """The envelope sender of a mail: the bounce address with the mail's id and a proof that we wrote it, or, where
    there is none, the From address of the service."""
    if not settings.bounce_address:
        return parseaddr(settings.mail_from)[1]
    local, _, host = settings.bounce_address.rpartition("@")
    return f"{local}+{email.id}-{_proof(settings, email.id)}@{host}"


def email_of(settings: Settings, address: str) -> int | None:
    """The id of the mail that this return path belongs to; None where we did not make it.

    Small and capital letters are one, since mail servers may change them on the way."""
    local, _, host = settings.bounce_address.lower().rpartition("@")
    given, _, given_host = address.strip().strip("<>").lower().rpartition("@")
    base, _, tag = given.rpartition("+")
    match = TAG.fullmatch(tag)
    if not local or (base, given_host) != (local, host) or match is None:
        return None
    email_id = int(match[1])
    if not hmac.compare_digest(match[2], _proof(settings, email_id)):
        return None
    return email_id if email_id <= LAST_ID else None


def _proof(settings: Settings, email_id: int) -> str:
    """64 bits are plenty: a guess can be tried only by sending us a mail."""
    return hmac.new(settings.secret_key.encode(), f"bounce:{email_id}".encode(), hashlib.sha256).hexdigest()[:16]

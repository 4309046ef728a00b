"""How a webhook's call leaves: one signed POST, to the very address that was checked."""

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

from broker.config import Settings
from broker.domain.claims import Call, Outgoing
from broker.domain.delivery import PermanentFailure, TemporaryFailure
from broker.domain.web_addresses import Address, WebAddress, is_public, parse, resolve
from broker.domain.webhooks import key
from broker.errors import InvalidError

TOTAL_SECONDS = 10.0
"""For one call from the look-up of its host to the answer's head, far below the lease on it (claims.LEASE)."""
GONE = 410
"""The receiver says that it is there no more."""


class Unreached(TemporaryFailure):
    """There was no answer at all."""


class HttpDelivery:
    """POSTs a call as Standard Webhooks has it. No redirect is followed, and of the answer only its status counts."""

    def __init__(self, settings: Settings, total_seconds: float = TOTAL_SECONDS) -> None:
        self.settings = settings
        self.total_seconds = total_seconds

    def send(self, email: Outgoing, doubt: Callable[[], None] | None = None) -> None:
        """Make one call: any 2xx is well, 410 is PermanentFailure, all else TemporaryFailure: Unreached where there
        was no answer. A call that may have arrived is made again, with the same id: the receiver knows it."""
        assert email.call is not None  # noqa: S101 - claimed as one
        ends = time.monotonic() + self.total_seconds
        try:
            status = self._post(email, email.call, ends)
        except (OSError, http.client.HTTPException, ValueError) as error:
            told = "it took too long" if time.monotonic() >= ends else _words(error)
            raise Unreached(f"No answer: {told}.") from error
        if status == GONE:
            raise PermanentFailure("410: the receiver wants no more calls, so the webhook was switched off.")
        if not 200 <= status < 300:
            raise TemporaryFailure(f"The answer was {status}{_phrase(status)}.")

    def _post(self, email: Outgoing, call: Call, ends: float) -> int:
        try:
            address = parse(call.url)
        except InvalidError as error:
            raise TemporaryFailure(str(error)) from error
        found = resolve(address.host, address.port, self.total_seconds)
        if not self.settings.webhook_private and not all(map(is_public, found)):
            raise TemporaryFailure("The host is not one of the public Internet.")
        connection = _Pinned(address, found, ends)
        try:
            connection.request("POST", address.target, email.message, headers(self.settings, email, call))
            with closing(connection.getresponse()) as answer:
                return answer.status
        finally:
            connection.end()


def headers(settings: Settings, email: Outgoing, call: Call) -> dict[str, str]:
    """The headers of a call, with its signature over id, time and body."""
    stamp = str(int(call.at.timestamp()))
    signed = b".".join((email.message_id.encode(), stamp.encode(), email.message))
    digest = hmac.digest(key(settings, call.webhook_id, call.salt), signed, hashlib.sha256)
    return {
        "content-type": "application/json",
        "user-agent": "Cross-Innovation-Broker",
        "webhook-id": email.message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


class _Pinned(http.client.HTTPConnection):
    """A connection to one of the addresses given, whatever the host's name stands for by then; cut at its end."""

    def __init__(self, address: WebAddress, found: list[Address], ends: float) -> None:
        super().__init__(address.host, address.port)
        self.default_port = 443 if address.scheme == "https" else 80  # else the Host header names it
        self.address, self.found, self.ends = address, found, ends
        # A server that answers a letter now and then is never late for the time limit of a single one.
        self.watch = threading.Timer(max(0.0, ends - time.monotonic()), self._cut)
        self.watch.daemon = True

    def connect(self) -> None:
        """Connect to the first address that takes us; OSError where none does in time."""
        self.watch.start()
        self.sock = self._open()
        self._check_time()
        if self.address.scheme == "https":
            context = ssl.create_default_context()
            # Kept before it is used: who cuts the connection must find it.
            self.sock = context.wrap_socket(self.sock, server_hostname=self.address.host, do_handshake_on_connect=False)
            self._check_time()
            self.sock.do_handshake()

    def _open(self) -> socket.socket:
        for number, address in enumerate(self.found, 1):
            left = self.ends - time.monotonic()
            try:
                connection = socket.create_connection((str(address), self.address.port), max(0.01, left))
            except OSError:
                if number == len(self.found):
                    raise
            else:
                connection.settimeout(max(0.01, self.ends - time.monotonic()))
                return connection
        raise OSError("no address")  # pragma: no cover - there is always one

    def _check_time(self) -> None:
        """Whoever cuts the connection may have come a moment too soon to find it."""
        if time.monotonic() >= self.ends:
            raise TimeoutError

    def end(self) -> None:
        """Hang up, whatever the server still has to say."""
        self.watch.cancel()
        self.close()

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    """What happened, without the address, which may be a secret."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "no secure connection could be made"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if type(error) is OSError and len(error.args) == 1:
        return str(error)
    return type(error).__name__


def _phrase(status: int) -> str:
    return f" {http.client.responses[status]}" if status in http.client.responses else ""

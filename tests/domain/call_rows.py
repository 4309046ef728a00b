"""A call of a webhook as it stands in the outbox, and a program that is called."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from broker.domain.claims import Call, Outgoing
from broker.domain.windows import Window

MOMENT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def outgoing(url: str) -> Outgoing:
    """A claimed call."""
    call = Call(1, url, "salt", MOMENT)
    times = {"attempts": 1, "deadline": MOMENT + timedelta(days=1), "window": Window()}
    words = {"error": "", "withdrawn": False, "moot": ""}
    return Outgoing(1, "webhook", None, "crm.example", "msg_1", b'{"type":"webhook.test"}', **times, **words, call=call)  # type: ignore[arg-type]


@dataclass
class Receiver:
    """What it was sent, and what it answers."""

    url: str = ""
    status: int = 204
    location: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A program on loopback that takes calls."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            state.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(state.status)
            if state.location:
                self.send_header("location", state.location)
            self.end_headers()
            self.wfile.write(b"thank you" * 1000)

        def do_GET(self) -> None:
            state.requests.append((self.path, {}, b""))

        def log_message(self, *_: object) -> None:
            """No words."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/hook?key=1"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        state.url = f"https://localhost:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A real SMTP server in a process of its own. It writes down every Message-ID it accepts, and misbehaves on request.

What a recipient's address begins with says how: `550…` is refused for good, `slow…` is answered a little now and then.
"""

import argparse
import asyncio
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from broker.config import ROOT
from tests.ports import free_port
from tests.processes import Running

MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Manners:
    """How the server behaves: shares are of the tries, between 0 and 1."""

    delay: float = 0.0
    """Seconds before a mail is accepted, and again before that is said."""
    tempfail: float = 0.0
    """451 after the whole text was handed over."""
    drop: float = 0.0
    """Accepted, but the connection breaks before the answer."""
    greylist: float = 0.0
    """1: every recipient is refused with 450 at the first try."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A running server, and what it has accepted."""

    url: str
    log: Path

    def accepted(self) -> list[tuple[float, str]]:
        """When (seconds since 1970) and which Message-ID, in order."""
        lines = self.log.read_text().splitlines()
        return [(float(moment), message_id) for moment, message_id in (line.split() for line in lines)]

    def counted(self) -> Counter[str]:
        """How often each Message-ID was accepted."""
        return Counter(message_id for _, message_id in self.accepted())

    def count(self) -> int:
        """How many mails were accepted, repeated ones included."""
        return self.log.read_bytes().count(b"\n")


@contextmanager
def running_sink(folder: Path, manners: Manners | None = None) -> Iterator[Sink]:
    """A server on loopback that keeps its log in `folder`."""
    port, log = free_port(), folder / "accepted"
    log.touch()
    options = [f"--{name}={value}" for name, value in asdict(manners or Manners()).items()]
    command = [sys.executable, "-m", "tests.faults.sink", str(port), str(log), *options]
    with Running(command, {"PYTHONPATH": str(ROOT)}) as server:
        server.wait_for("^ready$")
        yield Sink(f"smtp://127.0.0.1:{port}", log)


class Handler:
    """What aiosmtpd asks for; its names are not ours."""

    def __init__(self, log: Path, manners: Manners) -> None:
        self.log = log.open("ab", buffering=0)
        self.manners = manners
        self.seen: set[str] = set()
        self.dice = random.Random(1)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse, or take the recipient."""
        if address.startswith("550"):
            return "550 5.1.1 No such mailbox"
        if self.manners.greylist and address not in self.seen:
            self.seen.add(address)
            return "450 4.2.0 Greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        """Refuse for now, take forever, or write the mail down and say so – or hang up instead."""
        if envelope.rcpt_tos[0].startswith("slow"):
            await _drip(server)
        if self.dice.random() < self.manners.tempfail:
            return "451 4.3.0 Try again later"
        await asyncio.sleep(self.manners.delay)
        found = MESSAGE_ID.search(bytes(envelope.original_content or b""))
        assert found is not None
        self.log.write(b"%.3f %s\n" % (time.time(), found[1]))
        if self.dice.random() < self.manners.drop:
            assert server.transport is not None
            server.transport.abort()
        await asyncio.sleep(self.manners.delay)
        return "250 OK"


async def _drip(server: SMTP) -> None:
    """Never late for the timeout of one answer, and never done."""
    while server.transport is not None and not server.transport.is_closing():
        server.transport.write(b"2")
        await asyncio.sleep(0.5)


async def serve(port: int, handler: Handler) -> None:
    """Until the process is ended."""
    server: Any = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


def main() -> None:
    """`python -m tests.faults.sink PORT LOG --delay=0.01 …`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("log", type=Path)
    for name in asdict(Manners()):
        parser.add_argument(f"--{name}", type=float)
    given = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    asyncio.run(serve(given.pop("port"), Handler(given.pop("log"), Manners(**given))))


if __name__ == "__main__":
    main()

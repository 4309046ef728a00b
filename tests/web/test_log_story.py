"""A whole story with its faults, served and logged as in production: no line tells an address or a secret."""

import io
import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import httpx2
import numpy as np
import pytest
import uvicorn
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from numpy.typing import NDArray
from sqlmodel import select

from broker import logs
from broker.config import Settings
from broker.db import Database
from broker.domain import relay, runs, shortlists
from broker.models import Account, Contact, Email, EmailStatus, MatchRun, RunStatus
from tests.ports import free_port
from tests.waiting import until
from tests.web.world import PASSWORD, World

SHEET = "Name;City;Needs;Offers;E-mail\nNeuland;Berlin;eine Klinik;Spiele;neuland@neuland.example\n"


class Words:
    """A small encoder: a text's letters, so that builds need no model."""

    fingerprint = "letters-1"

    def encode(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        rows = np.array([[text.lower().count(letter) + 0.01 for letter in "aeioustnrdl"] for text in texts], np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class Broken(Words):
    """Fails, and tells what no log should."""

    fingerprint = "broken-1"

    def encode(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        raise RuntimeError("cannot read what ada@firm.example wrote at postgresql://ada:hunter22@host/db")


class Picky:
    """A mail server that refuses one address for good, another for now, and names them when it does."""

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Named by aiosmtpd: somebody is named as recipient."""
        if "organiser" in address:
            return f"550 5.1.1 <{address}> is unknown here"
        if address.startswith("sme"):
            return f"451 4.7.1 <{address}> is greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def settings(settings: Settings) -> Iterator[Settings]:
    controller = Controller(Picky(), hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.log_json, settings.smtp_url = True, f"smtp://127.0.0.1:{controller.port}"
    yield settings
    controller.stop()


@pytest.fixture
def served(app: FastAPI) -> Iterator[str]:
    """The application by a real server that, for once, logs each raw path, too; with a page that breaks."""

    @app.get("/s/{token}/broken")
    def broken(token: str) -> None:
        raise RuntimeError(f"no page /s/{token} for ada@firm.example")

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, access_log=True, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="served application")
        thread.start()
        until(lambda: server.started, 20, "the server answers")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything logged, by anybody from INFO on, as it would be printed."""
    monkeypatch.setenv("BROKER_LOG_JSON", "true")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("mail.log").disabled = True  # the mail server is the test's own
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)
    logging.getLogger("mail.log").disabled = False


@pytest.fixture
def visit(served: str) -> Iterator[Callable[..., httpx2.Client]]:
    """`visit(email)`: a browser at the served application, signed in if named."""
    clients: list[httpx2.Client] = []

    def open_one(email: str = "") -> httpx2.Client:
        clients.append(httpx2.Client(base_url=served, headers={"sec-fetch-site": "same-origin"}, timeout=30))
        if email:
            assert clients[-1].post("/sign-in", data={"email": email, "password": PASSWORD}).status_code == 303
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()


def import_sheet(broker: httpx2.Client) -> None:
    preview = (
        broker.post("/import", files={"file": ("smes.csv", SHEET.encode())})
        .headers["location"]
        .removesuffix("/columns")
    )
    seal = re.search(r'name="seal" value="([^"]+)"', broker.get(preview).text)
    assert seal is not None
    assert broker.post(preview, data={"seal": seal[1]}).status_code < 400


def build(organiser: httpx2.Client, database: Database, event_id: int, encoder: Words) -> MatchRun:
    assert organiser.post(f"/events/{event_id}/runs").status_code == 303
    with database.read() as session:
        run = runs.latest(session, event_id)
    assert run is not None
    shortlists.build(database, run.id, owner="worker", encoder=encoder)
    with database.read() as session:
        return runs.get(session, run.id)


def tokens_mailed(database: Database) -> list[str]:
    """The secret part of every link in every mail."""
    with database.read() as session:
        mails = session.exec(select(Email.message)).all()
    texts = [cast(EmailMessage, message_from_bytes(mail, policy=policy.default)) for mail in mails]
    bodies = [part.get_content() for text in texts if (part := text.get_body(("plain",)))]
    return re.findall(r"/(?:s|u|link|password|invitation|sign-in/link)/([^\s/]{20,})", "\n".join(bodies))


def test_no_line_of_a_whole_story_tells_an_address_or_a_secret(
    visit: Callable[..., httpx2.Client], database: Database, world: World, written: io.StringIO
) -> None:
    people = {name: account.email for name, account in world.accounts.items()}
    broker, organiser, sme = visit(people["broker"]), visit(people["organiser"]), visit()
    import_sheet(broker)
    organiser.post(f"/events/{world.event.id}/registrations", data={"city": "berlin"})
    broken = build(organiser, database, world.event.id, Broken())
    good = build(organiser, database, world.event.id, Words())
    organiser.post(f"/events/{world.event.id}/approve", data={"run_id": str(good.id)})
    for name in ("broker", "organiser"):
        sme.post("/sign-in/link", data={"email": people[name]})
        sme.post("/password", data={"email": people[name]})
    tokens = tokens_mailed(database)
    relay.deliver_due(database, owner="worker")
    link = world.links["Spielwerk"]
    sme.get(link)
    sme.post(f"{link}/answers/{world.smes['Medilab Plzeň'].id}", data={"answer": "interested"})
    fault = sme.get(f"{link}/broken", headers={"x-request-id": "fault-1", "connection": "close"})
    used = [sme.post(f"/sign-in/link/{token}?to=ada@firm.example").status_code for token in tokens]
    for token in tokens:
        sme.get(f"/password/{token}?to=ada@firm.example")
        sme.post(f"/password/{token}", data={"password": "hunter22 hunter22"})
        for path in ("invitation", "link"):
            sme.get(f"/{path}/{token}")

    assert (broken.status, good.status, good.error) == (RunStatus.FAILED, RunStatus.DONE, "")
    assert (fault.status_code, used.count(303)) == (500, 2)
    with database.read() as session:
        ends = {email.status for email in session.exec(select(Email))}
        addresses = {*session.exec(select(Account.email)), *session.exec(select(Contact.email))}
    assert {EmailStatus.SENT, EmailStatus.FAILED, EmailStatus.QUEUED} <= ends
    told = written.getvalue()
    entries = [json.loads(line) for line in told.splitlines()]
    assert all(isinstance(entry, dict) for entry in entries)
    secrets = [*tokens, link.removeprefix("/s/"), "hunter22", *broker.cookies.values(), *organiser.cookies.values()]
    assert [secret for secret in secrets if secret in told] == []
    assert [address for address in addresses | {"ada@firm.example"} if address in told] == []
    assert re.findall(r"\S+@\S+\.\w+", told) == []
    faults = [entry for entry in entries if entry.get("request_id") == "fault-1" and entry["level"] == "error"]
    assert {entry["logger"] for entry in faults} == {"broker.web.traffic", "uvicorn.error"}
    assert any("RuntimeError: no page /s/[token] for [address]" in entry.get("exception", "") for entry in faults)
    assert any(entry["event"] == f"match run {broken.id} failed" for entry in entries)
    assert {entry["route"] for entry in entries if "route" in entry} >= {"/s/{token}", "/import/{file_id}"}

"""The real web server over a database, and somebody who keeps using it."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

from broker import serve
from broker.config import ROOT
from broker.db import Database
from tests.factories import make_event, make_shortlists, make_sme, register
from tests.ports import free_port
from tests.processes import Running
from tests.waiting import until
from tests.web.world import PASSWORD, World, build

PATIENCE = 20.0


@contextmanager
def running_web(database: Database, queue_url: str = "") -> Iterator[str]:
    """uvicorn as the service starts it; its address."""
    with web_process(database, queue_url) as (address, _):
        yield address


@contextmanager
def web_process(database: Database, queue_url: str = "") -> Iterator[tuple[str, int]]:
    """The same, and the process's id."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "broker.web.app:create_app", "--factory", "--port", str(port)]
    environment = {
        "BROKER_HOME": str(database.settings.home),
        "BROKER_DATABASE_URL": database.settings.database_url,
        "BROKER_QUEUE_URL": queue_url,
        "BROKER_PUBLIC_URL": address,
        "PYTHONPATH": str(ROOT),
        **serve.WEB_MEMORY,
    }
    with Running([*command, "--no-access-log", "--log-level", "warning"], environment) as running:
        until(lambda: answers(address), PATIENCE, "the web server answers")
        yield address, running.process.pid


def answers(address: str) -> bool:
    """Whether somebody is there."""
    try:
        return httpx2.get(f"{address}/health", timeout=PATIENCE).status_code == 200
    except httpx2.TransportError:
        return False


def browser(address: str) -> httpx2.Client:
    """One that sends what browsers send with a form of ours, and follows nothing."""
    return httpx2.Client(base_url=address, headers={"sec-fetch-site": "same-origin"}, timeout=PATIENCE)


def sign_in(client: httpx2.Client, world: World, name: str) -> None:
    """As one of the world's people."""
    answer = client.post("/sign-in", data={"email": world.accounts[name].email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


def add_world(database: Database) -> World:
    """The people and the approved event of the web tests, in a demo home; committed."""
    database.settings.demo_mark.touch()
    with database.write() as session:
        return build(session, database.settings)


def add_drafts(database: Database, world: World, smes: int) -> tuple[int, int]:
    """An event of the organiser's with draft shortlists of so many SMEs, in pairs: its id and the run's."""
    with database.write() as session:
        event = make_event(session, organiser_id=world.accounts["organiser"].id)
        firms = [make_sme(session) for _ in range(smes)]
        register(session, event, *firms)
        lists = make_shortlists(session, event, *zip(firms[::2], firms[1::2], strict=True))
        return event.id, next(iter(lists.values())).run_id


@dataclass
class Visits:
    """What one visitor was answered: how often, how slowly at worst, and what was no good."""

    asked: int = 0
    slowest: float = 0.0
    bad: list[str] = field(default_factory=list)

    def note(self, ask: Callable[[], httpx2.Response], good: set[int]) -> None:
        """Ask once."""
        began = time.monotonic()
        try:
            status = ask().status_code
            if status not in good:
                self.bad.append(str(status))
        except httpx2.TransportError as error:
            self.bad.append(type(error).__name__)
        self.asked += 1
        self.slowest = max(self.slowest, time.monotonic() - began)


@contextmanager
def visiting(address: str, world: World) -> Iterator[Visits]:
    """Somebody asks after the service's health and changes an SME's answer, again and again."""
    visits, stop = Visits(), threading.Event()
    path = f"{world.links['Spielwerk']}/answers/{world.smes['Nordljus Film'].id}"

    def visit() -> None:
        with browser(address) as client:
            while not stop.wait(0.1):
                visits.note(lambda: client.get("/health"), {200})
                answer = "not_now" if visits.asked % 4 else "interested"
                visits.note(lambda answer=answer: client.post(path, data={"answer": answer}), {303})

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield visits
    finally:
        stop.set()
        thread.join()

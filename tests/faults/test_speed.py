"""From the click on approve to the last mail at the mail server, beside a bare loop that sends the same bytes."""

import smtplib
import time
from pathlib import Path

import pytest
from sqlmodel import col, select

from broker.db import Database
from broker.domain import approvals
from broker.models import Email, EmailStatus
from tests.factories import make_event, make_shortlists, make_sme, register
from tests.faults import figures
from tests.faults.mails import statuses
from tests.faults.queues import PrivateQueue
from tests.faults.sink import Sink, running_sink
from tests.faults.web import add_world, browser, running_web, sign_in
from tests.integration.workers import start_celery
from tests.waiting import until
from tests.web.world import World

SMES = figures.size(1000, 20)
PARTNERS = 2
"""Each is on the lists of so many after it, and of as many before it."""
SERVED = ("worker", "--beat", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")
"""As `broker serve` starts it."""


def add_cohort(database: Database, world: World) -> tuple[int, int]:
    """An event with drafts for `SMES` firms: its id and the run's."""
    with database.write() as session:
        event = make_event(session, organiser_id=world.accounts["organiser"].id)
        firms = [make_sme(session) for _ in range(SMES)]
        register(session, event, *firms)
        pairs = [(firms[n], firms[(n + step) % SMES]) for n in range(SMES) for step in range(1, PARTNERS + 1)]
        lists = make_shortlists(session, event, *pairs)
        return event.id, next(iter(lists.values())).run_id


def bare_loop(database: Database, sink: Sink) -> float:
    """Seconds for the same mails over one connection, with nothing written down."""
    with database.read() as session:
        mails = session.exec(select(Email.to_address, Email.message).where(Email.kind == "shortlist")).all()
    host, _, port = sink.url.removeprefix("smtp://").partition(":")
    began = time.monotonic()
    with smtplib.SMTP(host, int(port)) as server:
        for address, message in mails:
            server.sendmail("shortlists@cross-innovation.example", [address], message)
    return time.monotonic() - began


@pytest.mark.parametrize("database", figures.databases("sqlite"), indirect=True)
def test_every_mail_of_a_large_workshop_arrives(
    database: Database, kind: str, queue: PrivateQueue, tmp_path: Path
) -> None:
    """A time is told, never required: it says as much of the machine as of the service."""
    world = add_world(database)
    event_id, run_id = add_cohort(database, world)
    (tmp_path / "bare").mkdir()
    with (
        running_sink(tmp_path) as sink,
        running_web(database, queue.url) as address,
        start_celery(database, queue.url, SERVED, smtp_url=sink.url),
        browser(address) as organiser,
    ):
        sign_in(organiser, world, "organiser")
        database.settings.public_url = address  # part of every link
        began = time.monotonic()
        assert approvals.prepare(database, event_id) == SMES, "as the worker does when a run has ended"
        prepared = time.monotonic() - began
        until(lambda: sink.count() == 1, 60, "the worker is there: the world's own mail has gone out")
        began = time.time()
        answer = organiser.post(f"/events/{event_id}/approve", data={"run_id": run_id}, timeout=300)
        approved = time.time()
        assert answer.status_code == 303
        until(lambda: statuses(database) == {EmailStatus.SENT: SMES + 1}, 300, "all mails are sent")
        last = max(moment for moment, _ in sink.accepted())
    with running_sink(tmp_path / "bare") as bare:
        floor = bare_loop(database, bare)
    with database.read() as session:
        size = sum(map(len, session.exec(select(Email.message).where(col(Email.kind) == "shortlist")))) / SMES
    figures.note(
        f"approve to last mail, {kind}",
        mails=SMES,
        bytes_each=int(size),
        drafts_written_ahead_s=prepared,
        approve_s=approved - began,
        delivery_s=last - approved,
        total_s=last - began,
        bare_smtplib_s=floor,
        delivery_to_bare=(last - approved) / floor,
        total_to_bare=(last - began) / floor,
    )
    assert len(sink.counted()) == SMES + 1

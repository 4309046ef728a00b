"""A worker killed in the middle of a build: the run is noticed, resumed, and comes to the same result."""

import os
import signal
from pathlib import Path

from sqlmodel import col, select

from broker.db import Database, now
from broker.domain import runs, shortlists
from broker.domain.embeddings import TextEncoder
from broker.models import Match, MatchRun, RunStatus, Shortlist
from tests.factories import make_event, make_sme, register
from tests.integration.workers import start_worker
from tests.waiting import until

SLOW = 90
"""Seconds; loading the model takes some, on a busy machine many."""
FIRMS = {
    "Berlin Play": ("berlin", "games", "games that make exercises fun", "patients who test a game"),
    "Pilsen Clinic": ("pilsen", "health", "patients for pilot studies", "a game that makes exercises fun"),
    "Rome Sound": ("rome", "music", "warning sounds for quiet vehicles", "an electric bus to test sounds on"),
    "Linz Bus": ("linz", "mobility", "electric buses to test on", "a warning sound for quiet buses"),
    "Vilnius Paper": ("vilnius", "publishing", "drawn manuals for machines", "a factory with bad manuals"),
    "Tallinn Works": ("tallinn", "manufacturing", "machines with long manuals", "manuals people understand"),
}


def request_run(database: Database, event_id: int) -> int:
    with database.write() as session:
        return runs.request(session, "test", event_id).id or 0


def add_event(database: Database) -> int:
    with database.write() as session:
        event = make_event(session)
        for name, (city, sector, offer, need) in FIRMS.items():
            sme = make_sme(session, name, city=city, sector=sector, offers=[offer], needs=[need])
            register(session, event, sme)
        return event.id or 0


def get_run(database: Database, run_id: int) -> MatchRun:
    with database.read() as session:
        return runs.get(session, run_id)


def let_the_heartbeat_grow_old(database: Database, run_id: int) -> None:
    """Stands in for waiting until it has."""
    with database.write() as session:
        run = runs.get(session, run_id)
        run.heartbeat_at = now(session) - 2 * runs.STALE
        session.add(run)


def test_a_worker_killed_while_it_builds_loses_nothing(
    database: Database, empty_queue: str, encoder: TextEncoder, model_home: Path
) -> None:
    event_id = add_event(database)
    run_id = request_run(database, event_id)
    with start_worker(database, empty_queue, home=model_home) as worker:
        until(lambda: get_run(database, run_id).status is RunStatus.RUNNING, SLOW, "the run is taken")
        os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
    assert get_run(database, run_id).status is RunStatus.RUNNING
    with database.read() as session:
        assert session.exec(select(Match)).all() == []

    let_the_heartbeat_grow_old(database, run_id)
    with start_worker(database, empty_queue, home=model_home):
        until(lambda: get_run(database, run_id).status not in runs.ACTIVE, SLOW, "the run has ended")
    resumed = get_run(database, run_id)
    assert (resumed.status, resumed.error, resumed.attempts) == (RunStatus.DONE, "", 2)
    with database.read() as session:
        lists = session.exec(select(Shortlist).order_by(col(Shortlist.sme_id))).all()
        assert [row.run_id for row in lists] == [run_id] * len(FIRMS)
        assert len({row.sme_id for row in lists}) == len(FIRMS)

    undisturbed = request_run(database, event_id)
    assert shortlists.build(database, undisturbed, owner="test", encoder=encoder)
    assert get_run(database, undisturbed).result_hash == resumed.result_hash


def test_a_run_that_keeps_losing_its_worker_fails_with_that_reason(database: Database) -> None:
    run_id = request_run(database, add_event(database))
    for attempt in range(runs.MAX_ATTEMPTS):
        with database.write() as session:
            assert runs.claim(session, run_id, f"worker {attempt}") is not None
        let_the_heartbeat_grow_old(database, run_id)
        with database.write() as session:
            runs.recover(session)

    run = get_run(database, run_id)
    assert run.status is RunStatus.FAILED
    assert run.error == "The worker stopped 3 times while building."

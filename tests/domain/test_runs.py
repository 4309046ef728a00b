"""A match run belongs to one worker at a time, and none is ever forgotten."""

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import owners, runs
from broker.errors import ConflictError
from broker.models import MatchRun, RunStatus
from tests.factories import make_event, make_sme, register
from tests.races import behind


@pytest.fixture
def run(session: Session) -> MatchRun:
    event = make_event(session)
    register(session, event, make_sme(session), make_sme(session))
    made = runs.request(session, "ann", event.id)
    session.commit()
    return made


def test_a_request_wakes_a_worker_with_its_id_only(database: Database) -> None:
    woken: list[tuple[str, int | None]] = []
    database.publish = woken.append
    with database.write() as session:
        event = make_event(session)
        register(session, event, make_sme(session), make_sme(session))
        run = runs.request(session, "ann", event.id)
    assert woken == [("matchruns.build", run.id)]


def test_a_second_request_while_one_is_active_is_refused(session: Session, run: MatchRun) -> None:
    with pytest.raises(ConflictError, match="being built already"):
        runs.request(session, "ann", run.event_id)


def test_an_event_with_one_sme_cannot_be_matched(session: Session) -> None:
    event = make_event(session)
    register(session, event, make_sme(session))
    with pytest.raises(ConflictError, match="at least two SMEs"):
        runs.request(session, "ann", event.id)


def test_only_the_first_claim_gets_the_run(session: Session, run: MatchRun) -> None:
    claimed = runs.claim(session, run.id, "first")
    assert claimed is not None
    assert (claimed.status, claimed.owner, claimed.attempts) == (RunStatus.RUNNING, "first", 1)
    assert runs.claim(session, run.id, "second") is None


def test_progress_is_refused_to_a_worker_that_lost_the_run(session: Session, run: MatchRun) -> None:
    runs.claim(session, run.id, "first")
    runs.report(session, run.id, "first", "fit", 3, 7)
    assert (runs.get(session, run.id).stage, runs.get(session, run.id).done) == ("fit", 3)
    with pytest.raises(runs.RunCancelled):
        runs.report(session, run.id, "second", "fit", 4, 7)


def test_cancelling_a_queued_run_ends_it_at_once(session: Session, run: MatchRun) -> None:
    runs.cancel(session, "ann", run.id)
    assert runs.get(session, run.id).status == RunStatus.CANCELLED
    with pytest.raises(ConflictError, match="ended already"):
        runs.cancel(session, "ann", run.id)


def test_cancelling_a_running_run_stops_it_at_its_next_step(session: Session, run: MatchRun) -> None:
    runs.claim(session, run.id, "first")
    runs.cancel(session, "ann", run.id)
    session.flush()
    with pytest.raises(runs.RunCancelled):
        runs.report(session, run.id, "first", "fit", 1, 2)
    runs.fail(session, run.id, "first", "")
    assert runs.get(session, run.id).status == RunStatus.CANCELLED


def test_a_forgotten_queued_run_is_woken_again(session: Session, run: MatchRun) -> None:
    assert runs.recover(session) == [run.id]
    assert session.info["wakes"] == [("matchruns.build", run.id)]


def test_a_run_whose_worker_is_alive_is_left_alone(session: Session, run: MatchRun) -> None:
    runs.claim(session, run.id, "first")
    assert runs.recover(session) == []


def test_a_run_whose_worker_died_is_queued_again(session: Session, run: MatchRun) -> None:
    _lose(session, run)
    assert runs.recover(session) == [run.id]
    assert runs.get(session, run.id).status == RunStatus.QUEUED


def test_a_run_whose_process_has_ended_on_this_machine_is_queued_again_at_once(session: Session, run: MatchRun) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    runs.claim(session, run.id, f"here/{owners.machine()}:{ended.pid}:abcd")
    assert runs.recover(session) == [run.id]
    assert runs.get(session, run.id).status is RunStatus.QUEUED


def test_a_run_that_loses_three_workers_fails_with_its_reason(session: Session, run: MatchRun) -> None:
    for _ in range(runs.MAX_ATTEMPTS):
        _lose(session, run)
        runs.recover(session)
        session.flush()
    ended = runs.get(session, run.id)
    assert (ended.status, ended.error) == (RunStatus.FAILED, "The worker stopped 3 times while building.")
    assert ended.finished_at is not None


def test_a_cancelled_run_whose_worker_died_is_not_built_again(session: Session, run: MatchRun) -> None:
    _lose(session, run)
    runs.cancel(session, "ann", run.id)
    session.flush()
    assert runs.recover(session) == []
    assert runs.get(session, run.id).status == RunStatus.CANCELLED


def _lose(session: Session, run: MatchRun) -> None:
    """Claim the run for a worker that was last heard of too long ago."""
    claimed = runs.claim(session, run.id, "dead")
    assert claimed is not None
    claimed.heartbeat_at = now(session) - runs.STALE - timedelta(seconds=1)
    session.flush()


def test_a_request_at_the_same_moment_is_refused_like_a_later_one(database: Database) -> None:
    with database.write() as session:
        event = make_event(session)
        register(session, event, make_sme(session), make_sme(session))

    def second(other: Session) -> int:
        with pytest.raises(ConflictError, match="being built already"):
            runs.request(other, "bob", event.id)
        return len(other.exec(select(MatchRun)).all())

    with Session(database.engine, expire_on_commit=False) as session:
        runs.request(session, "ann", event.id)
        assert behind(database, session, second) == 1


def test_cancelling_a_run_that_is_just_being_saved_says_that_it_has_ended(
    database: Database, session: Session, run: MatchRun
) -> None:
    runs.claim(session, run.id, "worker")
    session.commit()
    runs.report(session, run.id, "worker", "saving", 1, 1)
    runs.finish(session, runs.get(session, run.id), RunStatus.DONE)
    session.flush()
    with pytest.raises(ConflictError, match="ended already"):
        behind(database, session, lambda other: runs.cancel(other, "ann", run.id))
    with database.read() as reading:
        ended = runs.get(reading, run.id)
        assert (ended.status, ended.cancel_requested) == (RunStatus.DONE, False)


def test_a_run_cancelled_just_before_it_is_saved_is_not_saved(
    database: Database, session: Session, run: MatchRun
) -> None:
    runs.claim(session, run.id, "worker")
    session.commit()
    runs.cancel(session, "ann", run.id)
    session.flush()
    with pytest.raises(runs.RunCancelled):
        behind(database, session, lambda other: runs.report(other, run.id, "worker", "saving", 1, 1))

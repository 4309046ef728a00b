"""The life of a match run: requested, claimed by one worker, watched, cancelled, recovered."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from broker.db import now, wake
from broker.domain import audit, events, owners, webhooks
from broker.errors import ConflictError, NotFoundError
from broker.models import MatchRun, Registration, RunStatus

ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)
STALE = timedelta(seconds=15)
"""A running run whose worker has not been heard of for this long has lost it."""
MAX_ATTEMPTS = 3
BUILDING = "Shortlists for this event are being built already."


class RunCancelled(Exception):  # noqa: N818 - it is a person's wish, not an error
    """Raised inside a build when somebody asked to cancel it or another worker took it over."""


def request(session: Session, actor: str, event_id: int, seed: int = 1) -> MatchRun:
    """Queue a run for an event. ConflictError while one is active or when nobody could be matched."""
    event = events.get(session, event_id)
    if active(session, event_id) is not None:
        raise ConflictError(BUILDING)
    registered = session.exec(select(Registration.id).where(Registration.event_id == event_id).limit(2)).all()
    if len(registered) < 2:
        raise ConflictError("Register at least two SMEs first: there is nobody to match yet.")
    run = MatchRun(event_id=event_id, seed=seed, requested_by=actor, created_at=now(session))
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError as error:  # a button clicked twice: the other request was faster
        raise ConflictError(BUILDING) from error
    audit.record(session, actor, "run.request", f"event {event.id}", run=run.id, seed=seed)
    wake(session, "matchruns.build", run.id)
    return run


def get(session: Session, run_id: int, *, lock: bool = False) -> MatchRun:
    """The run, or NotFoundError; locked until the end of the transaction where it is about to be ended."""
    run = session.get(MatchRun, run_id, populate_existing=True, with_for_update=lock or None)
    if run is None:
        raise NotFoundError(f"There is no match run {run_id}.")
    return run


def active(session: Session, event_id: int) -> MatchRun | None:
    """The run of an event that is queued or running."""
    return session.exec(
        select(MatchRun).where(MatchRun.event_id == event_id, col(MatchRun.status).in_(ACTIVE))
    ).one_or_none()


def latest(session: Session, event_id: int, *statuses: RunStatus) -> MatchRun | None:
    """The newest run of an event, of any or of the given statuses."""
    query = select(MatchRun).where(MatchRun.event_id == event_id).order_by(col(MatchRun.id).desc())
    return session.exec(query.where(col(MatchRun.status).in_(statuses)) if statuses else query).first()


def claim(session: Session, run_id: int, owner: str) -> MatchRun | None:
    """Take a queued run, or None if another worker has it: one conditional update decides."""
    taken = session.connection().execute(
        update(MatchRun)
        .where(col(MatchRun.id) == run_id, col(MatchRun.status) == RunStatus.QUEUED)
        .values(
            status=RunStatus.RUNNING,
            owner=owner,
            heartbeat_at=now(session),
            attempts=MatchRun.attempts + 1,
            stage="starting",
            done=0,
            total=0,
        )
    )
    return get(session, run_id) if taken.rowcount == 1 else None


def report(session: Session, run_id: int, owner: str, stage: str, done: int, total: int) -> None:
    """Write progress and heartbeat. RunCancelled when it was cancelled or is no longer this owner's."""
    still_ours = session.connection().execute(
        update(MatchRun)
        .where(
            col(MatchRun.id) == run_id,
            col(MatchRun.owner) == owner,
            col(MatchRun.status) == RunStatus.RUNNING,
            col(MatchRun.cancel_requested).is_(False),
        )
        .values(stage=stage, done=done, total=total, heartbeat_at=now(session))
    )
    if still_ours.rowcount != 1:
        raise RunCancelled


def beat(session: Session, run_id: int, owner: str) -> None:
    """Say that the worker is alive, where there is no progress to report."""
    session.connection().execute(
        update(MatchRun)
        .where(col(MatchRun.id) == run_id, col(MatchRun.owner) == owner)
        .values(heartbeat_at=now(session))
    )


def finish(session: Session, run: MatchRun, status: RunStatus, error: str = "") -> None:
    """End a run for good. The caller has its row locked (`report` does that as well), so that nobody ends it twice."""
    run.status, run.error, run.owner, run.finished_at = status, error[:500], None, now(session)
    run.stage = status.value
    session.add(run)
    audit.record(session, run.requested_by, f"run.{status}", f"event {run.event_id}", run=run.id)
    webhooks.run_finished(session, run)


def fail(session: Session, run_id: int, owner: str, error: str) -> None:
    """End a run with its reason, if it is still this owner's."""
    run = get(session, run_id, lock=True)
    if run.owner == owner and run.status == RunStatus.RUNNING:
        cancelled = run.cancel_requested
        finish(session, run, RunStatus.CANCELLED if cancelled else RunStatus.FAILED, "" if cancelled else error)


def cancel(session: Session, actor: str, run_id: int) -> None:
    """Ask a run to stop: a queued one ends at once, a running one at its next step. One that is just being saved
    is waited for, and ConflictError says that it has ended."""
    run = get(session, run_id, lock=True)
    if run.status not in ACTIVE:
        raise ConflictError("This run has ended already.")
    audit.record(session, actor, "run.cancel", f"event {run.event_id}", run=run.id)
    run.cancel_requested = True
    if run.status == RunStatus.QUEUED:
        finish(session, run, RunStatus.CANCELLED)
    session.add(run)


def recover(session: Session) -> list[int]:
    """Wake queued runs again and take runs back from workers that died; ids of those to build now. One of this
    machine is known to be gone at once, one of another after `STALE`.

    A run that has lost its worker `MAX_ATTEMPTS` times fails with that reason."""
    moment = now(session)
    waiting: list[int] = []
    for run in session.exec(select(MatchRun).where(col(MatchRun.status).in_(ACTIVE)).with_for_update()):
        heard = run.heartbeat_at is not None and moment - run.heartbeat_at < STALE
        if run.status == RunStatus.RUNNING and heard and not owners.is_gone(run.owner or ""):
            continue
        if run.cancel_requested:
            finish(session, run, RunStatus.CANCELLED)
        elif run.attempts >= MAX_ATTEMPTS:
            finish(session, run, RunStatus.FAILED, f"The worker stopped {run.attempts} times while building.")
        else:
            run.status, run.owner, run.stage = RunStatus.QUEUED, None, "queued"
            session.add(run)
            wake(session, "matchruns.build", run.id)
            waiting.append(run.id)
    return waiting

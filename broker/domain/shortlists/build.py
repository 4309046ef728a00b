"""Build an event's shortlists: gather (queries) → decide (the engine, no I/O) → apply."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from sqlalchemy.exc import OperationalError

import matching
from broker.db import Database
from broker.domain import runs
from broker.domain.embeddings import TextEncoder
from broker.domain.shortlists.encode import Progress, resolve_sectors, vectors
from broker.domain.shortlists.gather import digest, gather
from broker.domain.shortlists.keep import keep
from broker.domain.shortlists.weights import load_weights
from broker.errors import BrokerError
from broker.models import MatchRun
from matching import background
from matching.fingerprint import identity_of

log = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 4.0
REPORT_SECONDS = 0.5
"""Progress within a stage is written at most this often: every write takes the database's lock."""


def build(
    database: Database,
    run_id: int,
    *,
    owner: str,
    encoder: TextEncoder | None = None,
    progress: Progress | None = None,
) -> bool:
    """Do a queued run to its end; False if another worker has it. Its failure is its row's, not an exception."""
    with database.write() as session:
        run = runs.claim(session, run_id, owner)
    if run is None:
        return False
    try:
        with _heart(database, run_id, owner):
            _build(database, run, owner, encoder, _reporter(database, run_id, owner, progress))
    except runs.RunCancelled:
        _end(database, run_id, owner, "Another worker took over.")
    except BrokerError as error:
        _end(database, run_id, owner, str(error))
    except Exception as error:
        log.exception("match run %s failed", run_id)
        _end(
            database,
            run_id,
            owner,
            f"An unexpected fault stopped it ({type(error).__name__}). It is in the log.",
        )
    return True


def _build(database: Database, run: MatchRun, owner: str, encoder: TextEncoder | None, report: Progress) -> None:
    weights = load_weights(database.settings)
    report("sectors", 0, 0)
    resolve_sectors(database, encoder)
    with database.read() as session:
        gathered = gather(session, run.event_id)
    model, by_text = vectors(database, gathered.cohort.profiles, encoder, report)
    scales = background.load(identity_of(model))
    result = matching.build(gathered.cohort, by_text, gathered.policy, weights, run.seed, report, scales)
    report("saving", 0, 0)
    frozen: dict[str, object] = {
        "policy": asdict(gathered.policy),
        "weights": asdict(weights),
        "background": background.digest(scales) if scales else "the cohort's own",
        "profiles": gathered.versions,
        "pairs": gathered.pairs,
        "inputs": digest(gathered),
    }
    with database.write() as session:
        # The last look at the lease and the shortlists themselves are one transaction: no half lists, ever.
        runs.report(session, run.id, owner, "saving", 1, 1)
        keep(session, runs.get(session, run.id), result, model, frozen)


@contextmanager
def _heart(database: Database, run_id: int, owner: str) -> Iterator[None]:
    """Beat in a thread while the engine computes, so that a sweep can tell a slow worker from a dead one."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            try:
                with database.write() as session:
                    runs.beat(session, run_id, owner)
            except OperationalError:
                log.warning("match run %s: one heartbeat was missed, the database did not answer", run_id)

    thread = threading.Thread(target=beat, name=f"heart of run {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _reporter(database: Database, run_id: int, owner: str, progress: Progress | None) -> Progress:
    """A progress function that writes to the run's row (and raises when it was cancelled) and tells `progress`."""
    last: tuple[str, float] = ("", 0.0)

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        if progress is not None:
            progress(stage, done, total)
        if stage != last[0] or time.monotonic() - last[1] >= REPORT_SECONDS:
            last = (stage, time.monotonic())
            with database.write() as session:
                runs.report(session, run_id, owner, stage, done, total)

    return report


def _end(database: Database, run_id: int, owner: str, error: str) -> None:
    with database.write() as session:
        runs.fail(session, run_id, owner, error)

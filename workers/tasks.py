"""What the queue can wake: ids in, one call of the domain each. Every task may be run twice or never."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from typing import Any

from celery.signals import worker_ready
from kombu.exceptions import OperationalError
from sqlmodel import Session

from broker.config import Settings
from broker.db import Database, now, wake
from broker.domain import (
    approvals,
    bounce_reports,
    changes,
    drafts,
    invitation_letters,
    lifecycle,
    login_links,
    mailings,
    outbox,
    owners,
    profiles,
    pulses,
    relay,
    runs,
    shortlists,
    tokens,
    uploads,
)
from broker.queue import publisher
from workers.app import app

log = logging.getLogger(__name__)
FORGOTTEN = timedelta(seconds=30)
"""Sectors are looked for as soon as they are imported; only what waits longer has been forgotten."""
AT_WORK = timedelta(seconds=3)
"""A relay says that often, and oftener, that it is at it, unless a mail server keeps it waiting."""
DELIVERERS = 2
"""At once on one machine; on SQLite one, as two that wait for its lock are no faster."""
MUCH = 20
"""Mails; fewer are sent sooner than another process is there."""
TURN_SECONDS = 10.0
"""After so long a delivery ends and is woken again behind what waits meanwhile, as a sweep or a match run."""
REMINDER_SECONDS = 60.0
"""A process reminds of them no more often: the model may take long to load, or fail to."""
PAUSE_SECONDS = 0.2
"""Between two such transactions: who waits for SQLite's lock looks for it every tenth of a second."""


@lru_cache(maxsize=1)
def database() -> Database:
    """This process's database; made when its first task runs, so never shared through a fork."""
    settings = Settings()
    return Database(settings, publisher(settings))


@app.task(name="matchruns.build")
def build_match_run(run_id: int) -> None:
    """Build the shortlists of a queued run."""
    if shortlists.build(database(), run_id, owner=owners.name()):
        log.info("match run %s has ended", run_id)


@app.task(name="shortlists.prepare")
def prepare_shortlists(event_id: int) -> None:
    """Write the mails of an event's drafts ahead; where this is lost, approving writes them itself."""
    if written := approvals.prepare(database(), event_id):
        log.info("event %s: %s mails of draft shortlists written", event_id, written)


@app.task(name="outbox.deliver")
def deliver_outbox() -> None:
    """Deliver mail that is due, few processes at once and each for a while: others wait for this one, too."""
    places = 1 if database().settings.is_sqlite else DELIVERERS
    with _one_of("deliver", places) as is_free:
        if is_free:
            if places > 1:
                _call_another()
            _deliver()


def _call_another() -> None:
    """Where much is due, the next process joins in. With caps nobody does: they would find nothing to do at once."""
    settings = database().settings
    if settings.mails_per_minute or settings.mails_per_domain:
        return
    with database().read() as session:
        much = outbox.count_due(session) > MUCH
    if much:
        with suppress(OperationalError):  # the queue is away: the next turn comes by the sweep
            # Dropped where no other process is free, else they would pile up in front of other work.
            deliver_outbox.apply_async(expires=TURN_SECONDS / 2, retry=False)


def _deliver() -> None:
    began = time.monotonic()
    delivered = relay.deliver_due(database(), owner=owners.name(), seconds=TURN_SECONDS)
    if time.monotonic() - began >= TURN_SECONDS:
        with database().write() as session:
            wake(session, "outbox.deliver")
    if delivered != relay.Delivered():
        counts = delivered.sent, delivered.later, delivered.failed, delivered.held
        log.info("mails: %s sent, %s to try again, %s failed, %s held", *counts)


@app.task(name="webhooks.deliver")
def deliver_calls() -> None:
    """Make the calls of webhooks that are due: apart from mails, so that no server that is slow delays any."""
    with _one_of("webhooks", 1) as is_free:
        if is_free:
            _call()


def _call() -> None:
    delivered = relay.call_due(database(), owner=owners.name(), seconds=TURN_SECONDS)
    with database().write() as session:
        if outbox.count_due_calls(session):
            wake(session, "webhooks.deliver")
    if delivered != relay.Delivered():
        log.info("calls: %s made, %s to try again, %s failed", delivered.sent, delivered.later, delivered.failed)


@app.task(name="sectors.resolve")
def resolve_sectors() -> None:
    """Find the nearest sector for those given in free words; where another process is at it, that is enough."""
    with _one_of("sectors", 1) as is_free:
        if is_free:
            shortlists.resolve_sectors(database())


@app.task(name="drafts.look")
def look_at_draft(draft_id: int) -> None:
    """Find who would see an SME with the statements its broker is typing."""
    shortlists.look(database(), draft_id)


@app.task(name="drafts.read_texts")
def read_texts() -> None:
    """Read the texts of SMEs that no run has read yet; where another process is at it, that is enough."""
    with _one_of("texts", 1) as is_free:
        if is_free:
            log.info("the texts of %s SMEs read", shortlists.read_texts(database()))


@contextmanager
def _one_of(name: str, places: int) -> Iterator[bool]:
    """Whether fewer than so many processes of this home are within; the system frees the place of one that dies."""
    home = database().settings.home
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        for number in range(places):
            file = files.enter_context((home / f"{name}{number or ''}.lock").open("w"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
        yield False


@app.task(name="sweep")
def sweep() -> None:
    """Wake again whatever was forgotten: lost wake-ups, and rows whose worker died (law 2)."""
    with database().write() as session:
        for run_id in runs.recover(session):
            log.info("match run %s waits for a worker", run_id)
        if freed := relay.release_stuck(session):
            log.warning("%s mails taken back: their worker stopped while sending", freed)
        if outbox.count_due(session) and (freed or not _is_at_work(session, "relay")):
            wake(session, "outbox.deliver")
        if outbox.count_due_calls(session) and (freed or not _is_at_work(session, "webhooks")):
            wake(session, "webhooks.deliver")
        if _sectors_forgotten(session):
            wake(session, "sectors.resolve")
        login_links.forget_expired(session)
        tokens.forget_expired(session)
        changes.prune(session)
        uploads.prune(session)
        drafts.sweep(session)
        if expired := lifecycle.expire_due(session):
            log.info("%s profiles have expired", expired)
        lifecycle.remind_due(session, database().settings)
        pulses.beat(session, "sweep")
    _write_mailings()
    write_invitations()
    bounce_reports.read_folder(database())


def _is_at_work(session: Session, part: str) -> bool:
    """Whether somebody is at it: who ends a turn calls the next one."""
    last = pulses.last(session).get(part)
    return last is not None and now(session) - last < AT_WORK


def _write_mailings() -> None:
    """Write what the plans of events have due, in short transactions so that nobody waits long for the database."""
    while True:
        with database().write() as session:
            written = mailings.write_due(session, database().settings)
        if written:
            log.info("%s mails written by date", written)
        if written < mailings.BATCH:
            return
        time.sleep(PAUSE_SECONDS)


@app.task(name="invitations.write")
def write_invitations() -> None:
    """Write the mails of SMEs that were invited, in short transactions as well."""
    after = 0
    while True:
        with database().write() as session:
            written, last = invitation_letters.write_due(session, database().settings, after)
        if written:
            log.info("%s invitations written", written)
        if last is None:
            return
        after = last
        time.sleep(PAUSE_SECONDS)


@worker_ready.connect
def sweep_at_once(**_: Any) -> None:
    """A worker that starts may be the next of one that died: do not wait for the first tick."""
    sweep.apply_async(expires=60)


_reminded = -REMINDER_SECONDS


def _sectors_forgotten(session: Session) -> bool:
    """Whether sectors wait that nobody seems to look for, and this process has not said so a moment ago."""
    global _reminded
    if time.monotonic() - _reminded < REMINDER_SECONDS:
        return False
    waiting = profiles.sectors_to_resolve(session)
    forgotten = bool(waiting) and min(sme.updated_at for sme in waiting) < now(session) - FORGOTTEN
    if forgotten:
        _reminded = time.monotonic()
    return forgotten

"""What the queue can wake: ids in, one call of the domain each. Every task may be run twice or never."""

import logging
import os
import secrets
import socket
from functools import lru_cache

from broker.config import Settings
from broker.db import Database, wake
from broker.domain import outbox, profiles, runs, shortlists
from broker.queue import publisher
from workers.app import app

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def database() -> Database:
    """This process's database; made when its first task runs, so never shared through a fork."""
    settings = Settings()
    return Database(settings, publisher(settings))


@lru_cache(maxsize=1)
def owner() -> str:
    """This process's name on the rows it works on, never used again by another process."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


@app.task(name="matchruns.build")
def build_match_run(run_id: int) -> None:
    """Build the shortlists of a queued run."""
    if shortlists.build(database(), run_id, owner=owner()):
        log.info("match run %s has ended", run_id)


@app.task(name="outbox.deliver")
def deliver_outbox() -> None:
    """Deliver every mail that is due."""
    delivered = outbox.deliver_due(database(), owner=owner())
    if delivered.sent or delivered.later or delivered.failed:
        log.info("mails: %s sent, %s to try again, %s failed", delivered.sent, delivered.later, delivered.failed)


@app.task(name="sectors.resolve")
def resolve_sectors() -> None:
    """Find the nearest sector for those given in free words."""
    shortlists.resolve_sectors(database())


@app.task(name="sweep")
def sweep() -> None:
    """Wake again whatever was forgotten: lost wake-ups, and rows whose worker died (law 2)."""
    with database().write() as session:
        for run_id in runs.recover(session):
            log.info("match run %s waits for a worker", run_id)
        if freed := outbox.release_stuck(session):
            log.warning("%s mails queued again: their worker stopped while sending", freed)
        if outbox.count_due(session):
            wake(session, "outbox.deliver")
        if profiles.sectors_to_resolve(session):
            wake(session, "sectors.resolve")

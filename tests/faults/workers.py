"""Real worker processes that are killed at random and started again, as a supervisor or a cluster does."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlmodel import col, select

from broker import queue
from broker.config import Settings
from broker.db import Database
from broker.models import Email, EmailStatus
from tests.faults.mails import DONE
from tests.faults.sink import Sink
from tests.processes import Running


@dataclass
class Workers:
    """So many workers, each with a beat of its own; `database` is asked who sends what."""

    database: Database
    start: Callable[[int], Running]
    running: list[Running]
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    killed_at: dict[int, float] = field(default_factory=dict)
    """By the id of a mail that was in flight: when its worker was killed."""
    recovered: list[float] = field(default_factory=list)
    """Seconds from such a kill until the mail was settled."""
    restarts: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def keep_running(self) -> None:
        """Start again what has ended, until stopped."""
        while not self.stopped.wait(0.1):
            for number, worker in enumerate(self.running):
                if worker.process.poll() is not None and not self.stopped.is_set():
                    worker.__exit__()
                    self.running[number] = self.start(number)
                    self.restarts += 1

    def kill_one(self) -> None:
        """SIGKILL to a worker that sends right now: to its one process, or to it with all it has started."""
        sending = self._sending()
        if not sending:
            with suppress(ProcessLookupError):
                os.killpg(self.dice.choice(self.running).process.pid, signal.SIGKILL)
            return
        victim = self.dice.choice(sorted(sending))
        with suppress(ProcessLookupError):
            if self.dice.random() < 0.5:
                os.kill(victim, signal.SIGKILL)
            else:
                os.killpg(os.getpgid(victim), signal.SIGKILL)
        died = time.monotonic()
        for mail in self._sending().get(victim, []):
            self.killed_at[mail] = died

    def _sending(self) -> dict[int, list[int]]:
        """By the process that has them: ids of mails in flight."""
        found: dict[int, list[int]] = {}
        with self.database.read() as session:
            for mail, owner in session.exec(
                select(Email.id, Email.owner).where(Email.status == EmailStatus.SENDING, col(Email.owner).is_not(None))
            ):
                found.setdefault(int(str(owner).split(":")[1]), []).append(mail)
        return found

    def look(self) -> None:
        """Note which mails of killed workers have been settled."""
        if not self.killed_at:
            return
        with self.database.read() as session:
            settled = session.exec(
                select(Email.id).where(col(Email.id).in_(self.killed_at), col(Email.status).in_(DONE))
            ).all()
        for mail in settled:
            self.recovered.append(time.monotonic() - self.killed_at.pop(mail))


@contextmanager
def workers(database: Database, start: Callable[[int], Running], count: int) -> Iterator[Workers]:
    """So many, kept running until the block ends."""
    kept = Workers(database, start, [start(number) for number in range(count)])
    keeper = threading.Thread(target=kept.keep_running)
    keeper.start()
    try:
        yield kept
    finally:
        kept.stopped.set()
        keeper.join()
        for worker in kept.running:
            with suppress(ProcessLookupError):
                os.killpg(worker.process.pid, signal.SIGKILL)
            worker.__exit__()


def kill_at_random(kept: Workers, progress: Callable[[], int], total: int, kills: int, queue_url: str) -> int:
    """Spread `kills` over the delivery of `total` mails, each at a random moment; how many came in time."""
    publish = queue.publisher(Settings(queue_url=queue_url))
    assert publish is not None
    for number in range(kills):
        due = (number + kept.dice.random()) / (kills + 1) * total
        last_try, looked = time.monotonic() + 120, 0.0
        while progress() < due and time.monotonic() < last_try:
            if time.monotonic() - looked > 0.2:
                publish(("outbox.deliver", None))  # so that every worker has work, as after many approvals
                kept.look()
                looked = time.monotonic()
            time.sleep(0.01)
        if progress() >= total:
            return number
        kept.kill_one()
    return kills


def wait_for_all(kept: Workers, seconds: float) -> None:
    """Until no mail of a killed worker is open."""
    deadline = time.monotonic() + seconds
    while kept.killed_at and time.monotonic() < deadline:
        kept.look()
        time.sleep(0.05)
    assert not kept.killed_at, f"mails of killed workers not settled in {seconds:g} s: {sorted(kept.killed_at)}"


def extras(sink: Sink) -> int:
    """How many mails were accepted more than once, each time counted."""
    return sum(times - 1 for times in sink.counted().values())

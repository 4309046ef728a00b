"""The way to the workers: wake-ups (a task's name and an id) sent through Redis or Valkey, and nothing more.

A wake-up may get lost: the rows are the record and a sweep finds what was forgotten (law 2). So a request
never waits for a queue that does not answer: one short try, then none for some seconds.
"""

import time
from typing import Any

from celery import Celery
from kombu import Connection

from broker.config import Settings
from broker.db import Publisher, Wake

QUEUE = "wakeups"
PATIENCE = 0.4
"""Seconds to wait for the queue to take a connection or answer; a publish needs a few such answers."""
PAUSE = 5.0
"""Seconds without a try after one that failed."""


def publisher(settings: Settings) -> Publisher | None:
    """Publishes wake-ups to the queue of the settings; None where there is no queue."""
    return _Producer(settings.queue_url) if settings.queue_url else None


def waiting(url: str) -> int:
    """How many wake-ups wait in the queue; raises where it does not answer."""
    with Connection(url, transport_options=_impatient()) as connection:
        channel: Any = connection.channel()  # of Redis: only that knows the length of a list
        return int(channel.client.llen(QUEUE))


class _Producer:
    """Sends wake-ups, and remembers for `PAUSE` seconds that the queue did not answer."""

    def __init__(self, url: str) -> None:
        self.app = Celery("broker", set_as_current=False)
        self.app.conf.update(
            broker_url=url,
            broker_transport_options=_impatient(),
            task_default_queue=QUEUE,
            task_ignore_result=True,
        )
        self.silent_until = 0.0

    def __call__(self, wake: Wake) -> None:
        """Send one wake-up; raises where the queue does not take it at once."""
        if time.monotonic() < self.silent_until:
            raise ConnectionError("the queue did not answer a moment ago")
        task, row_id = wake
        arguments = [] if row_id is None else [row_id]
        try:
            self.app.send_task(task, arguments, ignore_result=True, retry=False)
        except Exception:
            self.silent_until = time.monotonic() + PAUSE
            raise


def _impatient() -> dict[str, Any]:
    """Options for the connection: no waiting, no trying again."""
    return {
        "socket_connect_timeout": PATIENCE,
        "socket_timeout": PATIENCE,
        "retry_on_timeout": False,
        "max_retries": 0,
    }

"""Celery on a machine whose clock is wrong: `python -m tests.faults.shifted_celery SECONDS worker --beat …`.

The service itself never asks a machine for the time (law 10), so what has to be moved is the time Celery sees."""

import datetime as dt
import importlib
import sys
import time

MODULES = ("app.base", "app.amqp", "apps.beat", "apps.worker", "beat", "schedules", "utils.time", "worker.request")


class _Kind(type(dt.datetime)):  # type: ignore[misc]
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _real)


_real, _time = dt.datetime, time.time


class Shifted(dt.datetime, metaclass=_Kind):
    """A datetime that takes the moved time for now."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        """The wrong time."""
        return _real.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> dt.datetime:  # type: ignore[override]
        """The wrong time, naive."""
        return cls.now(dt.UTC).replace(tzinfo=None)


def main() -> None:
    """Move the clock, load what keeps a datetime class of its own, and go on as Celery."""
    shift = float(sys.argv.pop(1))
    time.time = lambda: _time() + shift
    dt.datetime = Shifted  # type: ignore[misc]
    for name in MODULES:
        importlib.import_module(f"celery.{name}")
    dt.datetime = _real  # type: ignore[misc]
    from celery.__main__ import main as celery

    celery()


if __name__ == "__main__":
    main()

"""Real worker processes for tests."""

import sys
from pathlib import Path

from broker.config import ROOT
from broker.db import Database
from tests.processes import Running

WORKER = ("worker", "--beat", "--concurrency", "1")
CELERY = (sys.executable, "-m", "celery")


def start_worker(database: Database, queue_url: str, smtp_url: str = "", home: Path | None = None) -> Running:
    """One worker process with its beat; `home` where it is not the database's own."""
    return start_celery(database, queue_url, WORKER, smtp_url=smtp_url, home=home)


def start_celery(
    database: Database,
    queue_url: str,
    role: tuple[str, ...],
    *,
    smtp_url: str = "",
    home: Path | None = None,
    celery: tuple[str, ...] = CELERY,
    **more: str,
) -> Running:
    """A worker, a beat or both in one; `celery` is how Celery is started, `more` are further settings."""
    environment = {
        "BROKER_HOME": str(home or database.settings.home),
        "BROKER_DATABASE_URL": database.settings.database_url,
        "BROKER_QUEUE_URL": queue_url,
        "BROKER_SMTP_URL": smtp_url,
        "BROKER_SECRET_KEY": "a-secret-of-somebody-s-own",
        "PYTHONPATH": str(ROOT),
        **{f"BROKER_{name.upper()}": value for name, value in more.items()},
    }
    return Running([*celery, "-q", "-A", "workers.app", *role], environment)

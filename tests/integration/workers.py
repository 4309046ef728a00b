"""Real worker processes for tests."""

import sys
from pathlib import Path

from broker.config import ROOT
from broker.db import Database
from tests.processes import Running


def start_worker(database: Database, queue_url: str, smtp_url: str = "", home: Path | None = None) -> Running:
    """One worker process with its beat; `home` where it is not the database's own."""
    command = [sys.executable, "-m", "celery", "-q", "-A", "workers.app", "worker", "--beat", "--concurrency", "1"]
    environment = {
        "BROKER_HOME": str(home or database.settings.home),
        "BROKER_DATABASE_URL": database.settings.database_url,
        "BROKER_QUEUE_URL": queue_url,
        "BROKER_SMTP_URL": smtp_url,
        "BROKER_SECRET_KEY": "a-secret-of-somebody-s-own",
        "PYTHONPATH": str(ROOT),
    }
    return Running(command, environment)

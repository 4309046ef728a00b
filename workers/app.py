"""The Celery application: `celery -A workers.app worker --beat`."""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_embedded_init, beat_init, setup_logging, task_postrun, task_prerun, worker_init

from broker import logs
from broker.config import Settings
from broker.errors import BrokerError
from broker.queue import QUEUE
from broker.supervisor import die_with_parent

SWEEP_SECONDS = 5.0

settings = Settings()
# What the warning is about is running pickled code from the queue, and we take JSON only.
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")
app = Celery("broker", include=["workers.tasks"])
app.conf.update(
    broker_url=settings.queue_url or None,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A message is a task's name and an id. One that is not acknowledged for an hour is given to another worker,
    # which costs nothing: the task finds its row taken or done.
    broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True, "health_check_interval": 10},
    accept_content=["json"],
    task_serializer="json",
    task_default_queue=QUEUE,
    task_ignore_result=True,
    # Every task may be repeated, so one whose worker died is given to another.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_send_task_events=False,
    enable_utc=True,
    # In memory: the only entry is due every few seconds, so there is nothing to remember between two starts.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={
        # A tick not taken for three hours is dropped, so that they do not pile up without end. Not sooner: where the
        # clock of the beat is behind that of the workers, all its ticks would be, and lost mail would never be found.
        "sweep": {"task": "sweep", "schedule": SWEEP_SECONDS, "options": {"expires": 3 * 3600}},
    },
)


@worker_init.connect
@beat_init.connect
def refuse_half_settings(**_: Any) -> None:
    """End at once, with one line, where the settings would send mails nobody could answer or fail every run."""
    from broker.domain.shortlists import load_weights  # not before: commands that only look at the queue need no engine

    try:
        settings.require_secret()
        load_weights(settings)
        if not settings.queue_url:
            raise SystemExit("BROKER_QUEUE_URL is not set: the worker has no queue to listen to.")
    except BrokerError as error:
        raise SystemExit(str(error)) from None


@beat_embedded_init.connect
def end_with_the_worker(**_: Any) -> None:
    """`worker --beat` runs the beat in a process of its own, which would outlive a worker that is killed."""
    die_with_parent()


@setup_logging.connect
def our_logging(**_: Any) -> None:
    """Our own messages and others' warnings; Celery's line per task would drown them."""
    logs.configure()
    for name in ("celery.worker", "celery.bootsteps"):
        logging.getLogger(name).addFilter(without_traceback)


@task_prerun.connect
def name_task(task_id: str, task: Any, args: Sequence[int] = (), **_: Any) -> None:
    """Every log line of a task tells which it is, and the row it is about."""
    about = {"run_id" if task.name.startswith("matchruns.") else "row_id": args[0]} if args else {}
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id, **about)


@task_postrun.connect
def forget_task(**_: Any) -> None:
    """The next line may be of no task."""
    structlog.contextvars.clear_contextvars()


def without_traceback(record: logging.LogRecord) -> bool:
    """A lost queue ends the worker, which is started again: the line says it, and no screenful of Celery's insides."""
    record.exc_info = None
    return True

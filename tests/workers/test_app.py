import re
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from broker.config import ROOT
from workers import tasks
from workers.app import app, forget_task, name_task

HEAVY = ("torch", "transformers", "sentence_transformers")


def run_worker(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "celery", "-q", "-A", "workers.app", "worker", "--concurrency", "1"],
        cwd=ROOT,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_only_json_is_taken_and_no_result_is_kept() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
    assert app.conf.task_ignore_result
    assert app.conf.result_backend is None


def test_a_task_whose_worker_dies_is_given_to_another() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1


def test_the_sweep_comes_every_few_seconds_and_its_ticks_do_not_pile_up() -> None:
    (entry,) = app.conf.beat_schedule.values()
    assert entry == {"task": "sweep", "schedule": 5.0, "options": {"expires": 3 * 3600}}


def test_there_is_a_task_for_every_wake_up_of_the_service() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "broker").rglob("*.py"))
    woken = set(re.findall(r'wake\(\s*session,\s*"([^"]+)"', source))
    ours = {name for name, task in app.tasks.items() if task.__module__ == tasks.__name__}

    assert {"matchruns.build", "outbox.deliver"} <= woken <= ours
    others = {"drafts.look", "drafts.read_texts", "invitations.write", "sectors.resolve", "shortlists.prepare", "sweep"}
    others |= {"webhooks.deliver"}
    assert ours == {"matchruns.build", "outbox.deliver"} | others


def test_what_a_task_logs_tells_which_it_is_and_the_row_it_is_about() -> None:
    name_task("1-2-3", app.tasks["matchruns.build"], [7])
    of_run = structlog.contextvars.get_contextvars()
    forget_task()
    name_task("4-5-6", app.tasks["sweep"], [])
    of_sweep = structlog.contextvars.get_contextvars()
    forget_task()

    assert of_run == {"task": "matchruns.build", "task_id": "1-2-3", "run_id": 7}
    assert of_sweep == {"task": "sweep", "task_id": "4-5-6"}
    assert structlog.contextvars.get_contextvars() == {}


def test_a_worker_without_a_queue_says_so_and_ends(tmp_path: Path) -> None:
    ended = run_worker(BROKER_HOME=str(tmp_path), BROKER_SECRET_KEY="a-secret-of-somebody-s-own")

    assert ended.returncode != 0
    assert "BROKER_QUEUE_URL is not set: the worker has no queue to listen to." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_without_a_key_of_its_own_says_so_and_ends(tmp_path: Path) -> None:
    ended = run_worker(BROKER_HOME=str(tmp_path), BROKER_QUEUE_URL="redis://127.0.0.1:1/0")

    assert ended.returncode != 0
    assert "BROKER_SECRET_KEY is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_with_weights_it_cannot_read_says_so_and_ends(tmp_path: Path) -> None:
    queue = {"BROKER_QUEUE_URL": "redis://127.0.0.1:1/0", "BROKER_SECRET_KEY": "a-secret-of-somebody-s-own"}
    ended = run_worker(BROKER_HOME=str(tmp_path), BROKER_WEIGHTS=str(tmp_path / "none.toml"), **queue)

    assert ended.returncode != 0
    assert f"BROKER_WEIGHTS: {tmp_path}/none.toml: No such file or directory" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("module", ["broker.web.app", "broker.cli", "workers.tasks"])
def test_the_model_is_not_loaded_where_it_is_not_used(module: str) -> None:
    """Not in the web process, and not in the worker before it forks."""
    script = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""

"""`broker serve` as a user starts it: real web server, queue and worker."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from broker.config import ROOT, Settings
from broker.db import Database
from broker.domain import places
from tests.factories import make_account
from tests.ports import free_port
from tests.processes import Running, has_ended
from tests.waiting import until

BROKER = [sys.executable, "-c", "from broker.cli import main; main()"]
ACCOUNT = "ada@brokers.example"
SLOW = 60
"""Seconds; everything here takes a few, but a busy machine takes longer."""


@pytest.fixture
def demo(home: Path) -> Path:
    """A home marked as the demo, with its database."""
    settings = Settings(home=home)
    settings.demo_mark.touch()
    database = Database(settings)
    database.migrate()
    with database.write() as session:
        places.load_reference(session)
        make_account(session, email=ACCOUNT)
    database.dispose()
    return home


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"BROKER_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


@contextmanager
def serving(home: Path) -> Iterator[tuple[Running, str]]:
    """A service that has said where to go, and its address."""
    port = free_port()
    with Running([*BROKER, "serve", "--port", str(port)], environment(home)) as running:
        address = running.wait_for(r"^Open (http://\S+)", SLOW)[1]
        assert address == f"http://127.0.0.1:{port}"
        yield running, address


def children(pid: int) -> list[int]:
    """The processes it started, oldest first, and theirs."""
    own = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for child in own for each in (child, *children(child))]


def child_running(running: Running, word: str) -> int:
    """The id of the service's child whose command line has the word."""
    own = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    return next(int(child) for child in own if word in Path(f"/proc/{child}/cmdline").read_text())


def get(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            status: int = answer.status
            return status
    except OSError:
        return 0


def ask_for_a_sign_in_link(address: str) -> None:
    """As the form on the sign-in page does."""
    form = urllib.request.Request(
        f"{address}/sign-in/link", urlencode({"email": ACCOUNT}).encode(), {"Origin": address}
    )
    with urllib.request.urlopen(form, timeout=10) as answer:
        assert answer.status == 200


def test_it_says_where_to_go_and_how_to_sign_in_serves_and_stops_without_a_trace(demo: Path) -> None:
    with serving(demo) as (running, address):
        running.wait_for("Broker of Berlin: berlin@brokers.example, password ")
        running.wait_for("Ctrl-C stops everything.")
        assert get(f"{address}/health") == 200
        assert get(address) == 200
        until(lambda: len(children(running.process.pid)) == 7, SLOW, "queue, web, worker, its three processes and beat")
        started = [has_ended(pid) for pid in children(running.process.pid)]
        running.process.send_signal(signal.SIGINT)

        assert running.ends(SLOW) == 0
        assert running.lines[-1] == "Everything has stopped."
        assert all(ended() for ended in started)
    assert "Traceback" not in running.output
    assert not any("WARNING" in line or "ERROR" in line for line in running.lines), running.output
    assert sorted(path.name for path in demo.iterdir()) == ["broker.db", "demo"]


def test_a_killed_web_server_comes_back(demo: Path) -> None:
    with serving(demo) as (running, address):
        os.kill(child_running(running, "uvicorn"), signal.SIGKILL)
        running.wait_for(r"^web was ended by SIGKILL; next try in 1 s\.$")

        assert until(lambda: get(f"{address}/health"), SLOW, "the web server answers again") == 200


def test_the_queue_can_be_killed_and_mail_goes_out_all_the_same(demo: Path) -> None:
    with serving(demo) as (running, address):
        os.kill(child_running(running, "valkey-server"), signal.SIGKILL)
        running.wait_for(r"^queue was ended by SIGKILL; next try in 1 s\.$")
        ask_for_a_sign_in_link(address)

        running.wait_for("mails: 1 sent", SLOW)
    (mail,) = (demo / "outbox").glob("*.eml")
    link = re.search(rb"http://[^\s<>]+", mail.read_bytes())
    assert link is not None
    assert link[0].decode().startswith(address)


def test_a_port_that_is_taken_is_one_clear_line(demo: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = broker(demo, "serve", "--port", str(port))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: Port {port} on 127.0.0.1 is taken. Stop what uses it, or choose another with --port.\n"
    )


def test_outside_the_demo_a_missing_key_is_one_clear_line(home: Path) -> None:
    done = broker(home, "serve", "--port", str(free_port()))

    assert done.returncode == 1
    assert done.stderr.startswith("Error: BROKER_SECRET_KEY is not set.")
    assert done.stderr.count("\n") == 1


def broker(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*BROKER, *arguments],
        env={**os.environ, **environment(home)},
        capture_output=True,
        text=True,
        timeout=SLOW,
        check=False,
    )


def test_with_json_logs_every_line_is_one_object_also_of_the_children(demo: Path) -> None:
    port = free_port()
    command = [*BROKER, "serve", "--port", str(port)]
    with Running(command, environment(demo, BROKER_LOG_JSON="true")) as running:
        running.wait_for('"Ctrl-C stops everything."', SLOW)
        ask_for_a_sign_in_link(f"http://127.0.0.1:{port}")
        running.wait_for("mails: 1 sent", SLOW)
        os.kill(child_running(running, "uvicorn"), signal.SIGKILL)
        running.wait_for("web was ended by SIGKILL", SLOW)
        running.process.send_signal(signal.SIGINT)
        assert running.ends(SLOW) == 0

    entries = [json.loads(line) for line in running.lines]
    (sent,) = [entry for entry in entries if entry["event"].startswith("mails: 1 sent")]
    assert sent["task"] in {"outbox.deliver", "sweep"}
    assert len(sent["task_id"]) == 36
    assert any(entry["event"] == "POST /sign-in/link 200" for entry in entries)
    assert "@" not in running.output

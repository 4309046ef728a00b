import os
import signal
import sys
from pathlib import Path

import pytest

from broker import supervisor
from tests.processes import Running, has_ended

PATIENT = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
POLITE = """
import signal, sys, time
def bye(*_):
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {PATIENT!r}])
time.sleep(60)
"""


def supervise(*children: tuple[str, str], setup: str = "") -> Running:
    """Run a real supervisor over small Python programs given as (name, source)."""
    script = f"""
import os, sys
from broker import supervisor
from broker.supervisor import Child, Supervisor, say
supervisor.FIRST_PAUSE = 0.1
children = [Child(name, [sys.executable, "-c", source], dict(os.environ)) for name, source in {children!r}]
patience = 60
for child in children:
    child.pause = 0.1
{setup}
Supervisor(children).run(started=lambda: say("all started"), patience=patience)
say("over")
"""
    return Running([sys.executable, "-c", script])


def test_a_child_that_dies_is_said_and_restarted_after_growing_pauses() -> None:
    with supervise(("flaky", "import sys; sys.exit(3)")) as running:
        for pause in ("0.1", "0.2", "0.4"):
            said = running.wait_for("flaky .*")
            assert said[0] == f"flaky ended with exit code 3; next try in {pause} s."


def test_a_child_that_ran_well_is_restarted_soon_again() -> None:
    with supervise(("flaky", "import sys; sys.exit(0)"), setup="supervisor.RAN_WELL = 0") as running:
        for _ in range(3):
            said = running.wait_for("flaky .*")
            assert said[0] == "flaky ended with exit code 0; next try in 0.1 s."


def test_the_pause_before_a_restart_has_a_limit() -> None:
    with supervise(("flaky", "import sys; sys.exit(1)"), setup="supervisor.LONGEST_PAUSE = 0.2") as running:
        pauses = [running.wait_for("next try in (.*) s")[1] for _ in range(4)]

    assert pauses == ["0.1", "0.2", "0.2", "0.2"]


def test_a_killed_child_is_restarted() -> None:
    with supervise(("steady", PATIENT)) as running:
        first = int(running.wait_for(r"steady \| pid (\d+)")[1])
        os.kill(first, signal.SIGKILL)
        assert running.wait_for("steady was.*")[0] == "steady was ended by SIGKILL; next try in 0.1 s."
        assert int(running.wait_for(r"steady \| pid (\d+)")[1]) != first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_children_in_reverse_order_and_ends_well(number: signal.Signals) -> None:
    with supervise(("queue", POLITE), ("web", POLITE)) as running:
        running.wait_for_each(r"queue \| up", r"web   \| up")
        running.process.send_signal(number)

        assert running.ends() == 0
        assert running.lines[-3:] == ["web   | bye", "queue | bye", "over"]


def test_started_to_outlive_its_terminal_it_does() -> None:
    setup = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with supervise(("steady", PATIENT), setup=setup) as running:
        first = int(running.wait_for(r"pid (\d+)")[1])
        running.process.send_signal(signal.SIGHUP)
        os.kill(first, signal.SIGKILL)

        assert running.wait_for("steady was.*")
        assert int(running.wait_for(r"pid (\d+)")[1]) != first


def test_a_child_that_does_not_end_by_itself_is_ended_after_its_grace() -> None:
    with supervise(("stubborn", STUBBORN), setup="children[0].grace = 0.2") as running:
        running.wait_for("up")
        running.process.terminate()

        assert running.ends() == 0
        assert running.lines[-2:] == ["stubborn did not end by itself and is stopped.", "over"]


def test_a_second_ctrl_c_ends_a_slow_stop_at_once() -> None:
    with supervise(("stubborn", STUBBORN), setup="children[0].grace = 600") as running:
        running.wait_for("up")
        running.process.send_signal(signal.SIGINT)
        running.process.send_signal(signal.SIGTERM)  # another one, as two of a kind may arrive as one

        assert running.ends(10) == 0


def test_what_a_child_started_ends_with_it() -> None:
    with supervise(("parent", PARENT)) as running:
        grandchild = has_ended(int(running.wait_for(r"pid (\d+)")[1]))
        running.process.terminate()

        assert running.ends() == 0
        assert grandchild()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with a killed parent")
def test_children_end_with_a_supervisor_that_is_killed() -> None:
    with supervise(("steady", PATIENT)) as running:
        child = has_ended(int(running.wait_for(r"pid (\d+)")[1]))
        running.process.kill()

        assert child()


def test_a_child_starts_only_when_the_one_before_is_ready(tmp_path: Path) -> None:
    mark = tmp_path / "ready"
    setup = f"""
from pathlib import Path
children[0].ready = Path({str(mark)!r}).exists
patience = 0.2
"""
    with supervise(("first", POLITE), ("second", POLITE), setup=setup) as running:
        running.wait_for(r"first  \| up")
        running.wait_for("first is not ready after 0.2 s; still trying.")
        assert "second" not in running.output
        mark.touch()
        running.wait_for("all started")
        running.wait_for(r"second \| up")


def test_a_stop_while_starting_does_not_say_that_all_has_started() -> None:
    with supervise(("first", POLITE), setup="children[0].ready = lambda: False") as running:
        running.wait_for("up")
        running.process.terminate()

        assert running.ends() == 0
        assert "all started" not in running.output
        assert running.lines[-2:] == ["first | bye", "over"]


def test_every_line_names_its_child_and_a_last_line_without_an_end_is_printed_too() -> None:
    source = "import sys; print('one'); print('Łódź ✓'); sys.stdout.write('no end')"
    with supervise(("talker", source), setup="children[0].environment['PYTHONUTF8'] = '1'") as running:
        running.wait_for("talker ended")

    said = [line for line in running.lines if "|" in line]
    assert said == ["talker | one", "talker | Łódź ✓", "talker | no end"]


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with exit code 0"), (2, "ended with exit code 2"), (-15, "was ended by SIGTERM")]
)
def test_an_exit_code_is_told_in_words(code: int, words: str) -> None:
    assert supervisor.how_it_ended(code) == words

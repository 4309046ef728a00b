"""Whether the process that has a row is gone is told by its name, on the same machine only."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from broker.domain import owners

SAY_NAME = "from broker.domain import owners; print(owners.name(), flush=True); input()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process, which ends when it is spoken to, and its name."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", SAY_NAME], text=True, **pipes) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_a_process_that_runs_is_there_and_one_that_ended_is_gone(
    other: tuple[subprocess.Popen[str], str],
) -> None:
    process, name = other
    assert len(name) <= 80
    assert not owners.is_gone(name)
    process.communicate("\n")
    assert owners.is_gone(name)


def test_a_process_that_was_killed_is_gone_before_its_parent_asks(other: tuple[subprocess.Popen[str], str]) -> None:
    process, name = other
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owners.is_gone(name)


def test_of_another_machine_or_container_nobody_can_tell(other: tuple[subprocess.Popen[str], str]) -> None:
    process, name = other
    process.communicate("\n")
    assert not owners.is_gone(name.replace(owners.machine(), "0123456789abcdef"))
    for strange in ("", "w", "host:1:token", f"host/{owners.machine()}", f"host/{owners.machine()}:x:y"):
        assert not owners.is_gone(strange), strange


def test_a_name_is_of_one_process_and_a_forked_one_has_another() -> None:
    assert owners.name() == owners.name()
    both = (
        "import os; from broker.domain import owners; print(owners.name(), flush=True); os.fork(); "
        "os.write(1, (owners.name() + chr(10)).encode())"
    )
    done = subprocess.run([sys.executable, "-c", both], text=True, stdout=subprocess.PIPE, check=True)
    names = done.stdout.split()
    assert len(names) == 3
    assert len(set(names)) == 2
    assert {name.partition(":")[0] for name in names} == {owners.name().partition(":")[0]}


def test_containers_of_one_host_name_are_told_apart_by_their_process_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    machines = set()
    for boot, namespace in (("b1", "pid:[1]"), ("b1", "pid:[2]"), ("b2", "pid:[1]")):
        proc = tmp_path_factory.mktemp("proc")
        (proc / "sys/kernel/random").mkdir(parents=True)
        (proc / "sys/kernel/random/boot_id").write_text(boot)
        (proc / "self/ns").mkdir(parents=True)
        (proc / "self/ns/pid").symlink_to(namespace)
        monkeypatch.setattr(owners, "PROC", proc)
        machines.add(owners.machine())
    assert len(machines) == 3
    monkeypatch.setattr(owners, "PROC", tmp_path_factory.mktemp("none"))
    assert owners.machine() == owners.machine()
    assert owners.machine() not in machines

"""Keeps a few child processes running: restarts one that dies, gathers their output, stops them in order.

One thread and one loop, so that what happens when is easy to follow, and a fork is always safe.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
RAN_WELL = 30.0
"""Seconds after which a child counts as healthy: its next death is a first one again."""
TICK = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]
Show = Callable[[str, str], None]
"""Passes on a line that the child of this name printed."""


def say(line: str) -> None:
    """Print one line at once, for people and log files alike; where nobody reads any more, go on without."""
    with suppress(OSError):
        print(line, flush=True)


@dataclass
class Child:
    """A process to keep running, in a process group of its own."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    ready: Callable[[], bool] = lambda: True
    """Asked while starting: whether what comes after may start."""
    grace: float = 5.0
    """Seconds it may take to end by itself when asked to."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    began: float = field(default=0.0, init=False)
    pause: float = field(default=FIRST_PAUSE, init=False)
    retry_at: float = field(default=0.0, init=False)
    unfinished: bytes = field(default=b"", init=False)


class Supervisor:
    """Starts the children in the order given and stops them in the reverse order."""

    def __init__(self, children: Sequence[Child], say: Say = say, show: Show | None = None) -> None:
        self.children = children
        self.say = say
        self.show = show or self._show
        self.selector = selectors.DefaultSelector()
        self.signals = 0
        self.width = max(len(child.name) for child in children)

    def run(self, started: Callable[[], None] = lambda: None, patience: float = 60.0) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP; `started` is called when every child is ready.

        patience: seconds a child may take to become ready before that is said (it goes on starting)."""
        heard = [number for number in SIGNALS if not ignores_hang_up(number)]
        before = [(number, signal.signal(number, self._note_signal)) for number in heard]
        try:
            if self._start_all(patience):
                started()
            while not self.signals:
                self._turn()
        finally:
            self._stop_all()
            for number, handler in before:
                signal.signal(number, handler)

    def _note_signal(self, _number: int, _frame: object) -> None:
        self.signals += 1

    def _start_all(self, patience: float) -> bool:
        """Start one after the other; whether all are ready (else somebody asked to stop meanwhile)."""
        for child in self.children:
            self._start(child)
            deadline: float | None = time.monotonic() + patience
            while not self.signals and not child.ready():
                self._turn()
                if deadline and time.monotonic() > deadline:
                    self.say(f"{child.name} is not ready after {patience:g} s; still trying.")
                    deadline = None
            if self.signals:
                return False
        return True

    def _turn(self) -> None:
        """Pass output on for a moment, then look who died and whose pause is over."""
        self._pump(TICK)
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, child.process)
            elif child.process is None and 0 < child.retry_at <= time.monotonic():
                self._start(child)

    def _start(self, child: Child) -> None:
        child.began, child.retry_at = time.monotonic(), 0.0
        child.process = subprocess.Popen(
            child.command,
            env=child.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        assert child.process.stdout is not None  # noqa: S101 - it is a pipe
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _bury(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """A child died unasked: end what it left, say so and plan the next try."""
        if time.monotonic() - child.began >= RAN_WELL:
            child.pause = FIRST_PAUSE
        self._clear(child, process)
        self.say(f"{child.name} {how_it_ended(process.returncode)}; next try in {child.pause:g} s.")
        child.retry_at = time.monotonic() + child.pause
        child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def _stop_all(self) -> None:
        self.say("Stopping; once more Ctrl-C does it at once.")
        for child in reversed(self.children):
            if child.process is not None:
                self._stop(child, child.process)
        self.selector.close()

    def _stop(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Ask it to end and wait; after its grace, or at a second signal, end it."""
        if process.poll() is None:
            process.terminate()
        deadline = time.monotonic() + child.grace
        while process.poll() is None and time.monotonic() < deadline and self.signals < 2:
            self._pump(TICK / 4)
        if process.poll() is None:
            self.say(f"{child.name} did not end by itself and is stopped.")
        self._clear(child, process)

    def _clear(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """End its whole process group and pass on the last of its output."""
        with suppress(ProcessLookupError, PermissionError):  # nobody is left (macOS says it the second way)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        self._read(child, process.stdout)
        if child.unfinished:
            self._print(child, child.unfinished)
        child.unfinished, child.process = b"", None
        self.selector.unregister(process.stdout)
        process.stdout.close()

    def _pump(self, seconds: float) -> None:
        """Pass on what the children print, for up to `seconds`."""
        if not self.selector.get_map():
            time.sleep(seconds)
            return
        for key, _ in self.selector.select(seconds):
            if not self._read(key.data, key.fileobj):  # type: ignore[arg-type]  # we registered pipes only
                time.sleep(seconds)  # its end: the process itself is about to end, or has closed its output

    def _read(self, child: Child, pipe: IO[bytes]) -> bool:
        """Print the whole lines that are there; False at the end of the output."""
        while chunk := _available(pipe):
            *lines, child.unfinished = (child.unfinished + chunk).split(b"\n")
            for line in lines:
                self._print(child, line)
        return chunk is None

    def _print(self, child: Child, line: bytes) -> None:
        self.show(child.name, line.decode(errors="replace").rstrip())

    def _show(self, name: str, line: str) -> None:
        self.say(f"{name:<{self.width}} | {line}")


def ignores_hang_up(number: signal.Signals) -> bool:
    """Whether we were started to outlive the terminal (nohup)."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def _available(pipe: IO[bytes]) -> bytes | None:
    """Up to 64 KiB that can be read without waiting; None if there is nothing now, empty at the end."""
    try:
        return os.read(pipe.fileno(), 65536)
    except BlockingIOError:
        return None


def how_it_ended(code: int) -> str:
    """An exit code in words; negative ones are signals."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


def die_with_parent() -> None:
    """Linux: end this process with its parent, even if that is killed and cannot ask anybody to stop."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

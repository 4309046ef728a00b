"""Real processes under test: started, read line by line with a time limit, and ended whatever happens."""

import os
import queue
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self


class Running:
    """A process whose output can be waited for; its whole session is ended on leaving the `with` block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            env=None if environment is None else {**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._incoming: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()  # it may have children of its own to stop
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._incoming.put(line.rstrip("\n"))
        self._incoming.put(None)

    def wait_for(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """The next line that holds the pattern; fails with all the output when it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._incoming.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no line with {pattern!r} in {seconds} s:\n{self.output}") from None
            if line is None:
                raise AssertionError(f"ended ({self.process.wait()}) without {pattern!r}:\n{self.output}")
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found

    def wait_for_each(self, *patterns: str, seconds: float = 20) -> None:
        """Wait until every pattern was in a line, in whatever order they come."""
        waiting = set(patterns)
        while waiting:
            line = self.wait_for("|".join(f"(?:{pattern})" for pattern in waiting), seconds).string
            waiting -= {pattern for pattern in waiting if re.search(pattern, line)}

    def ends(self, seconds: float = 20) -> int:
        """Wait for its end; the exit code. All its output is then in `lines`."""
        code = self.process.wait(seconds)
        self._reader.join(5)
        while (line := self._incoming.get(timeout=5)) is not None:
            self.lines.append(line)
        return code

    @property
    def output(self) -> str:
        """What was read so far."""
        return "\n".join(self.lines)


def has_ended(pid: int, seconds: float = 10) -> Callable[[], bool]:
    """Watch a process that is not our child; call the result to wait for its end."""
    watched = os.pidfd_open(pid)

    def ended() -> bool:
        ready, _, _ = select.select([watched], [], [], seconds)
        os.close(watched)
        return bool(ready)

    return ended

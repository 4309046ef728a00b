"""The queue of `broker serve`, to be killed and started again."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from broker import serve
from tests.waiting import until


class PrivateQueue:
    """A Valkey that keeps nothing on disk, as the service runs it on one machine."""

    def __init__(self, folder: Path) -> None:
        self.child = serve.private_queue(folder)
        self.url = f"redis+socket://{folder}/queue"
        self.path = folder / "queue"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(self.child.command, env=self.child.environment)
        until(self.child.ready, 20, "the queue answers")

    def kill(self) -> None:
        """SIGKILL: what waited in it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def flush(self) -> None:
        """Forget everything that waits."""
        with redis.Redis(unix_socket_path=str(self.path)) as client:
            client.flushall()


@contextmanager
def private_queue() -> Iterator[PrivateQueue]:
    """A running one, with its folder."""
    with serve.queue_folder() as folder:
        queue = PrivateQueue(folder)
        queue.start()
        try:
            yield queue
        finally:
            queue.kill()

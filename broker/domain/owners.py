"""Who works on a row: a name for this process, by which others of its machine can tell that it is gone."""

import hashlib
import os
import secrets
import socket
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc")


def name() -> str:
    """This process's name on the rows it works on, never used again by another: `host/machine:pid:token`."""
    return _name(os.getpid())  # by its number: a forked process is another one


@lru_cache(maxsize=1)
def _name(pid: int) -> str:
    return f"{socket.gethostname()[:30]}/{machine()}:{pid}:{secrets.token_hex(4)}"


def machine() -> str:
    """Within what a process number means one process: this start of this kernel, and of it this container.

    Containers may share a host name and even the kernel; without /proc, as on macOS, the host name must do."""
    try:
        place = (PROC / "sys/kernel/random/boot_id").read_text() + str((PROC / "self/ns/pid").readlink())
    except OSError:
        place = socket.gethostname()
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def is_gone(owner: str) -> bool:
    """Whether the process of this name has ended for certain. One of another machine never has, nor one whose number
    another process bears by now: for these there is the lease."""
    where, _, rest = owner.rpartition("/")[2].partition(":")
    pid = rest.partition(":")[0]
    return where == machine() and pid.isascii() and pid.isdigit() and not _runs(int(pid))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's, so it is there
    with suppress(OSError):
        state = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        return state not in {"Z", "X"}  # killed, and only its parent has not asked yet
    return True

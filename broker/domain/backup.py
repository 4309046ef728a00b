"""Copy the whole record to one file and back, consistent while the service runs."""

import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from broker.db import Database
from broker.errors import InvalidError


def backup(database: Database, file: Path) -> None:
    """Write a consistent copy of the database to `file`, which must not exist yet."""
    if file.exists():
        raise InvalidError(f"{file} exists already. Name a file that does not.")
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    if database.settings.is_sqlite:
        with closing(sqlite3.connect(_sqlite_file(database))) as source:
            source.execute("VACUUM INTO ?", (str(partial),))
    else:
        _run(["pg_dump", "--format=custom", f"--file={partial}", _postgres_url(database)])
    partial.replace(file)


def restore(database: Database, file: Path) -> None:
    """Replace the whole database by a backup; nothing changes when the file is not a whole one of ours."""
    if not file.is_file():
        raise InvalidError(f"There is no file {file}.")
    if database.settings.is_sqlite:
        _restore_sqlite(database, file)
    else:
        options = ("--clean", "--if-exists", "--single-transaction", "--no-owner", "--exit-on-error")
        _run(["pg_restore", *options, f"--dbname={_postgres_url(database)}", str(file)])
    database.dispose()


def _restore_sqlite(database: Database, file: Path) -> None:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source:
        try:
            sound = source.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            source.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.DatabaseError:
            sound = False
        if not sound:
            raise InvalidError(f"{file} is not a whole backup of this service. Nothing was changed.")
        target = _sqlite_file(database)
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(target, timeout=10)) as live:
            source.backup(live)  # one transaction on the live file: a running service sees all of it or nothing


def _sqlite_file(database: Database) -> Path:
    return Path(database.engine.url.database or "")


def _postgres_url(database: Database) -> str:
    return database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _run(command: Sequence[str]) -> None:
    """Run one of PostgreSQL's own programs; its first line of complaint is ours."""
    if shutil.which(command[0]) is None:
        raise InvalidError(f"{command[0]} is needed for this and was not found. Install PostgreSQL's client programs.")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise InvalidError(f"{command[0]} failed: {reason}")

"""Copy the whole record to one file and back, consistent while the service runs."""

import logging
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.script import ScriptDirectory
from sqlalchemy import URL, func
from sqlalchemy.exc import DatabaseError
from sqlmodel import SQLModel, select

from broker.config import ROOT
from broker.db import Database
from broker.domain import demo, erasure, outbox
from broker.domain.suppressions import ERASED, address_hash
from broker.errors import ConflictError, InvalidError
from broker.models import Account, Contact, Email, EmailStatus, Sme, Suppression

log = logging.getLogger(__name__)

RESTORED = "restored from a backup: may have been sent already"
HOLD = f"""
    UPDATE email SET status = 'held', owner = NULL, lease_until = NULL, error = '{RESTORED}'
    WHERE status IN ('queued', 'sending') OR (status = 'held' AND error = '{outbox.STOPPED}')
"""  # noqa: S608 - only our own words
"""One that was stopped may have been resumed and sent since; to resume it again must not send it."""
STOP = """
    UPDATE mailing SET stopped_at = CURRENT_TIMESTAMP
    WHERE stopped_at IS NULL AND kind NOT IN ('shortlist', 'introduction') AND due_at <= CURRENT_TIMESTAMP
"""
"""What was written by date since the backup is not known to it, and would be written again; the other two follow
what somebody does."""
VERSION_ROWS = re.compile(r"^COPY \S*alembic_version .*?;\n(.*?)^\\\.", re.M | re.S)


def backup(database: Database, file: Path) -> None:
    """Write a consistent copy of the database to `file`, which must not exist yet."""
    if file.exists():
        raise InvalidError(f"{file} exists already. Name a file that does not.")
    if not file.absolute().parent.is_dir():
        raise InvalidError(f"There is no folder {file.absolute().parent}.")
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    if database.settings.is_sqlite:
        try:
            with closing(sqlite3.connect(_sqlite_file(database))) as source:
                source.execute("VACUUM INTO ?", (str(partial),))
        except sqlite3.Error as error:
            raise InvalidError(f"{file} cannot be written: {error}") from error
    else:
        _run(database, ["pg_dump", "--format=custom", f"--file={partial}"])
    partial.replace(file)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has left to a person: held mails, and SMEs that must be erased again but could not be yet."""

    held: int
    erased: int
    not_erased: Sequence[int]


def restore(database: Database, file: Path) -> Restored:
    """Replace the whole database by a backup.

    Nothing changes when the file is not a whole one of ours. A mail that waited at the time of the backup may have
    been sent since, so it is held in the very transaction that brings it back; for the same reason reminders, last
    calls and summaries that were due are stopped, until an organiser resumes them. Who wanted no more mail or was
    erased since the backup stays so, as far as the database that is replaced can still tell."""
    if not file.is_file():
        raise InvalidError(f"There is no file {file}.")
    suppressed = _suppressed(database)
    mark = database.settings.demo_mark
    told = mark.read_bytes() if mark.exists() else None
    with TemporaryDirectory(prefix="broker-restore-", dir=_folder(database)) as folder:
        prepare = _prepare_sqlite if database.settings.is_sqlite else _prepare_postgres
        prepared = prepare(database, file, Path(folder))
        mark.unlink(missing_ok=True)  # before the data: real people's mails must never be on show as a demo's
        try:
            replace = _replace_sqlite if database.settings.is_sqlite else _replace_postgres
            replace(database, prepared)
        except BaseException:
            if told is not None:
                mark.write_bytes(told)
            raise
    database.dispose()
    database.migrate()
    return Restored(_look_through(database), *_suppress_again(database, suppressed))


def _suppressed(database: Database) -> Sequence[Suppression]:
    """The addresses not to be mailed; none where there is no database yet, or none that can be read."""
    if database.settings.is_sqlite and not _sqlite_file(database).exists():
        return []
    try:
        with database.read() as session:
            return session.exec(select(Suppression)).all()
    except DatabaseError as error:
        log.warning("who wanted no more mail cannot be read from the database that is replaced: %s", type(error.orig))
        return []


def _suppress_again(database: Database, suppressed: Sequence[Suppression]) -> tuple[int, list[int]]:
    """Keep to what addresses said since the backup: (how many SMEs were erased once more, those that could not be)."""
    since = {row.address_hash: row.since for row in suppressed if row.reason == ERASED}
    with database.write() as session:
        for row in suppressed:
            session.merge(Suppression(**row.model_dump()))
        contacts = session.exec(select(Contact.email, Sme.id, Sme.created_at).join(Sme)).all()
    # One that was entered again after its erasure is another one.
    back = [sme_id for email, sme_id, entered in contacts if entered < since.get(address_hash(email), entered)]
    busy = []
    for sme_id in back:
        try:
            with database.write() as session:
                erased = erasure.erase(session, "restore", sme_id)
            erasure.clear_files(database.settings, erased)
        except ConflictError:  # the backup was made while its shortlists were built
            busy.append(sme_id)
    return len(back) - len(busy), busy


def _look_through(database: Database) -> int:
    """Mark a home that holds the demo again; how many mails a restore has held."""
    with database.read() as session:
        if session.exec(select(Account.id).where(Account.email == demo.ORGANISER)).first() is not None:
            database.settings.home.mkdir(parents=True, exist_ok=True)
            database.settings.demo_mark.write_text("This home holds invented data, restored from a backup.\n")
        held = select(func.count()).where(Email.status == EmailStatus.HELD, Email.error == RESTORED)
        return session.exec(held).one()


def _folder(database: Database) -> Path | None:
    """Where a copy is prepared: beside a SQLite file, else in the system's folder for temporary files."""
    if not database.settings.is_sqlite:
        return None
    folder = _sqlite_file(database).absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_version(file: Path, versions: Sequence[str]) -> None:
    known = {script.revision for script in ScriptDirectory(str(ROOT / "broker" / "migrations")).walk_revisions()}
    if not versions:
        raise InvalidError(f"{file} is not a whole backup of this service. Nothing was changed.")
    if not known.issuperset(versions):
        raise InvalidError(f"{file} was made by another version of this service. Nothing was changed.")


def _prepare_sqlite(database: Database, file: Path, folder: Path) -> Path:
    """A copy of the backup, checked, of this version's schema, its waiting mails held."""
    copy = folder / "restored.db"
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source:
            sound = source.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            versions = [row[0] for row in source.execute("SELECT version_num FROM alembic_version")]
            with closing(sqlite3.connect(copy)) as target:
                source.backup(target)
    except sqlite3.DatabaseError:
        sound, versions = False, []
    _check_version(file, versions if sound else [])
    migrated = Database(database.settings.model_copy(update={"database_url": f"sqlite:///{copy}"}))
    migrated.migrate()
    migrated.dispose()
    with closing(sqlite3.connect(copy)) as target, target:
        target.execute(HOLD)
        target.execute(STOP)
    return copy


def _replace_sqlite(database: Database, prepared: Path) -> None:
    """One transaction on the live file: a running service sees all of it or nothing."""
    try:
        live = sqlite3.connect(_sqlite_file(database), timeout=10)
        with closing(live), closing(sqlite3.connect(prepared)) as source:
            source.backup(live)
    except sqlite3.Error as error:
        raise InvalidError(f"The database cannot be replaced: {error}. Nothing was changed.") from error


def _sqlite_file(database: Database) -> Path:
    return Path(database.engine.url.database or "")


def _prepare_postgres(database: Database, file: Path, folder: Path) -> Path:
    """The whole restore as one script, its version checked first."""
    rows = _run(
        database, ["pg_restore", "--file=-", "--data-only", "--table=alembic_version", str(file)], connect=False
    )
    found = VERSION_ROWS.search(rows)
    _check_version(file, found[1].split() if found else [])
    script = folder / "restore.sql"
    options = ["--clean", "--if-exists", "--no-owner", f"--file={script}"]
    _run(database, ["pg_restore", *options, str(file)], connect=False)
    stop = f"DO $$ BEGIN IF to_regclass('mailing') IS NOT NULL THEN {STOP}; END IF; END $$"  # an old backup has none
    with script.open("a", encoding="utf-8") as stream:
        stream.write(f"\nRESET search_path;\n{HOLD};\n{stop};\n")
    return script


def _replace_postgres(database: Database, prepared: Path) -> None:
    """One transaction: a running service sees all of it or nothing."""
    # An older backup knows nothing of newer tables, which would keep the old ones from being replaced.
    names = ", ".join(f'"{name}"' for name in SQLModel.metadata.tables)
    drop = f"SET client_min_messages = warning; DROP TABLE IF EXISTS {names} CASCADE"
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "-1", f"--command={drop}", f"--file={prepared}"]
    _run(database, ["psql", *options])


def _connection(database: Database) -> tuple[str, dict[str, str]]:
    """(URL without the password, environment with it): every user of a machine can read command lines."""
    url = database.engine.url
    password = url.password or url.query.get("password")
    query = {name: value for name, value in url.query.items() if name != "password"}
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return bare.render_as_string(), {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}


def _run(database: Database, command: Sequence[str], *, connect: bool = True) -> str:
    """Run one of PostgreSQL's own programs; what it prints. Its first line of complaint is ours."""
    if shutil.which(command[0]) is None:
        raise InvalidError(f"{command[0]} is needed for this and was not found. Install PostgreSQL's client programs.")
    url, environment = _connection(database)
    done = subprocess.run(
        [*command, *([f"--dbname={url}"] if connect else [])],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise InvalidError(f"{command[0]} failed: {reason}")
    return done.stdout

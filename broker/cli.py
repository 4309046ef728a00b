"""The command line: every job of the service without a browser, under BROKER_HOME (default ./var)."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlmodel import select

from broker.config import Settings
from broker.db import Database
from broker.domain import accounts, backup, demo, events, imports, outbox, places, reports, runs, sheets, shortlists
from broker.errors import BrokerError, ConflictError, InvalidError
from broker.models import MatchRun, Role, RunStatus, Shortlist, ShortlistEntry
from broker.queue import publisher

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
event_app = typer.Typer(no_args_is_help=True, help="Create a workshop and register SMEs for it.")
shortlists_app = typer.Typer(no_args_is_help=True, help="Build and approve the shortlists of a workshop.")
outbox_app = typer.Typer(no_args_is_help=True, help="Deliver mail.")
account_app = typer.Typer(no_args_is_help=True, help="Create accounts for brokers, organisers and administrators.")
for name, sub in {
    "event": event_app,
    "shortlists": shortlists_app,
    "outbox": outbox_app,
    "account": account_app,
}.items():
    app.add_typer(sub, name=name)

ACTOR = "command line"
terminal = Console(stderr=True)
"""Progress and remarks go here, so that what is printed on standard output stays data."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EventId = Annotated[int, typer.Argument(help="The event's id, as `event create --json` printed it.")]


def main() -> None:
    """Run the command line; a failure is one line on standard error and an exit code other than 0."""
    try:
        app(prog_name="broker")
    except (BrokerError, OSError) as error:
        _stop(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        variable = "BROKER_" + "_".join(str(part) for part in first["loc"]).upper()
        _stop(f"{variable}: {first['msg'].removeprefix('Value error, ')}")
    except (OperationalError, ProgrammingError) as error:
        _stop(f"The database cannot be used: {str(error.orig).splitlines()[0]}. Has `broker init` been run?")


def _stop(message: str) -> NoReturn:
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(1)


@contextmanager
def _database(fresh: bool = False) -> Iterator[Database]:
    """The database of BROKER_HOME; `fresh` creates or upgrades it, otherwise it must be there."""
    settings = Settings()
    if settings.is_sqlite and not fresh and not Path(settings.database_url.removeprefix("sqlite:///")).exists():
        raise ConflictError(f"There is no database in {settings.home} yet. Start with: broker init")
    database = Database(settings, publisher(settings))
    try:
        if fresh:
            settings.home.mkdir(parents=True, exist_ok=True)
            database.migrate()
            with database.write() as session:
                places.load_reference(session)
        yield database
    finally:
        database.dispose()


def _print(data: dict[str, Any], as_json: bool, sentence: str) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2) if as_json else sentence)


@app.command()
def init() -> None:
    """Create the database of BROKER_HOME, or bring it to this version."""
    with _database(fresh=True) as database:
        print(f"Ready: {database.engine.url.render_as_string(hide_password=True)}")


@app.command("demo")
def demo_command() -> None:
    """Load 102 invented SMEs, their workshop in Berlin and accounts to look around with."""
    with _database(fresh=True) as database:
        with database.write() as session:
            loaded = demo.load(session, database.settings)
        print("The demo is loaded." if loaded else "There are events here already: nothing was loaded.")


@app.command("serve")
def serve_command(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the web server.")] = 8000,
    host: Annotated[str, typer.Option(help="The address it listens on.")] = "127.0.0.1",
) -> None:
    """Run the web server, the queue and the worker until Ctrl-C."""
    from broker.serve import serve

    settings = Settings()
    lines = [f"{role}: {email}, password {password}" for role, email, password in demo.sign_ins()]
    serve(settings, port=port, host=host, sign_ins=lines if settings.is_demo else [])


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, XLS or ODS.")],
    city: Annotated[str | None, typer.Option(help="The city of every row; one that names another is rejected.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column means, e.g. --column needs=Sucht.")] = None,
    merge: Annotated[list[int] | None, typer.Option(help="Row numbers of duplicates to merge.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import SME profiles from a spreadsheet."""
    with _database() as database:
        sheet = sheets.read(file.name, _read_bounded(file))
        columns = dict(_column(pair) for pair in column or [])
        with database.read() if dry_run else database.write() as session:
            preview = imports.preview(session, sheet, city=_city(city), columns=columns or None)
            if not dry_run:
                imports.apply(session, ACTOR, preview, source=file.name, merge=merge or ())
        if not dry_run:
            with terminal.status("Finding the nearest sector for sectors given in free words …"):
                shortlists.resolve_sectors(database)
        summary = preview.to_json()
        rejected = "".join(
            f"\n  row {row['row']}, {row['column']}: {row['value']!r} – expected {row['expected']}"
            for row in summary["rejected"]
        )
        counts = ", ".join(f"{summary[key]} {key}" for key in ("create", "update", "unchanged", "duplicates"))
        would = "Nothing was changed (dry run). " if dry_run else ""
        _print(
            summary, as_json, f"{would}{summary['rows']} rows: {counts}, {len(summary['rejected'])} rejected{rejected}"
        )


def _read_bounded(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(sheets.MAX_BYTES + 1)


def _column(pair: str) -> tuple[str, str]:
    field, separator, header = pair.partition("=")
    if not separator:
        raise InvalidError(f"--column {pair}: expected FIELD=HEADER, e.g. needs=Sucht")
    return field.strip(), header.strip()


def _city(text: str | None) -> str | None:
    if text is None:
        return None
    code = places.find_city(text)
    if code is None:
        raise InvalidError(f"{text!r} is not one of the network's cities: {', '.join(places.city_names())}.")
    return code


@event_app.command("create")
def event_create(
    name: Annotated[str, typer.Option(help="The workshop's name.")],
    city: Annotated[str, typer.Option(help="One of the network's cities, in any of our languages.")],
    starts: Annotated[str, typer.Option(help="e.g. 2027-03-24T09:30, in the city's time.")],
    ends: Annotated[str, typer.Option(help="e.g. 2027-03-24T17:30.")],
    venue: Annotated[str, typer.Option(help="Where in the city.")] = "",
    organiser: Annotated[str | None, typer.Option(help="E-mail address of the organiser's account.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a workshop."""
    with _database() as database, database.write() as session:
        data = events.parse(name=name, city=_city(city), starts=starts, ends=ends, venue=venue)
        owner = accounts.find(session, organiser) if organiser else None
        if organiser and owner is None:
            raise InvalidError(f"--organiser {organiser}: there is no such account")
        event = events.create(session, ACTOR, data, owner.id if owner else None)
        summary = {
            "id": event.id,
            "name": event.name,
            "city": event.city_code,
            "starts": event.starts_at.isoformat(),
            "ends": event.ends_at.isoformat(),
            "answers_until": event.answers_until.isoformat(),
        }
        _print(summary, as_json, f"Event {event.id}: {event.name}")


@event_app.command("register")
def event_register(
    event: EventId,
    everybody: Annotated[bool, typer.Option("--all", help="Every SME that is not paused or expired.")] = False,
    city: Annotated[str | None, typer.Option(help="Every such SME of this city.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register SMEs for a workshop; those already registered stay."""
    if everybody == (city is not None):
        raise InvalidError("Say whom to register: either --all or --city CITY.")
    with _database() as database, database.write() as session:
        new = events.register(session, ACTOR, event, events.can_register(session, _city(city)))
        _print({"registered": new}, as_json, f"{new} SMEs newly registered.")


@shortlists_app.command("build")
def shortlists_build(
    event: EventId,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Breaks ties; the same seed, the same lists.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Build draft shortlists, and wait for them."""
    started = time.monotonic()
    with _database() as database:
        with database.write() as session:
            runs.recover(session)
            run = runs.active(session, event) or runs.request(session, ACTOR, event, seed)
        try:
            with _progress() as report:
                run = _see_through(database, run, report)
        except KeyboardInterrupt:
            with database.write() as session:
                runs.cancel(session, ACTOR, run.id)
            raise ConflictError("Cancelled. The shortlists are as they were.") from None
        if run.status != RunStatus.DONE:
            raise ConflictError(run.error or "The run was cancelled.")
        summary = _built(database, run) | {"seconds": round(time.monotonic() - started, 1)}
        _print(
            summary,
            as_json,
            f"Run {run.id}: {summary['matches']} matches for {summary['smes']} SMEs in {summary['seconds']} s, "
            f"{len(summary['short'])} left short. Look at them, then: broker shortlists approve {event}",
        )


def _see_through(database: Database, run: MatchRun, report: shortlists.Report) -> MatchRun:
    """Build the run here, or follow the worker that has it, until it ends."""
    owner = f"cli-{socket.gethostname()}-{os.getpid()}"
    while run.status in runs.ACTIVE:
        if not shortlists.build(database, run.id, owner=owner, progress=report):
            time.sleep(0.5)  # somebody else's: look again, and take it over should they die
        with database.write() as session:
            runs.recover(session)
            run = runs.get(session, run.id)
        report(run.stage, run.done, run.total)
    return run


def _built(database: Database, run: MatchRun) -> dict[str, Any]:
    with database.read() as session:
        lists = session.exec(select(Shortlist).where(Shortlist.run_id == run.id)).all()
        entries = session.exec(select(ShortlistEntry.id).join(Shortlist).where(Shortlist.run_id == run.id)).all()
    return {
        "run": run.id,
        "event": run.event_id,
        "seed": run.seed,
        "smes": len(lists),
        "matches": len(entries) // 2,
        "short": [{"sme": row.sme_id, **row.shortfall} for row in lists if row.shortfall],
        "gap": run.gap,
        "model": run.model,
        "result": run.result_hash,
    }


@contextmanager
def _progress() -> Iterator[shortlists.Report]:
    """A progress bar on the terminal, a function to move it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield report


@shortlists_app.command("approve")
def shortlists_approve(event: EventId, as_json: AsJson = False) -> None:
    """Approve the draft shortlists: one mail per SME is written and queued."""
    with _database() as database, database.write() as session:
        approved = shortlists.approve(session, database.settings, ACTOR, event)
        summary = {"mails": approved.mails, "unchanged": approved.unchanged, "not_mailed": approved.not_mailed}
        missing = "".join(f"\n  no mail to {sme}: {why}" for sme, why in approved.not_mailed.items())
        _print(summary, as_json, f"{approved.mails} mails are queued.{missing}")


@outbox_app.command("deliver")
def outbox_deliver(as_json: AsJson = False) -> None:
    """Deliver what is due, now."""
    with _database() as database:
        with database.write() as session:
            outbox.release_stuck(session)
        done = outbox.deliver_due(database, owner=f"cli-{socket.gethostname()}-{os.getpid()}")
        summary = {"sent": done.sent, "later": done.later, "failed": done.failed}
        _print(summary, as_json, f"{done.sent} mails sent, {done.later} put off, {done.failed} failed.")


@app.command()
def export(
    event: EventId,
    what: Annotated[str, typer.Option(help="matches, answers or participants.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    form: Annotated[str, typer.Option("--format", help="csv or xlsx.")] = "csv",
) -> None:
    """Write an event's match list, answers or participants to a file."""
    if form not in reports.FORMATS:
        raise InvalidError(f"--format {form}: expected one of {', '.join(reports.FORMATS)}")
    with _database() as database, database.write() as session:
        data = reports.table(session, event, what)
        reports.log_export(session, ACTOR, event, what, form, data)
        output.write_bytes(reports.FORMATS[form](data))
        print(f"{len(data.rows)} rows written to {output}")


@account_app.command("create")
def account_create(
    email: Annotated[str, typer.Option(help="Where sign-in links go.")],
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    full_name: Annotated[str, typer.Option("--name", help="The person's name.")],
    city: Annotated[str | None, typer.Option(help="A broker's city.")] = None,
) -> None:
    """Create an account; the password is asked for, or read from standard input."""
    password = (
        typer.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    )
    with _database() as database, database.write() as session:
        accounts.create(
            session, email=email, name=full_name, role=role, city_code=_city(city), password=password or None
        )
        print(f"{email} can sign in as {role.value}.")


@app.command("backup")
def backup_command(file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")]) -> None:
    """Copy the whole database to one file, also while the service runs."""
    with _database() as database:
        backup.backup(database, file)
        print(f"Backed up to {file}")


@app.command("restore")
def restore_command(file: Annotated[Path, typer.Argument(help="A file that `broker backup` wrote.")]) -> None:
    """Replace the whole database by a backup."""
    settings = Settings()
    database = Database(settings)
    backup.restore(database, file)
    database.migrate()
    print(f"Restored from {file}")

"""`broker shortlists …`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlmodel import Session, select

from broker.cli.console import ACTOR, AsJson, EventId, open_database, print_result, terminal
from broker.db import Database
from broker.domain import owners, runs, shortlists
from broker.errors import ConflictError
from broker.models import MatchRun, RunStatus, Shortlist, ShortlistEntry

app = typer.Typer(no_args_is_help=True, help="Build and approve the shortlists of a workshop.")
FIRST_SEED = 1


@app.command("build")
def build(
    event: EventId,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help=f"Breaks ties; the same seed, the same lists. [default: {FIRST_SEED}]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build draft shortlists, and wait for them."""
    started = time.monotonic()
    with open_database() as database:
        with database.write() as session:
            run = _request(session, event, seed)
        try:
            with _progress() as report:
                run = _see_through(database, run, report)
        except KeyboardInterrupt:
            _cancel(database, run.id)
            raise ConflictError("Cancelled. The shortlists are as they were.") from None
        if run.status != RunStatus.DONE:
            raise ConflictError(run.error or "The run was cancelled.")
        summary = _built(database, run) | {"seconds": round(time.monotonic() - started, 1)}
        print_result(
            summary,
            as_json,
            f"Run {run.id}: {summary['matches']} matches for {summary['smes']} SMEs in {summary['seconds']} s, "
            f"{len(summary['short'])} left short. Look at them, then: broker shortlists approve {event}",
        )


def _request(session: Session, event_id: int, seed: int | None) -> MatchRun:
    """The run that is under way, unless another seed is asked for, or a new one."""
    runs.recover(session)
    run = runs.active(session, event_id)
    if run is None:
        return runs.request(session, ACTOR, event_id, FIRST_SEED if seed is None else seed)
    if seed not in {None, run.seed}:
        raise ConflictError(
            f"Run {run.id} is building these shortlists with seed {run.seed}. Wait for its end, or leave out --seed."
        )
    return run


def _see_through(database: Database, run: MatchRun, report: shortlists.Report) -> MatchRun:
    """Build the run here, or follow the worker that has it, until it ends."""
    while run.status in runs.ACTIVE:
        if not shortlists.build(database, run.id, owner=owners.name(), progress=report):
            time.sleep(0.5)  # somebody else's: look again, and take it over should they die
        with database.write() as session:
            runs.recover(session)
            run = runs.get(session, run.id)
        report(run.stage, run.done, run.total)
    return run


def _cancel(database: Database, run_id: int) -> None:
    """Cancel a run, and end it at once where it was this process's: nobody else would."""
    with database.write() as session:
        runs.cancel(session, ACTOR, run_id)
        session.flush()
        runs.fail(session, run_id, owners.name(), "")


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
        "relaxations": run.report["relaxations"],
        "rings": run.report["rings"],
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
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        task = bar.add_task("starting", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield report


@app.command("approve")
def approve(event: EventId, as_json: AsJson = False) -> None:
    """Approve the draft shortlists: one mail per SME is written and queued."""
    with open_database() as database:
        with database.write() as session:
            approved = shortlists.approve(session, database.settings, ACTOR, event)
        summary = {"mails": approved.mails, "unchanged": approved.unchanged, "not_mailed": approved.not_mailed}
        missing = "".join(f"\n  no mail to {sme}: {why}" for sme, why in approved.not_mailed.items())
        print_result(summary, as_json, f"{approved.mails} mails are queued.{missing}")

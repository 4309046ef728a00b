"""`broker outbox …`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import col, select

from broker.cli.console import ACTOR, LAST_ID, AsJson, open_database, print_result
from broker.db import Database
from broker.domain import bounce_reports, outbox, owners, relay
from broker.domain.delivery import TemporaryFailure
from broker.errors import InvalidError, NotFoundError
from broker.models import Email, EmailStatus

app = typer.Typer(no_args_is_help=True, help="Deliver mail.")


DryRun = Annotated[
    Path | None,
    typer.Option(
        "--dry-run",
        metavar="FOLDER",
        help="Send nothing: write what would be sent now, were there no caps, as files into this folder.",
    ),
]


@app.command("deliver")
def deliver(dry_run: DryRun = None, as_json: AsJson = False) -> None:
    """Deliver what is due, now."""
    with open_database() as database:
        if dry_run is not None:
            _rehearse(database, dry_run, as_json)
            return
        with database.write() as session:
            relay.release_stuck(session)
        done = relay.deliver_due(database, owner=owners.name())
        held = f" {done.held} are held: the server may have taken them." if done.held else ""
        sentence = f"{done.sent} mails sent, {done.later} put off, {done.failed} failed.{held}"
        print_result(asdict(done), as_json, sentence)


def _rehearse(database: Database, folder: Path, as_json: bool) -> None:
    try:
        written = relay.rehearse(database, folder)
    except TemporaryFailure as failure:
        raise InvalidError(f"The mails cannot be written: {failure}") from failure
    sentence = f"{written} mails would be sent now. They are in {folder}; nothing was sent."
    print_result({"would_send": written}, as_json, sentence)


@app.command("retry")
def retry(
    email_id: Annotated[int | None, typer.Argument(help="The id of a failed or held mail.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Every held mail, e.g. those of a restored backup.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queue mails again that failed or were held."""
    if held == (email_id is not None):
        raise InvalidError("Say which mails: either one EMAIL_ID or --held.")
    if email_id is not None and not 1 <= email_id <= LAST_ID:
        raise NotFoundError("There is no such mail.")
    with open_database() as database:
        with database.write() as session:
            if email_id is None:
                query = select(Email.id).where(Email.status == EmailStatus.HELD).order_by(col(Email.id))
                waiting = session.exec(query).all()
                queued, refused = outbox.retry_each(session, ACTOR, waiting)
            else:
                queued, refused = 1, 0
                outbox.retry(session, ACTOR, email_id)
        stay = f" {refused} stay held." if refused else ""
        print_result({"queued": queued, "held": refused}, as_json, f"{queued} mails are queued again.{stay}")


@app.command("bounces")
def bounces(as_json: AsJson = False) -> None:
    """Read the mails that came back into HOME/bounces, now."""
    with open_database() as database:
        counts = bounce_reports.read_folder(database)
        told = f"{counts['failed']} mails came back, {counts['unread']} files were not understood: see bounces/unread."
        print_result(counts, as_json, told if counts["unread"] else told.partition(",")[0] + ".")

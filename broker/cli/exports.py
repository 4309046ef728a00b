"""`broker export`."""

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.console import ACTOR, EventId, open_database
from broker.domain import reports
from broker.errors import InvalidError

app = typer.Typer()


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
    with open_database() as database:
        with database.write() as session:
            data = reports.table(session, event, what)
            reports.log_export(session, ACTOR, event, what, form, data)
            output.write_bytes(reports.FORMATS[form](data))
        print(f"{len(data.rows)} rows written to {output}")

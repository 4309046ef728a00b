"""`broker import`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.console import ACTOR, AsJson, city_code, open_database, print_result, terminal
from broker.db import Database
from broker.domain import imports, sheets, shortlists
from broker.errors import InvalidError

app = typer.Typer()


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, XLS or ODS.")],
    city: Annotated[str | None, typer.Option(help="The city of every row; one that names another is rejected.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column means, e.g. --column needs=Sucht.")] = None,
    merge: Annotated[list[int] | None, typer.Option(help="Row numbers of duplicates to merge.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import SME profiles from a spreadsheet."""
    with open_database() as database:
        sheet = sheets.read(file.name, _read_bounded(file))
        columns = dict(_column(pair) for pair in column or [])
        with database.read() if dry_run else database.write() as session:
            preview = imports.preview(session, sheet, city=city_code(city), columns=columns or None)
            if merge:
                choices = imports.merging(preview, merge)
                preview = imports.preview(
                    session, sheet, city=city_code(city), columns=columns or None, choices=choices
                )
            if not dry_run:
                imports.apply(session, ACTOR, preview, source=file.name)
        summary = preview.to_json()
        rejected = "".join(
            f"\n  row {row['row']}, {row['column']}: {row['value']!r} – expected {row['expected']}"
            for row in summary["rejected"]
        )
        counts = ", ".join(f"{summary[key]} {key}" for key in ("create", "update", "unchanged", "duplicates"))
        would = "Nothing was changed (dry run). " if dry_run else ""
        told = f"{would}{summary['rows']} rows: {counts}, {len(summary['rejected'])} rejected{rejected}"
        if not dry_run:
            _resolve_sectors(database)
        print_result(summary, as_json, told)


def _resolve_sectors(database: Database) -> None:
    """Not worth a failure: the rows are in, and the next build or the worker does it again."""
    try:
        with terminal.status("Finding the nearest sector for sectors given in free words …"):
            shortlists.resolve_sectors(database)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"Sectors given in free words are not resolved yet; the next build does it. ({reason})", file=sys.stderr)


def _read_bounded(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(sheets.MAX_BYTES + 1)


def _column(pair: str) -> tuple[str, str]:
    field, separator, header = pair.partition("=")
    if not separator:
        raise InvalidError(f"--column {pair}: expected FIELD=HEADER, e.g. needs=Sucht")
    return field.strip(), header.strip()

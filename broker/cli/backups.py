"""`broker backup`, `broker restore`."""

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.console import open_database
from broker.config import Settings
from broker.db import Database
from broker.domain import backup

app = typer.Typer()


@app.command("backup")
def write_backup(file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")]) -> None:
    """Copy the whole database to one file, also while the service runs."""
    with open_database() as database:
        backup.backup(database, file)
        print(f"Backed up to {file}")


@app.command("restore")
def restore_backup(file: Annotated[Path, typer.Argument(help="A file that `broker backup` wrote.")]) -> None:
    """Replace the whole database by a backup."""
    database = Database(Settings())
    try:
        held = backup.restore(database, file)
    finally:
        database.dispose()
    print(f"Restored from {file}")
    if held:
        print(f"{held} mails are held, as they may have been sent already. To send them: broker outbox retry --held")

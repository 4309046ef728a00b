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
        done = backup.restore(database, file)
    finally:
        database.dispose()
    print(f"Restored from {file}")
    if done.held:
        print(
            f"{done.held} mails are held, as they may have been sent already. To send them: broker outbox retry --held"
        )
    if done.erased:
        print(f"{done.erased} SMEs that were erased since the backup are erased again.")
    for sme_id in done.not_erased:
        print(f"SME {sme_id} was erased since the backup and is back, as its shortlists are being built. When that is")
        print(f"done: broker smes erase {sme_id}")

"""`broker smes …`."""

from typing import Annotated

import typer

from broker.cli.console import ACTOR, LAST_ID, open_database
from broker.domain import erasure
from broker.errors import NotFoundError
from broker.models import Sme

app = typer.Typer(no_args_is_help=True, help="Erase SMEs.")


@app.callback()
def smes() -> None:
    """Keeps `erase` a command of its own, as long as it is the only one."""


@app.command("erase")
def erase(
    sme_id: Annotated[int, typer.Argument(help="The SME's id: the number in the address of its page.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an SME for good, with its mails and answers, and its name wherever else it stands."""
    if not 1 <= sme_id <= LAST_ID:
        raise NotFoundError(f"There is no SME {sme_id}.")
    with open_database() as database:
        if not yes:
            with database.read() as session:
                sme = session.get(Sme, sme_id)
            if sme is None:
                raise NotFoundError(f"There is no SME {sme_id}.")
            typer.confirm(f"Erase {sme.name} ({sme.city_code}) for good?", abort=True, err=True)
        with database.write() as session:
            erased = erasure.erase(session, ACTOR, sme_id)
        files = erasure.clear_files(database.settings, erased)
        print(f"SME {sme_id} is erased. {len(erased.message_ids)} mails and {files} files went with it.")
        for export in erased.exports:
            told = f"{export.what} of event {export.event_id}, {export.at:%Y-%m-%d}, by {export.actor}"
            print(f"Exported before, so delete it there, too: {told} ({export.format})")

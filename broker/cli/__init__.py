"""The command line: every job of the service without a browser, under BROKER_HOME (default ./var)."""

import sys
from typing import NoReturn

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError, ProgrammingError

from broker.cli import (
    accounts,
    backups,
    doctor,
    events,
    exports,
    imports,
    mailings,
    outbox,
    service,
    shortlists,
    smes,
)
from broker.errors import BrokerError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
for module in (service, imports, exports, backups, doctor):
    app.add_typer(module.app)
for name, sub in {
    "event": events.app,
    "smes": smes.app,
    "shortlists": shortlists.app,
    "mailings": mailings.app,
    "outbox": outbox.app,
    "account": accounts.app,
}.items():
    app.add_typer(sub, name=name)


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

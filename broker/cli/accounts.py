"""`broker account …`."""

import sys
from typing import Annotated

import typer

from broker.cli.console import city_code, open_database
from broker.domain import accounts
from broker.models import Role

app = typer.Typer(no_args_is_help=True, help="Create accounts for brokers, organisers and administrators.")


@app.command("create")
def create(
    email: Annotated[str, typer.Option(help="Where sign-in links go.")],
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    full_name: Annotated[str, typer.Option("--name", help="The person's name.")],
    city: Annotated[str | None, typer.Option(help="A broker's city.")] = None,
) -> None:
    """Create an account; the password is asked for, or read from standard input."""
    password = (
        typer.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    )
    with open_database() as database:
        with database.write() as session:
            accounts.create(
                session, email=email, name=full_name, role=role, city_code=city_code(city), password=password or None
            )
        print(f"{email} can sign in as {role.value}.")

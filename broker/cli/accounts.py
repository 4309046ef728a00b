"""`broker account …`."""

import sys
from typing import Annotated

import typer

from broker.cli.console import ACTOR, city_code, open_database
from broker.domain import account_invitations, accounts
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


@app.command("invite")
def invite(
    email: Annotated[str, typer.Option(help="Where the invitation goes.")],
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    full_name: Annotated[str, typer.Option("--name", help="The person's name.")],
    city: Annotated[str | None, typer.Option(help="A broker's city.")] = None,
) -> None:
    """Create an account whose owner chooses how to sign in, by a mailed link that works for seven days."""
    with open_database() as database:
        settings = database.settings
        with database.write() as session:
            account_invitations.invite(session, settings, ACTOR, email, full_name, role, city_code(city))
        print(f"{email} is invited as {role.value}. The mail waits in the outbox.")

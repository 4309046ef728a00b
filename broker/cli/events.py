"""`broker event …`."""

from typing import Annotated

import typer

from broker.cli.console import ACTOR, AsJson, EventId, city_code, open_database, print_result
from broker.domain import accounts, events
from broker.errors import InvalidError

app = typer.Typer(no_args_is_help=True, help="Create a workshop and register SMEs for it.")


@app.command("create")
def create(
    name: Annotated[str, typer.Option(help="The workshop's name.")],
    city: Annotated[str, typer.Option(help="One of the network's cities, in any of our languages.")],
    starts: Annotated[str, typer.Option(help="e.g. 2027-03-24T09:30, in the city's time.")],
    ends: Annotated[str, typer.Option(help="e.g. 2027-03-24T17:30.")],
    venue: Annotated[str, typer.Option(help="Where in the city.")] = "",
    organiser: Annotated[str | None, typer.Option(help="E-mail address of the organiser's account.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a workshop."""
    with open_database() as database:
        with database.write() as session:
            data = events.parse(name=name, city=city_code(city), starts=starts, ends=ends, venue=venue)
            owner = accounts.find(session, organiser) if organiser else None
            if organiser and owner is None:
                raise InvalidError(f"--organiser {organiser}: there is no such account")
            event = events.create(session, ACTOR, data, owner.id if owner else None)
        summary = {
            "id": event.id,
            "name": event.name,
            "city": event.city_code,
            "starts": event.starts_at.isoformat(),
            "ends": event.ends_at.isoformat(),
            "answers_until": event.answers_until.isoformat(),
        }
        print_result(summary, as_json, f"Event {event.id}: {event.name}")


@app.command("register")
def register(
    event: EventId,
    everybody: Annotated[bool, typer.Option("--all", help="Every SME that is not paused or expired.")] = False,
    city: Annotated[str | None, typer.Option(help="Every such SME of this city.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register SMEs for a workshop; those already registered stay."""
    if everybody == (city is not None):
        raise InvalidError("Say whom to register: either --all or --city CITY.")
    with open_database() as database:
        with database.write() as session:
            new = events.register(session, ACTOR, event, events.can_register(session, city_code(city)))
        print_result({"registered": new}, as_json, f"{new} SMEs newly registered.")

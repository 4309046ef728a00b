"""What every command shares: the database of BROKER_HOME, options, and how a result is printed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from broker.config import Settings
from broker.db import Database
from broker.domain import places
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.queue import publisher

ACTOR = "command line"
LAST_ID = 2**31 - 1
"""The largest id the databases can look for."""
terminal = Console(stderr=True)
"""Progress and remarks go here, so that what is printed on standard output stays data."""


def _existing_event(event_id: int) -> int:
    if not 1 <= event_id <= LAST_ID:
        raise NotFoundError(f"There is no event {event_id}.")
    return event_id


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EventId = Annotated[
    int, typer.Argument(callback=_existing_event, help="The event's id, as `event create --json` printed it.")
]


@contextmanager
def open_database(fresh: bool = False) -> Iterator[Database]:
    """The database of BROKER_HOME; `fresh` creates or upgrades it, otherwise it must be there."""
    settings = Settings()
    if settings.is_sqlite and not fresh and not Path(settings.database_url.removeprefix("sqlite:///")).exists():
        raise ConflictError(f"There is no database in {settings.home} yet. Start with: broker init")
    database = Database(settings, publisher(settings))
    try:
        if fresh:
            settings.home.mkdir(parents=True, exist_ok=True)
            database.migrate()
            with database.write() as session:
                places.load_reference(session)
        yield database
    finally:
        database.dispose()


def print_result(data: dict[str, Any], as_json: bool, sentence: str) -> None:
    """Print the outcome of a command, once it is committed: as JSON or as a sentence."""
    print(json.dumps(data, ensure_ascii=False, indent=2) if as_json else sentence)


def city_code(text: str | None) -> str | None:
    """The code of a city in any of our languages; InvalidError where it is none of ours."""
    if text is None:
        return None
    code = places.find_city(text)
    if code is None:
        raise InvalidError(f"{text!r} is not one of the network's cities: {', '.join(places.city_names())}.")
    return code

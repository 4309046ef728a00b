"""`broker init`, `broker demo`, `broker serve`."""

from typing import Annotated

import typer

from broker.cli.console import open_database
from broker.config import Settings
from broker.domain import demo

app = typer.Typer()


@app.command()
def init() -> None:
    """Create the database of BROKER_HOME, or bring it to this version."""
    with open_database(fresh=True) as database:
        print(f"Ready: {database.engine.url.render_as_string(hide_password=True)}")


@app.command("demo")
def load_demo() -> None:
    """Load 102 invented SMEs, their workshop in Berlin and accounts to look around with."""
    with open_database(fresh=True) as database:
        with database.write() as session:
            loaded = demo.load(session, database.settings)
        print("The demo is loaded." if loaded else "There are events here already: nothing was loaded.")


@app.command("serve")
def serve_until_stopped(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the web server.")] = 8000,
    host: Annotated[str, typer.Option(help="The address it listens on.")] = "127.0.0.1",
) -> None:
    """Run the web server, the queue and the worker until Ctrl-C."""
    from broker.serve import serve

    settings = Settings()
    lines = [f"{role}: {email}, password {password}" for role, email, password in demo.sign_ins()]
    serve(settings, port=port, host=host, sign_ins=lines if settings.is_demo else [])

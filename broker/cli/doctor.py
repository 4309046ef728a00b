"""`broker doctor`: looks at everything the service stands on, changes and sends nothing, and says what to do."""

import json
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from broker.cli import checks
from broker.cli.checks import Finding, Level
from broker.config import Settings
from broker.logs import mask_text

app = typer.Typer()
CHECKS: dict[str, Callable[[Settings], Iterator[Finding]]] = {
    "database": checks.database,
    "disk": checks.disk,
    "queue": checks.queue,
    "worker": checks.worker,
    "mail": checks.mail,
    "sender": checks.sender,
    "bounces": checks.bounces,
    "model": checks.model,
    "weights": checks.weights,
    "secret key": checks.secret_key,
    "public address": checks.public_address,
}


@app.command("doctor")
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check database, queue, worker, mail, model and settings; exit code 1 if something needs mending."""
    settings = Settings()
    found = [(name, finding) for name, check in CHECKS.items() for finding in _look(check, settings)]
    if as_json:
        rows = [{"check": name, "level": each.level, "told": each.told, "todo": each.todo} for name, each in found]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for name, each in found:
            print(f"{each.level:<8} {name}: {each.told}{f' → {each.todo}' if each.todo else ''}")
    if any(each.level == Level.PROBLEM for _, each in found):
        raise typer.Exit(1)


def _look(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    """What a check finds; one that breaks is itself a finding. No line holds a password."""
    try:
        found = list(check(settings))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        found = [Finding(Level.PROBLEM, f"the check itself failed ({type(error).__name__}: {reason})", "report this")]
    return [Finding(each.level, mask_text(each.told), mask_text(each.todo)) for each in found]

"""`broker mailings …`."""

from typing import Annotated, Any

import typer
from sqlmodel import Session

from broker.cli.console import ACTOR, AsJson, EventId, open_database, print_result
from broker.domain import events, mailings
from broker.domain.queries.mailings import plan_view
from broker.models import MailingKind

app = typer.Typer(no_args_is_help=True, help="Plan, stop and resume the mails that a workshop sends by date.")
WITHOUT_DATE = {"introduction": "as soon as both have said yes"}
Kind = Annotated[MailingKind, typer.Argument(help="Which mail.")]


def _date(of: str) -> Any:
    return typer.Option(help=f"When {of}, e.g. 2027-03-10T09:00, in the event's zone. '' leaves it out.")


@app.command("show")
def show(event: EventId, as_json: AsJson = False) -> None:
    """The plan of a workshop's mails, and how many there are in each state."""
    with open_database() as database, database.read() as session:
        plan = _plan(session, event)
    lines = [f"{name}: {mail['from'] or WITHOUT_DATE.get(name, 'no date')}" for name, mail in plan["mails"].items()]
    hours = f"Dates in {plan['zone']}. Sent {plan['opens']} to {plan['closes']} where each recipient is."
    print_result(plan, as_json, "\n".join([*lines, hours]))


@app.command("plan")
def plan(
    event: EventId,
    shortlist: Annotated[str | None, _date("the shortlists go out; without one, as they are approved")] = None,
    reminder: Annotated[str | None, _date("to remind who has not answered")] = None,
    last_call: Annotated[str | None, _date("to ask for the last answers")] = None,
    summary: Annotated[str | None, _date("to tell the brokers")] = None,
    opens: Annotated[str | None, typer.Option(help="No mail leaves before, on its recipient's clock.")] = None,
    closes: Annotated[str | None, typer.Option(help="And none after; 00:00 is midnight.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="The event's zone, e.g. Europe/Berlin: dates are read in it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set dates and send hours; what is not named stays as it is."""
    given = {
        "shortlist": shortlist,
        "reminder": reminder,
        "last_call": last_call,
        "summary": summary,
        "opens": opens,
        "closes": closes,
        "zone": zone,
    }
    with open_database() as database:
        with database.write() as session:
            standing = mailings.filled(_standing(session, event))
            fields = standing | {name: text for name, text in given.items() if text is not None}
            mailings.save(session, ACTOR, event, fields)
            session.flush()
            saved = _plan(session, event)
        print_result(saved, as_json, "The plan is saved.")


@app.command("stop")
def stop(event: EventId, kind: Kind) -> None:
    """Hold the mails of a kind that wait, and write no more of them."""
    with open_database() as database:
        with database.write() as session:
            mailings.stop(session, ACTOR, event, kind)
        print(f"{mailings.TITLES[kind]}: stopped.")


@app.command("resume")
def resume(event: EventId, kind: Kind) -> None:
    """Let a stopped mailing go on."""
    with open_database() as database:
        with database.write() as session:
            mailings.resume(session, ACTOR, event, kind)
        print(f"{mailings.TITLES[kind]}: goes on.")


@app.command("write")
def write(as_json: AsJson = False) -> None:
    """Write the reminders, last calls and summaries that are due, as a running worker does by itself."""
    with open_database() as database:
        written, more = 0, True
        while more:
            with database.write() as session:
                batch = mailings.write_due(session, database.settings)
            written, more = written + batch, batch >= mailings.BATCH
        print_result({"written": written}, as_json, f"{written} mails written. To send them: broker outbox deliver")


def _standing(session: Session, event_id: int) -> mailings.Plan:
    return mailings.standing(events.get(session, event_id), mailings.by_kind(session, event_id))


def _plan(session: Session, event_id: int) -> dict[str, Any]:
    fields = mailings.filled(_standing(session, event_id))
    rows = plan_view(session, events.get(session, event_id)).rows
    return {
        "opens": fields["opens"],
        "closes": fields["closes"],
        "zone": fields["zone"],
        "mails": {
            row.kind.value: {
                "from": fields.get(row.kind, ""),
                "stopped": bool(row.mailing and row.mailing.stopped_at),
                **{status.value: count for status, count in row.mails.items()},
            }
            for row in rows
        },
    }

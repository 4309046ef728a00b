"""`broker outbox …`."""

from typing import Annotated

import typer
from sqlmodel import col, select

from broker.cli.console import ACTOR, LAST_ID, AsJson, open_database, print_result, process_name
from broker.domain import outbox, relay
from broker.errors import InvalidError, NotFoundError
from broker.models import Email, EmailStatus

app = typer.Typer(no_args_is_help=True, help="Deliver mail.")


@app.command("deliver")
def deliver(as_json: AsJson = False) -> None:
    """Deliver what is due, now."""
    with open_database() as database:
        with database.write() as session:
            relay.release_stuck(session)
        done = relay.deliver_due(database, owner=process_name())
        summary = {"sent": done.sent, "later": done.later, "failed": done.failed}
        print_result(summary, as_json, f"{done.sent} mails sent, {done.later} put off, {done.failed} failed.")


@app.command("retry")
def retry(
    email_id: Annotated[int | None, typer.Argument(help="The id of a failed or held mail.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Every held mail, e.g. those of a restored backup.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queue mails again that failed or were held."""
    if held == (email_id is not None):
        raise InvalidError("Say which mails: either one EMAIL_ID or --held.")
    if email_id is not None and not 1 <= email_id <= LAST_ID:
        raise NotFoundError("There is no such mail.")
    with open_database() as database:
        with database.write() as session:
            if email_id is None:
                query = select(Email.id).where(Email.status == EmailStatus.HELD).order_by(col(Email.id))
                waiting = session.exec(query).all()
                queued, refused = outbox.retry_each(session, ACTOR, waiting)
            else:
                queued, refused = 1, 0
                outbox.retry(session, ACTOR, email_id)
        stay = f" {refused} stay held." if refused else ""
        print_result({"queued": queued, "held": refused}, as_json, f"{queued} mails are queued again.{stay}")

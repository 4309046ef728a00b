"""Calls of webhooks as rows of the outbox: which is made next, and what became of the last ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.domain import webhooks
from broker.domain.claims import Call, Outgoing, end, obstacle, take
from broker.domain.windows import Window
from broker.models import Email, EmailStatus, Webhook

SHOWN = 10
UNWANTED = "The webhook was switched off, or its account may not hear of this any more."
# Only the call is locked: its webhook may be looked at by who writes the next one.
_OLDEST = (
    select(Email, Webhook)
    .join(Webhook, col(Webhook.id) == Email.webhook_id)
    .where(col(Email.webhook_id).is_not(None))
    .where(col(Email.status) == EmailStatus.QUEUED, col(Email.next_at) <= bindparam("moment"))
    .order_by(col(Email.next_at), col(Email.id))
    .limit(1)
    .with_for_update(skip_locked=True, of=Email)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class Told:
    """One of the last calls of a webhook."""

    message_id: str
    event: str
    status: EmailStatus
    attempts: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    error: str


def claim(session: Session, _settings: Settings, owner: str, moment: datetime) -> Outgoing | None:
    """Take the oldest call due at `moment` for `owner`, or None; two workers never get the same one.

    On the way, due calls nobody may or wants to hear any more are ended."""
    while (row := session.execute(_OLDEST, {"moment": moment}).one_or_none()) is not None:
        call = _outgoing(session, row[0], row[1], moment)
        if (reason := obstacle(call, moment)) is None:
            take(session, call, owner, moment)
            return call
        end(session, call, *reason)
    return None


def _outgoing(session: Session, email: Email, webhook: Webhook, moment: datetime) -> Outgoing:
    return Outgoing(
        id=email.id,
        kind=email.kind,
        sme_id=None,
        to_address=email.to_address,
        message_id=email.message_id,
        message=email.message,
        attempts=email.attempts + 1,
        deadline=email.deadline,
        window=Window(),
        error=email.error,
        withdrawn=False,
        moot="" if webhooks.is_wanted(session, webhook, email) else UNWANTED,
        call=Call(webhook.id, webhook.url, webhook.salt, moment),
    )


def put_off(session: Session, call: Call, until: datetime) -> None:
    """Have the other calls of a webhook wait, too, when its server did not answer: each would wait for it in vain,
    and those of others behind them."""
    waiting = (col(Email.webhook_id) == call.webhook_id) & (col(Email.status) == EmailStatus.QUEUED)
    later = update(Email).where(waiting, col(Email.next_at) < until, col(Email.deadline) > until)
    session.connection().execute(later.values(next_at=until))


def latest(session: Session, webhook_ids: Sequence[int]) -> dict[int, list[Told]]:
    """The last calls of each of these webhooks, the newest first."""
    found: dict[int, list[Told]] = {webhook_id: [] for webhook_id in webhook_ids}
    for webhook_id in webhook_ids:
        columns = (Email.message_id, Email.subject, Email.status, Email.attempts)
        times = (Email.created_at, Email.next_at, Email.sent_at, Email.error)
        query = select(*columns, *times).where(Email.webhook_id == webhook_id)  # type: ignore[call-overload]
        newest = session.exec(query.order_by(col(Email.id).desc()).limit(SHOWN))
        found[webhook_id] = [Told(*row) for row in newest]
    return found

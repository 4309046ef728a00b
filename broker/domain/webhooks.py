"""Webhooks: programs of an account that are told what happens, each call signed with a secret of its own.

What is told holds ids and no personal data, and only of what the account may see."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now, wake
from broker.domain import audit
from broker.domain.accounts import actor
from broker.domain.web_addresses import parse
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import WEBHOOK, Account, Email, EmailStatus, Event, Introduction, MatchRun, Role, Sme, Webhook

RUN_FINISHED = "run.finished"
INTEREST_MUTUAL = "interest.mutual"
TEST = "webhook.test"
EVENTS = {
    RUN_FINISHED: "A match run has ended",
    INTEREST_MUTUAL: "Two firms both said yes",
}
MOST_WEBHOOKS = 10
DEADLINE = timedelta(hours=24)
SERVICE = "webhooks"
"""Who is named in the record where a receiver said itself that it wants no more calls."""


def create(session: Session, account: Account, url: str, events: Collection[str]) -> Webhook:
    """A new webhook of the account. InvalidError, ConflictError."""
    url = url.strip()
    parse(url)
    wanted = [name for name in EVENTS if name in events]
    if not wanted or len(wanted) != len(set(events)):
        raise InvalidError(f"Events: expected one or more of {', '.join(EVENTS)}.")
    if len(of_account(session, account)) >= MOST_WEBHOOKS:
        raise ConflictError(f"There are {MOST_WEBHOOKS} webhooks already. Delete one that is not needed any more.")
    salt = secrets.token_urlsafe(24)
    webhook = Webhook(account_id=account.id, url=url, events=wanted, salt=salt, created_at=now(session))
    session.add(webhook)
    session.flush()
    audit.record(session, actor(account), "webhook.create", f"webhook {webhook.id}", events=wanted)
    return webhook


def of_account(session: Session, account: Account) -> list[Webhook]:
    """The account's webhooks, the oldest first."""
    return list(session.exec(select(Webhook).where(Webhook.account_id == account.id).order_by(col(Webhook.id))))


def get(session: Session, account: Account, webhook_id: int, *, lock: bool = False) -> Webhook:
    """A webhook of the account; NotFoundError."""
    webhook = session.get(Webhook, webhook_id, with_for_update=lock or None)
    if webhook is None or webhook.account_id != account.id:
        raise NotFoundError("There is no such webhook.")
    return webhook


def switch(session: Session, account: Account, webhook_id: int, *, active: bool) -> None:
    """Switch a webhook on or off; what happens while it is off is not told later. NotFoundError."""
    webhook = get(session, account, webhook_id, lock=True)
    if webhook.active != active:
        webhook.active = active
        session.add(webhook)
        audit.record(session, actor(account), f"webhook.{'on' if active else 'off'}", f"webhook {webhook_id}")


def switch_off(session: Session, webhook_id: int, reason: str) -> None:
    """Switch a webhook off whose receiver says that nothing is there any more."""
    webhook = session.get(Webhook, webhook_id, populate_existing=True, with_for_update=True)
    if webhook is not None and webhook.active:
        webhook.active = False
        session.add(webhook)
        audit.record(session, SERVICE, "webhook.off", f"webhook {webhook_id}", reason=reason)


def delete(session: Session, account: Account, webhook_id: int) -> None:
    """Delete a webhook with all its calls; NotFoundError."""
    session.delete(get(session, account, webhook_id, lock=True))
    session.flush()
    audit.record(session, actor(account), "webhook.delete", f"webhook {webhook_id}")


def secret(settings: Settings, webhook_id: int, salt: str) -> str:
    """What the webhook's calls are signed with, as Standard Webhooks writes it: `whsec_` and base64."""
    return f"whsec_{base64.b64encode(key(settings, webhook_id, salt)).decode()}"


def key(settings: Settings, webhook_id: int, salt: str) -> bytes:
    """The secret as bytes."""
    return hmac.digest(settings.secret_key.encode(), f"webhook:{webhook_id}:{salt}".encode(), hashlib.sha256)


def test(session: Session, account: Account, webhook_id: int) -> None:
    """Call a webhook so that its owner sees whether it works. NotFoundError; ConflictError while it is off, or the
    last such call waits."""
    webhook = get(session, account, webhook_id, lock=True)
    waiting = select(Email.id).where(
        Email.webhook_id == webhook_id,
        Email.subject == TEST,
        col(Email.status).in_((EmailStatus.QUEUED, EmailStatus.SENDING)),
    )
    if not webhook.active:
        raise ConflictError("This webhook is off. Switch it on first.")
    if session.exec(waiting.limit(1)).first() is not None:
        raise ConflictError("The last test call waits to be delivered. See below how it goes.")
    _write(session, webhook, TEST, secrets.token_hex(8), None, {"webhook_id": webhook_id})
    audit.record(session, actor(account), "webhook.test", f"webhook {webhook_id}")


def run_finished(session: Session, run: MatchRun) -> None:
    """Tell whoever may see the event that a run of it has ended, in the transaction that ends it."""
    data = {"event_id": run.event_id, "run_id": run.id, "status": run.status.value}
    for webhook in _audience(session, RUN_FINISHED, run.event_id):
        _write(session, webhook, RUN_FINISHED, str(run.id), run.event_id, data)


def interest_mutual(session: Session, introduction: Introduction) -> None:
    """Tell the organiser and the brokers of both that two SMEs said yes, in the transaction of the second yes."""
    pair = {"introduction_id": introduction.id, "a_id": introduction.a_id, "b_id": introduction.b_id}
    data = {"event_id": introduction.event_id, **pair}
    for webhook in _audience(session, INTEREST_MUTUAL, introduction.event_id, introduction):
        _write(session, webhook, INTEREST_MUTUAL, str(introduction.id), introduction.event_id, data)


def is_wanted(session: Session, webhook: Webhook, call: Email) -> bool:
    """Whether a call that was written may still be made: the account is there and may see what it tells."""
    if call.subject == TEST:
        account = session.get(Account, webhook.account_id, populate_existing=True)
        return webhook.active and account is not None and account.active
    introduction = None
    if call.subject == INTEREST_MUTUAL:
        introduction = session.get(Introduction, about(call))
        if introduction is None:  # one of the two was erased
            return False
    assert call.event_id is not None  # noqa: S101 - all but test calls are about an event
    return webhook.id in {one.id for one in _audience(session, call.subject, call.event_id, introduction)}


def about(call: Email) -> int:
    """The id of the run or introduction a call tells of."""
    return int(call.key.split(":")[1])


def _audience(session: Session, name: str, event_id: int, introduction: Introduction | None = None) -> list[Webhook]:
    """The webhooks that want to hear of an event of this name, and whose accounts may."""
    organises = select(Event.organiser_id).where(Event.id == event_id)
    is_of = col(Account.role)
    hears = (is_of == Role.ADMIN) | ((is_of == Role.ORGANISER) & col(Account.id).in_(organises))
    if introduction is not None:  # both said yes, so each broker may know of the other's SME
        cities = select(Sme.city_code).where(col(Sme.id).in_((introduction.a_id, introduction.b_id)))
        hears |= (is_of == Role.BROKER) & col(Account.city_code).in_(cities)
    query = (
        select(Webhook)
        .join(Account, col(Account.id) == Webhook.account_id)
        .where(col(Webhook.active).is_(True), col(Account.active).is_(True), hears)
        .order_by(col(Webhook.id))
    )
    return [webhook for webhook in session.exec(query) if name in webhook.events]


def _write(
    session: Session, webhook: Webhook, name: str, about: str, event_id: int | None, data: dict[str, Any]
) -> None:
    """One call as a row of the outbox, its id and text fixed."""
    moment, host = now(session), parse(webhook.url).host
    body = {"type": name, "timestamp": moment.isoformat().replace("+00:00", "Z"), "data": data}
    call = Email(
        key=f"{name}:{about}:{webhook.id}",
        kind=WEBHOOK,
        event_id=event_id,
        webhook_id=webhook.id,
        to_address=host,
        domain=host,
        subject=name,
        message_id=f"msg_{secrets.token_hex(16)}",
        message=json.dumps(body, separators=(",", ":")).encode(),
        created_at=moment,
        next_at=moment,
        deadline=moment + DEADLINE,
    )
    session.add(call)
    session.flush()
    wake(session, "webhooks.deliver")

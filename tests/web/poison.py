"""Attacks in every text of every table: what is not listed here as no text of a person's gets one.

A table or column that is added later is poisoned, too; where it has no row, or is JSON nobody described, the test
says so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Column
from sqlalchemy import Enum as EnumType
from sqlmodel import AutoString, Session, SQLModel, select

from broker.db import now
from broker.domain import tokens
from broker.models import (
    Answer,
    AuditEntry,
    CaseNote,
    ChangeSet,
    Draft,
    Email,
    EmailStatus,
    ExportLog,
    Interest,
    Introduction,
    MatchRun,
    NoteKind,
    PairRule,
    PastPartner,
    Proposal,
    ReadinessCheck,
    Review,
    Scope,
    Suppression,
    Webhook,
)
from tests.web.payloads import packed
from tests.web.world import World, add_ring

CODES = "one of a few words of the program's own"
MACHINE = "made by the program, of letters and digits"
CHECKED = "an address, which is checked on its way in"
NO_TEXT: dict[str, str] = {
    **dict.fromkeys(("account.email", "contact.email", "email.to_address", "email.domain"), CHECKED),
    **dict.fromkeys(("account.password_hash", "apitoken.token_hash", "idempotencykey.request_hash"), MACHINE),
    **dict.fromkeys(("embedding.text_hash", "matchrun.result_hash", "email.made_of", "webhook.salt"), MACHINE),
    **dict.fromkeys(("invitation.link_key", "registration.link_key", "email.key", "email.message_id"), MACHINE),
    **dict.fromkeys(("email.owner", "matchrun.owner", "embedding.model", "matchrun.model"), MACHINE),
    **dict.fromkeys(("event.zone", "email.zone", "city.timezone", "city.country", "city.language"), CODES),
    **dict.fromkeys(("sme.language", "sector.group", "exportlog.format", "exportlog.what", "email.kind"), CODES),
    **dict.fromkeys(("changeset.action", "auditentry.action", "pairrule.kind", "matchrun.stage"), CODES),
    "auditentry.subject": "a kind and a number",
    "idempotencykey.location": "an address of our own",
    "idempotencykey.body": "an answer of the API, which gives nothing but JSON",
    # JSON
    **dict.fromkeys(("sme.languages", "sme.markets", "readinesscheck.answers", "proposal.accepted"), CODES),
    **dict.fromkeys(("webhook.events", "event.policy", "matchrun.frozen", "importfile.choices"), CODES),
    **dict.fromkeys(("event.places", "importfile.outcome", "match.criteria", "changeset.hubs"), "numbers"),
    "profilechange.before": "a profile to write back; no page shows it",
}


def _evidence(text: str) -> dict[str, Any]:
    quote = {"need": text, "offer": text, "strength": "good", "source": "offer"}
    return {"a_to_b": quote, "b_to_a": quote, "distance": text, "missing": [text], "shares": {text: 0.5}}


def _onlookers(text: str) -> dict[str, Any]:
    quote = {"need": text, "offer": text, "strength": "good", "source": "offer"}
    row = {"city": text, "sector": text, "strength": "good", "distance": text, "you_need": quote, "they_need": quote}
    return {"onlookers": [row], "unread": 0}


def _profile(text: str) -> dict[str, Any]:
    return {"description": text, "offers": [text], "needs": [text], "website": text, "languages": [text]}


JSON_TEXTS: dict[str, Callable[[str], Any]] = {
    "auditentry.detail": lambda text: {"name": text},
    "changeset.left": lambda text: {"1": text},
    "draft.offers": lambda text: [text],
    "draft.needs": lambda text: [text],
    "draft.result": _onlookers,
    "event.breaks": lambda text: [{"name": text, "from": 720, "to": 780}],
    "importfile.columns": lambda text: {"name": "Firma", "description": text},
    "importfile.rejected": lambda text: {"headers": ["problem", text], "rows": [[text, text]]},
    "match.evidence": _evidence,
    "proposal.before": lambda text: {**_profile(text), "name": "Spielwerk"},
    "proposal.after": lambda text: {**_profile("another " + text), "name": text},
    "shortlist.shortfall": lambda text: {"rule": text, "reason": text, "relaxation": text, "advice": text},
}


def fill(session: Session, world: World) -> None:
    """A row in each table that the world leaves empty and that holds a text."""
    moment, admin, broker = now(session), world.accounts["admin"].id, world.accounts["broker"].id
    one, other, third = (world.smes[name].id for name in ("Spielwerk", "Medilab Plzeň", "Nordljus Film"))
    event = world.event.id
    for account in ("admin", "broker"):
        tokens.create(session, world.accounts[account], "mine", Scope.READ, 30)
        session.add(
            Webhook(
                account_id=world.accounts[account].id,
                url="https://there.example/",
                events=["run.finished"],
                salt="0" * 32,
                created_at=moment,
            )
        )
        session.add(Draft(account_id=world.accounts[account].id, sme_id=one, asked_at=moment))
    pair = {"event_id": event, "a_id": min(one, other), "b_id": max(one, other)}
    answered: dict[str, Any] = {"event_id": event, "answered_at": moment}
    for row in (
        Interest(**answered, sme_id=one, partner_id=other, answer=Answer.INTERESTED),
        Interest(**answered, sme_id=other, partner_id=one, answer=Answer.INTERESTED),
        Interest(**answered, sme_id=one, partner_id=third, answer=Answer.NEVER),
        Interest(**answered, sme_id=other, partner_id=third, answer=Answer.INTERESTED),
        Introduction(**pair, made_at=moment),
        CaseNote(**pair, account_id=broker, kind=NoteKind.NOTE, at=moment),
        CaseNote(**pair, account_id=admin, kind=NoteKind.NOTE, at=moment),
        PairRule(event_id=event, a_id=min(one, third), b_id=max(one, third), kind="pin"),
        PastPartner(a_id=min(one, third), b_id=max(one, third), source=""),
        ExportLog(at=moment, actor="", event_id=event, what="matches", format="csv", rows=1),
        Suppression(address_hash="0" * 64, reason="", since=moment),
        ReadinessCheck(sme_id=one, answers={}, override=3, taken_at=moment, taken_by=""),
        Review(sme_id=one, asked_by_id=broker, asked_at=moment, outcome="sent_back", decided_at=moment),
        Proposal(sme_id=one, version=1, status="declined", made_at=moment, settled_at=moment),
        ChangeSet(at=moment, account_id=broker, actor="", action="pause"),
        AuditEntry(at=moment, actor="", action="sme.published", subject=f"sme:{one}"),
        _failed_mail(event, one, moment),
    ):
        session.add(row)
    add_ring(session, world)
    run = session.get_one(MatchRun, world.run.id)
    run.report = run.report | {"relaxations": [""]}
    session.flush()


def _failed_mail(event: int, sme: int, moment: Any) -> Email:
    return Email(
        key="reminder:failed",
        kind="reminder",
        event_id=event,
        sme_id=sme,
        to_address="spielwerk@firm.example",
        subject="",
        message_id="<failed@service.example>",
        message=b"Subject: Your shortlist\r\n\r\nGood day\r\n",
        status=EmailStatus.FAILED,
        created_at=moment,
        next_at=moment,
        deadline=moment + timedelta(days=1),
    )


def columns() -> list[Column[Any]]:
    """All columns of texts and JSON but those in NO_TEXT."""
    found = [column for table in SQLModel.metadata.sorted_tables for column in table.columns if _is_text(column)]
    return [column for column in found if str(column) not in NO_TEXT]


def _is_text(column: Column[Any]) -> bool:
    if column.primary_key or column.foreign_keys or isinstance(column.type, EnumType):
        return False
    return isinstance(column.type, AutoString | JSON)


def poison(session: Session, group: tuple[str, ...]) -> dict[int, str]:
    """Write the group's attacks into every text there is; what each column's number stands for.

    Each text begins with `<q7>`, 7 being the number of its column, so that a page tells what it shows."""
    numbers = dict(enumerate(map(str, columns())))
    classes = {mapper.local_table.name: mapper.class_ for mapper in SQLModel._sa_registry.mappers}  # type: ignore[attr-defined]
    for number, column in enumerate(columns()):
        rows = session.exec(select(classes[column.table.name])).all()
        assert rows, f"no row of {column.table.name}: make one in fill()"
        for at, row in enumerate(rows):
            setattr(row, column.name, _value(column, row, (number, at), group))
        session.flush()
    return numbers


def _value(column: Column[Any], row: Any, place: tuple[int, int], group: tuple[str, ...]) -> Any:
    number, at = place
    prefix = f"<q{number}>"
    if str(column) == "matchrun.report":
        return _replaced(row.report, prefix + "".join(group))
    if isinstance(column.type, JSON):
        assert str(column) in JSON_TEXTS, f"say in JSON_TEXTS or NO_TEXT what {column} holds"
        return JSON_TEXTS[str(column)](packed(group, None, at, prefix))
    if str(column) in {"sme.website", "webhook.url"}:  # an address is only one if it begins like one
        return group[at] if at < len(group) else packed(group, column.type.length, at, "https://a.example/" + prefix)  # type: ignore[attr-defined]
    unique = str(at) if any(column.name in part.columns for part in column.table.constraints if _unique(part)) else ""
    return packed(group, column.type.length, at, prefix + unique)  # type: ignore[attr-defined]


def _replaced(kept: Any, text: str) -> Any:
    """The same with every text replaced that is no SME's number."""
    if isinstance(kept, dict):
        return {key: _replaced(value, text) for key, value in kept.items()}
    if isinstance(kept, list):
        return [_replaced(value, text) for value in kept]
    return text if isinstance(kept, str) and not kept.isdigit() else kept


def _unique(constraint: Any) -> bool:
    return type(constraint).__name__ == "UniqueConstraint"

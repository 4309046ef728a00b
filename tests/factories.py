"""Short ways to rows: each adds what it makes to the session, flushes, and gives it back with its id."""

import itertools
from datetime import timedelta
from typing import Any, TypeVar

from sqlmodel import Session

from broker.db import now
from broker.domain.search import search_text
from broker.models import (
    Account,
    City,
    Consent,
    Contact,
    Event,
    Hub,
    Match,
    MatchRun,
    Purpose,
    Registration,
    Role,
    RunStatus,
    Shortlist,
    ShortlistEntry,
    Sme,
    SmeStatus,
    Statement,
    StatementKind,
)

_numbers = itertools.count(1)
Row = TypeVar("Row")


def make_sme(
    session: Session,
    name: str | None = None,
    *,
    city: str = "berlin",
    sector: str | None = "games",
    offers: tuple[str, ...] | list[str] = ("We build serious games for training nurses.",),
    needs: tuple[str, ...] | list[str] = ("We look for a hospital that tests a prototype with us.",),
    email: str | None = None,
    consents: tuple[Purpose, ...] = (Purpose.MATCHING, Purpose.MAILING),
    **fields: Any,
) -> Sme:
    """A published SME with statements, a contact and its consents; `email=""` leaves the contact out."""
    number = next(_numbers)
    name = name or f"Firm {number}"
    moment = now(session)
    defaults: dict[str, Any] = {
        "status": SmeStatus.PUBLISHED,
        "name_key": name.casefold(),
        "sector_confirmed": sector is not None,
        "description": f"{name} makes things people like to use.",
        "language": "en",
        "languages": ["en"],
        "created_at": moment,
        "updated_at": moment,
    }
    sme = Sme(name=name, city_code=city, sector_code=sector, **(defaults | fields))
    hub = session.get_one(Hub, sme.hub_id).name if sme.hub_id else ""
    contact = f"Person {number}" if email != "" else ""
    texts = {"hub": hub, "contact": contact, "offers": offers, "needs": needs}
    sme.search_text = search_text(sme.model_dump() | texts)
    _save(session, sme)
    assert sme.id is not None
    for kind, texts in ((StatementKind.OFFER, offers), (StatementKind.NEED, needs)):
        for position, text in enumerate(texts):
            session.add(Statement(sme_id=sme.id, kind=kind, position=position, text=text))
    if email != "":
        session.add(Contact(sme_id=sme.id, name=f"Person {number}", email=email or f"sme{number}@firm.example"))
    for purpose in consents:
        session.add(Consent(sme_id=sme.id, purpose=purpose, given_at=moment, recorded_by="test"))
    session.flush()
    return sme


def make_event(session: Session, name: str = "Workshop", *, city: str = "berlin", **fields: Any) -> Event:
    """A two-day event that starts in thirty days; answers are open until it starts."""
    moment = now(session)
    starts = moment + timedelta(days=30)
    defaults: dict[str, Any] = {
        "starts_at": starts,
        "ends_at": starts + timedelta(days=2),
        "answers_until": starts,
        "zone": session.get_one(City, city).timezone,
        "created_at": moment,
    }
    return _save(session, Event(name=name, city_code=city, **(defaults | fields)))


def register(session: Session, event: Event, *smes: Sme) -> list[Registration]:
    """Register the SMEs at the event."""
    moment = now(session)
    assert event.id is not None
    return [_save(session, Registration(event_id=event.id, sme_id=sme.id or 0, registered_at=moment)) for sme in smes]


def make_account(session: Session, role: Role = Role.BROKER, *, city: str | None = "berlin", **fields: Any) -> Account:
    """An active account; organisers and administrators have no city."""
    defaults: dict[str, Any] = {
        "email": f"account{next(_numbers)}@broker.example",
        "name": "Somebody",
        "created_at": now(session),
    }
    city = city if role is Role.BROKER else None
    return _save(session, Account(role=role, city_code=city, **(defaults | fields)))


def _save(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


QUOTES = {"need": "a clinic that tests our game", "offer": "two clinics with patients", "strength": "strong"}


def make_shortlists(session: Session, event: Event, *pairs: tuple[Sme, Sme]) -> dict[int, Shortlist]:
    """Draft shortlists of a finished run, by SME id: each pair stands on both lists, in the order given."""
    run = _save(
        session,
        MatchRun(event_id=event.id, status=RunStatus.DONE, requested_by="test", created_at=now(session)),
    )
    lists: dict[int, Shortlist] = {}
    ranks: dict[int, int] = {}
    for pair in pairs:
        a, b = sorted(pair, key=lambda sme: sme.id)
        evidence = {"a_to_b": QUOTES, "b_to_a": None, "distance": "far", "missing": [f"needs_missing:{b.id}"]}
        match = _save(session, Match(run_id=run.id, a_id=a.id, b_id=b.id, strength=0.75, evidence=evidence))
        for own, other in ((a, b), (b, a)):
            if own.id not in lists:
                lists[own.id] = _save(session, Shortlist(run_id=run.id, event_id=event.id, sme_id=own.id))
            ranks[own.id] = ranks.get(own.id, 0) + 1
            entry = ShortlistEntry(
                shortlist_id=lists[own.id].id, partner_id=other.id, match_id=match.id, rank=ranks[own.id]
            )
            _save(session, entry)
    return lists

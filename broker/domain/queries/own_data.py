"""Everything held about one SME, for itself to read and to take along; of other firms no more than it was shown."""

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from broker.domain import cards, involvement
from broker.domain.cards import Card
from broker.domain.profiles import ProfileData
from broker.domain.records import load_record
from broker.domain.suppressions import reason_of
from broker.models import (
    TO_STAFF,
    AuditEntry,
    City,
    Consent,
    Email,
    EmailStatus,
    Embedding,
    Event,
    ExportLog,
    Hub,
    Interest,
    Introduction,
    PastPartner,
    Proposal,
    Registration,
    Sector,
    Shortlist,
    ShortlistStatus,
    Sme,
)

CONTACT = ("contact", "email", "phone")
Rows = list[dict[str, Any]]


def own_data(session: Session, sme: Sme) -> dict[str, Any]:
    """All of it as plain values; times are datetimes in UTC."""
    facts = load_record(session, sme).facts
    events = {event.id: event.name for event in session.exec(select(Event))}
    return {
        "profile": _profile(session, sme, facts),
        "contact": {"name": facts["contact"], "email": facts["email"], "phone": facts["phone"]},
        "not_mailed_because": reason_of(session, facts["email"]) if facts["email"] else None,
        "erasure_asked_at": sme.erasure_asked_at,
        "consents": _rows(
            session, select(Consent).where(Consent.sme_id == sme.id), "purpose given_at recorded_by withdrawn_at"
        ),
        "workshops": _workshops(session, sme),
        "shortlists": _shortlists(session, sme, events),
        "answers": _answers(session, sme, events),
        "introductions": _introductions(session, sme, events),
        "known_partners": _known_partners(session, sme),
        "mails": _mails(session, sme),
        "proposals": _rows(
            session,
            select(Proposal).where(Proposal.sme_id == sme.id).order_by(col(Proposal.id)),
            "status made_at settled_at before after accepted note",
        ),
        "exports": exports(session, sme),
        "changes": _changes(session, sme),
        "number_rows": session.exec(select(func.count()).where(Embedding.sme_id == sme.id)).one(),
    }


def _rows(session: Session, query: Any, names: str) -> Rows:
    return [{name: getattr(row, name) for name in names.split()} for row in session.exec(query)]


def _profile(session: Session, sme: Sme, facts: dict[str, Any]) -> dict[str, Any]:
    sector = session.get(Sector, sme.sector_code) if sme.sector_code else None
    hub = session.get(Hub, sme.hub_id) if sme.hub_id else None
    told = {name: facts[name] for name in ProfileData.model_fields if name not in CONTACT}
    return told | {
        "city": session.get_one(City, sme.city_code).name,
        "hub": hub.name if hub else "",
        "sector": sector.name if sector else "",
        "status": sme.status,
        "version": sme.version,
        "created_at": sme.created_at,
        "updated_at": sme.updated_at,
    }


def _workshops(session: Session, sme: Sme) -> Rows:
    found = session.exec(
        select(Event, Registration.registered_at)
        .join(Registration, col(Registration.event_id) == Event.id)
        .where(Registration.sme_id == sme.id)
        .order_by(col(Event.starts_at))
    )
    return [
        {"workshop": event.name, "starts_at": event.starts_at, "registered_at": registered_at}
        for event, registered_at in found
    ]


def _shortlists(session: Session, sme: Sme, events: dict[int, str]) -> Rows:
    """Lists it was shown; a draft that nobody approved yet is not one."""
    own = Shortlist.sme_id == sme.id, Shortlist.status != ShortlistStatus.DRAFT
    lists = session.exec(select(Shortlist).where(*own).order_by(col(Shortlist.id))).all()
    return [
        {
            "workshop": events[shortlist.event_id],
            "is_current": shortlist.status is ShortlistStatus.APPROVED,
            "partners": [_partner(card) for card in cards.for_shortlists(session, [shortlist])[sme.id]],
        }
        for shortlist in lists
    ]


def _partner(card: Card) -> dict[str, Any]:
    """What the page shows of a partner before any introduction, and how well the two were found to fit."""
    quotes = {
        "you_look_for": card.you_need and {"you": card.you_need.need, "they": card.you_need.offer},
        "they_look_for": card.they_need and {"they": card.they_need.need, "you": card.they_need.offer},
    }
    return {"name": card.name, "city": card.city, "sector": card.sector, "strength": round(card.strength, 3)} | quotes


def _answers(session: Session, sme: Sme, events: dict[int, str]) -> Rows:
    found = session.exec(
        select(Interest, Sme.name)
        .join(Sme, col(Sme.id) == Interest.partner_id)
        .where(Interest.sme_id == sme.id)
        .order_by(col(Interest.answered_at))
    )
    return [
        {
            "workshop": events[row.event_id],
            "about": partner,
            "answer": row.answer,
            "reason": row.reason,
            "answered_at": row.answered_at,
        }
        for row, partner in found
    ]


def _introductions(session: Session, sme: Sme, events: dict[int, str]) -> Rows:
    other = col(Sme.id) == func.coalesce(func.nullif(Introduction.a_id, sme.id), Introduction.b_id)
    found = session.exec(
        select(Introduction, Sme.name)
        .join(Sme, other)
        .where((Introduction.a_id == sme.id) | (Introduction.b_id == sme.id))
        .order_by(col(Introduction.made_at))
    )
    return [{"workshop": events[row.event_id], "partner": name, "made_at": row.made_at} for row, name in found]


def _known_partners(session: Session, sme: Sme) -> list[str]:
    other = col(Sme.id) == func.coalesce(func.nullif(PastPartner.a_id, sme.id), PastPartner.b_id)
    own = (PastPartner.a_id == sme.id) | (PastPartner.b_id == sme.id)
    return list(session.exec(select(Sme.name).join(PastPartner, other).where(own).order_by(Sme.name)))


def _mails(session: Session, sme: Sme) -> Rows:
    # A draft goes with the list it names: nobody is told of either before it is approved.
    own = Email.sme_id == sme.id, col(Email.kind).not_in(TO_STAFF), col(Email.status) != EmailStatus.DRAFT
    columns = (Email.subject, Email.to_address, Email.status, Email.created_at, Email.sent_at)
    found = session.execute(select(*columns).where(*own).order_by(col(Email.id)))  # type: ignore[call-overload]
    return [dict(zip(("subject", "to", "status", "written_at", "sent_at"), row, strict=True)) for row in found]


def exports(session: Session, sme: Sme) -> Rows:
    """Files that left the service and may hold its data: those of every workshop it is or was part of, since then."""
    since = involvement.events_since(session, sme)
    found = session.exec(
        select(ExportLog, Event.name)
        .join(Event, col(Event.id) == ExportLog.event_id)
        .where(col(ExportLog.event_id).in_(since))
        .order_by(col(ExportLog.at).desc())
    )
    return [
        {"workshop": workshop, "what": row.what, "format": row.format, "at": row.at, "by": row.actor}
        for row, workshop in found
        if row.at >= since[row.event_id]
    ]


def _changes(session: Session, sme: Sme) -> Rows:
    """Who did what to it, as the record has it."""
    told = AuditEntry.subject == f"sme:{sme.id}"
    return _rows(session, select(AuditEntry).where(told).order_by(col(AuditEntry.id)), "at actor action")

"""Exchange rings that runs found beside their shortlists, for organisers and brokers; SMEs are not shown them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from broker.db import now
from broker.domain.cards import Quote, quote_of
from broker.domain.queries.shortlists import IN_FORCE
from broker.models import INACTIVE, City, Consent, Event, MatchRun, Purpose, Shortlist, ShortlistStatus, Sme


@dataclass(frozen=True, slots=True)
class RingStep:
    """One firm of a ring, the next one, and what the first needs and the next offers."""

    sme: Sme
    city: str
    partner: Sme
    partner_city: str
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class RingRow:
    """A ring of an event, once around."""

    event: Event
    steps: list[RingStep]


def rings_of_event(session: Session, event_id: int) -> list[RingRow]:
    """The rings of the run whose shortlists are in force, drafts first: for the organiser."""
    found = session.exec(
        select(Shortlist.status, Shortlist.run_id)
        .where(Shortlist.event_id == event_id, col(Shortlist.status).in_(IN_FORCE))
        .distinct()
    ).all()
    newest = sorted(found, key=lambda row: (IN_FORCE.index(row[0]), -row[1]))[:1]
    return _rings(session, [run_id for _, run_id in newest])


def rings_of_city(session: Session, city: str | None) -> list[RingRow]:
    """Rings with an SME of the city (None: of any), of approved shortlists and of events that are not over yet."""
    coming = select(Event.id).where(col(Event.ends_at) > now(session))
    rings = _rings(session, _approved_runs(session, col(Shortlist.event_id).in_(coming)))
    return [row for row in rings if city in (None, *(step.sme.city_code for step in row.steps))]


def rings_of_sme(session: Session, sme_id: int) -> dict[int, RingRow]:
    """By event the ring an SME is part of, where its shortlist is approved."""
    rings = _rings(session, _approved_runs(session, col(Shortlist.sme_id) == sme_id))
    return {row.event.id: row for row in rings if sme_id in {step.sme.id for step in row.steps}}


def _approved_runs(session: Session, condition: Any) -> Sequence[int]:
    approved = Shortlist.status == ShortlistStatus.APPROVED
    return session.exec(select(Shortlist.run_id).where(approved, condition).distinct()).all()


def _rings(session: Session, run_ids: Sequence[int]) -> list[RingRow]:
    """The newest runs' rings first. One with a firm that is gone, paused, or no longer agrees to be
    matched, is none."""
    runs = session.exec(
        select(MatchRun.report, Event)
        .join(Event, col(Event.id) == MatchRun.event_id)
        .where(col(MatchRun.id).in_(run_ids))
        .order_by(col(MatchRun.id).desc())
    ).all()
    found = [(event, ring) for report, event in runs for ring in report.get("rings", [])]
    members = _members(session, {int(member) for _, ring in found for member in ring["members"]})
    return [
        RingRow(event, _steps(ring, members))
        for event, ring in found
        if all(int(member) in members for member in ring["members"])
    ]


def _members(session: Session, ids: Iterable[int]) -> dict[int, tuple[Sme, str]]:
    agreed = (col(Consent.purpose) == Purpose.MATCHING) & col(Consent.withdrawn_at).is_(None)
    rows = session.exec(
        select(Sme, City.name)
        .join(City, col(City.code) == Sme.city_code)
        .join(Consent, (col(Consent.sme_id) == Sme.id) & agreed)
        .where(col(Sme.id).in_(ids), col(Sme.status).not_in(INACTIVE))
    )
    return {sme.id: (sme, city) for sme, city in rows}


def _steps(ring: dict[str, Any], members: dict[int, tuple[Sme, str]]) -> list[RingStep]:
    around = [members[int(member)] for member in ring["members"]]
    return [
        RingStep(*own, *following, quote_of(evidence))
        for own, following, evidence in zip(around, [*around[1:], *around[:1]], ring["evidence"], strict=True)
    ]

"""Exchange rings that runs found beside their shortlists, for organisers and brokers; SMEs are not shown them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, select

from broker.db import now
from broker.domain.cards import Quote, quote_of
from broker.domain.disclosure import Disclosure, described, quote_without
from broker.domain.places import city_name
from broker.domain.queries.shortlists import IN_FORCE
from broker.models import INACTIVE, Consent, Event, MatchRun, Purpose, Shortlist, ShortlistStatus, Sme


@dataclass(frozen=True, slots=True)
class Firm:
    """A member of a ring, by what its reader may know of it."""

    id: int
    name: str
    city_code: str
    sector_code: str | None


@dataclass(frozen=True, slots=True)
class RingStep:
    """One firm of a ring, the next one, and what the first needs and the next offers."""

    sme: Firm
    city: str
    partner: Firm
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


def rings_of_city(session: Session, disclosure: Disclosure) -> list[RingRow]:
    """Rings with an SME of the city (None: of any), of approved shortlists and of events that are not over yet, as the
    brokers of the city may see them; two statements."""
    coming = select(Event.id).where(col(Event.ends_at) > now(session))
    rings = _rings(session, _approved_runs(col(Shortlist.event_id).in_(coming)))
    city = disclosure.city
    return [_as_known(row, disclosure) for row in rings if city in (None, *(step.sme.city_code for step in row.steps))]


def rings_of_sme(session: Session, sme_id: int, disclosure: Disclosure) -> dict[int, RingRow]:
    """By event the ring an SME is part of, where its shortlist is approved, as its brokers may see it."""
    rings = _rings(session, _approved_runs(col(Shortlist.sme_id) == sme_id))
    return {row.event.id: _as_known(row, disclosure) for row in rings if sme_id in {step.sme.id for step in row.steps}}


def _as_known(row: RingRow, disclosure: Disclosure) -> RingRow:
    own = [step.sme.id for step in row.steps if step.sme.city_code == disclosure.city]
    known = {
        step.sme.id: step.sme
        if disclosure.names(step.sme.id, step.sme.city_code, own)
        else replace(step.sme, name=described(step.sme.sector_code))
        for step in row.steps
    }
    hidden = [step.sme.name for step in row.steps if known[step.sme.id] is not step.sme]
    return RingRow(row.event, [_step_as_known(step, known, hidden) for step in row.steps])


def _step_as_known(step: RingStep, known: dict[int, Firm], hidden: list[str]) -> RingStep:
    quote = step.quote
    for name in hidden:
        quote = quote_without(quote, name)
    return replace(step, sme=known[step.sme.id], partner=known[step.partner.id], quote=quote)


def _approved_runs(condition: Any) -> Any:
    approved = col(Shortlist.status) == ShortlistStatus.APPROVED
    return select(Shortlist.run_id).where(approved, condition)


def _rings(session: Session, run_ids: Any) -> list[RingRow]:
    """The newest runs' rings first. One with a firm that is gone, paused, or no longer agrees to be
    matched, is none. run_ids: ids, or the query for them."""
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


def _members(session: Session, ids: Iterable[int]) -> dict[int, tuple[Firm, str]]:
    agreed = (col(Consent.purpose) == Purpose.MATCHING) & col(Consent.withdrawn_at).is_(None)
    rows = session.exec(
        select(Sme.id, Sme.name, Sme.city_code, Sme.sector_code)
        .join(Consent, (col(Consent.sme_id) == Sme.id) & agreed)
        .where(col(Sme.id).in_(ids), col(Sme.status).not_in(INACTIVE))
    )
    return {sme_id: (Firm(sme_id, name, code, sector), city_name(code)) for sme_id, name, code, sector in rows}


def _steps(ring: dict[str, Any], members: dict[int, tuple[Firm, str]]) -> list[RingStep]:
    around = [members[int(member)] for member in ring["members"]]
    return [
        RingStep(*own, *following, quote_of(evidence))
        for own, following, evidence in zip(around, [*around[1:], *around[:1]], ring["evidence"], strict=True)
    ]

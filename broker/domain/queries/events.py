"""What the organiser's pages read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import runs, zones
from broker.domain.queries import registrations, stages
from broker.domain.queries.registrations import CityGauge
from broker.domain.queries.stages import Line
from broker.domain.queries.tallies import Tally, tally
from broker.domain.zones import Zone
from broker.models import (
    Account,
    Answer,
    City,
    Event,
    Interest,
    Introduction,
    MatchRun,
    Registration,
    Role,
    RunStatus,
    Shortlist,
    ShortlistStatus,
    Sme,
)

SHOWN = 20
"""Introductions on an event's page; the rest is counted, and in the export."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the organiser's list."""

    event: Event
    city: City
    registered: int
    approved: int

    @property
    def zone(self) -> Zone:
        """That its dates are told in."""
        return zones.of_event(self.event, self.city)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer of an SME about a partner."""

    sme: str
    partner: str
    answer: Answer
    answered_at: datetime
    mutual: bool


@dataclass(frozen=True, slots=True)
class IntroductionRow:
    """Two SMEs that both said yes, by name and city."""

    a: Sme
    b: Sme
    a_city: str
    b_city: str
    event: Event
    made_at: datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    """All that the page of one event shows."""

    event: Event
    city: City
    zone: Zone
    line: Line
    tally: Tally
    gauges: list[CityGauge]
    run: MatchRun | None
    finished_run: MatchRun | None
    short: int
    newest: list[AnswerRow]
    introductions: list[IntroductionRow]

    @property
    def full(self) -> list[CityGauge]:
        """Cities with more SMEs than places."""
        return [row for row in self.gauges if row.over]

    @property
    def waiting(self) -> int:
        """SMEs that could still be registered, of all cities."""
        return sum(row.waiting for row in self.gauges)


def event_list(session: Session, account: Account) -> list[EventRow]:
    """The organiser's events, the next one first; an administrator's are all."""
    registered = _count_by(session, Registration.event_id)
    approved = _count_by(session, Shortlist.event_id, Shortlist.status == ShortlistStatus.APPROVED)
    query = select(Event, City).join(City, col(City.code) == Event.city_code).order_by(col(Event.starts_at).desc())
    if account.role != Role.ADMIN:
        query = query.where(Event.organiser_id == account.id)
    return [
        EventRow(event, city, registered.get(event.id, 0), approved.get(event.id, 0))
        for event, city in session.exec(query)
    ]


def event_page(session: Session, event: Event) -> EventPage:
    """Everything on an event's page; as many statements for many SMEs as for few."""
    city = session.get_one(City, event.city_code)
    counted, run = tally(session, event.id), runs.latest(session, event.id)
    return EventPage(
        event=event,
        city=city,
        zone=zones.of_event(event, city),
        line=stages.line(event, counted, run, now(session)),
        tally=counted,
        gauges=registrations.gauges(session, event),
        run=run,
        finished_run=runs.latest(session, event.id, RunStatus.DONE),
        short=count_short(session, event.id) if counted.drafts else 0,
        newest=newest_answers(session, event.id),
        introductions=introductions(session, event_id=event.id, limit=SHOWN),
    )


def count_short(session: Session, event_id: int) -> int:
    """How many draft shortlists are shorter than the policy asks."""
    drafts = select(Shortlist.shortfall).where(
        Shortlist.event_id == event_id, Shortlist.status == ShortlistStatus.DRAFT
    )
    return sum(bool(shortfall) for shortfall in session.exec(drafts))


def newest_answers(session: Session, event_id: int, limit: int = 12) -> list[AnswerRow]:
    """The newest answers of an event; `mutual` where an introduction came of it."""
    partner = aliased(Sme)
    rows = session.exec(
        select(Interest, Sme.name, partner.name)
        .join(Sme, col(Sme.id) == Interest.sme_id)
        .join(partner, col(partner.id) == Interest.partner_id)
        .where(Interest.event_id == event_id)
        .order_by(col(Interest.answered_at).desc(), col(Interest.id).desc())
        .limit(limit)
    ).all()
    pairs = set(session.exec(select(Introduction.a_id, Introduction.b_id).where(Introduction.event_id == event_id)))
    return [
        AnswerRow(
            sme,
            other,
            row.answer,
            row.answered_at,
            (min(row.sme_id, row.partner_id), max(row.sme_id, row.partner_id)) in pairs,
        )
        for row, sme, other in rows
    ]


def introductions(
    session: Session,
    *,
    event_id: int | None = None,
    sme_id: int | None = None,
    city: str | None = None,
    limit: int | None = None,
) -> list[IntroductionRow]:
    """Introductions of an event, of an SME, or of a city's SMEs, newest first."""
    a, b = aliased(Sme), aliased(Sme)
    query = (
        select(Introduction, Event, a, b)
        .join(Event, col(Event.id) == Introduction.event_id)
        .join(a, col(a.id) == Introduction.a_id)
        .join(b, col(b.id) == Introduction.b_id)
        .order_by(col(Introduction.made_at).desc(), col(Introduction.id).desc())
    )
    if event_id is not None:
        query = query.where(Introduction.event_id == event_id)
    if sme_id is not None:
        query = query.where((Introduction.a_id == sme_id) | (Introduction.b_id == sme_id))
    if city is not None:
        query = query.where((a.city_code == city) | (b.city_code == city))
    names = city_names(session)
    return [
        IntroductionRow(one, other, names[one.city_code], names[other.city_code], event, row.made_at)
        for row, event, one, other in session.exec(query.limit(limit))
    ]


def city_names(session: Session) -> dict[str, str]:
    """Every city's name by its code."""
    return dict(session.exec(select(City.code, City.name)).all())


def _count_by(session: Session, column: Any, *conditions: Any) -> dict[int | None, int]:
    rows = session.exec(select(column, func.count()).where(*conditions).group_by(column))
    return dict(rows.all())

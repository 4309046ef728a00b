"""What the pages read about shortlists: drafts to review, one SME's list, and who meets whom by city and sector."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.domain import cards
from broker.domain.cards import Card
from broker.errors import NotFoundError
from broker.models import (
    City,
    Event,
    Interest,
    Introduction,
    Match,
    MatchRun,
    Registration,
    Sector,
    Shortlist,
    ShortlistStatus,
    Sme,
)

PAGE_SIZE = 25
IN_FORCE = (ShortlistStatus.DRAFT, ShortlistStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class ListRow:
    """One SME's shortlist with the SME itself."""

    shortlist: Shortlist
    sme: Sme
    city: str
    sector: str
    group: str
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of an event's shortlists. `relaxations`: what would help the short ones, told where only they show."""

    status: ShortlistStatus
    rows: list[ListRow]
    total: int
    page: int
    pages: int
    relaxations: list[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """The matches of a run, counted: pairs by city, pairs by sector, and how many cross a border."""

    cities: list[City]
    by_city: Counter[tuple[str, str]]
    creative: list[Sector]
    growth: list[Sector]
    by_sector: Counter[tuple[str, str]]
    pairs: int
    other_city: int
    creative_growth: int
    within: Counter[str]
    """Pairs of two sectors of one group, by that group; the others lack a sector."""


def list_page(
    session: Session, event_id: int, status: ShortlistStatus, *, page: int = 1, short_only: bool = False
) -> ListPage:
    """The shortlists of an event in one status, by SME name, with their cards; shortened ones only if asked."""
    query = _with_sme().where(Shortlist.event_id == event_id, Shortlist.status == status).order_by(Sme.name, Sme.id)
    if short_only:
        found = [row for row in session.exec(query).all() if row[0].shortfall]
        total = len(found)
        page, pages, first = place(page, total, PAGE_SIZE)
        found = found[first : first + PAGE_SIZE]
    else:
        counted = select(func.count()).where(Shortlist.event_id == event_id, Shortlist.status == status)
        total = session.exec(counted).one()
        page, pages, first = place(page, total, PAGE_SIZE)
        found = list(session.exec(query.offset(first).limit(PAGE_SIZE)).all())
    relaxations = _relaxations(session, [row[0].run_id for row in found]) if short_only else []
    return ListPage(status, _rows(session, found), total, page, pages, relaxations)


def _relaxations(session: Session, run_ids: Sequence[int]) -> list[str]:
    """What the newest of the runs would have the organiser allow."""
    newest = select(MatchRun.report).where(col(MatchRun.id).in_(run_ids)).order_by(col(MatchRun.id).desc()).limit(1)
    report = session.exec(newest).first() or {}
    return list(report.get("relaxations", []))


def place(page: int, total: int, size: int) -> tuple[int, int, int]:
    """(page within bounds, number of pages, offset of its first row)."""
    pages = max(1, -(-total // size))
    page = min(max(page, 1), pages)
    return page, pages, (page - 1) * size


def one_list(session: Session, event_id: int, sme_id: int) -> ListRow:
    """The draft (or else approved) shortlist of an SME at an event; NotFoundError where there is none."""
    found = session.exec(
        _with_sme().where(
            Shortlist.event_id == event_id,
            Shortlist.sme_id == sme_id,
            col(Shortlist.status).in_(IN_FORCE),
        )
    ).all()
    if not found:
        raise NotFoundError("There is no shortlist of this SME.")
    draft_first = sorted(found, key=lambda row: IN_FORCE.index(row[0].status))
    return _rows(session, draft_first[:1])[0]


def said_about(session: Session, event_id: int, sme_id: int) -> dict[int, Interest]:
    """What others answered about an SME at an event, by who did; for its organiser and brokers, never for the SME."""
    query = select(Interest).where(Interest.event_id == event_id, Interest.partner_id == sme_id)
    return {row.sme_id: row for row in session.exec(query)}


def approved_for(session: Session, registration: Registration) -> ListRow | None:
    """What a registered SME is shown: its approved shortlist, if there is one."""
    found = session.exec(
        _with_sme().where(
            Shortlist.event_id == registration.event_id,
            Shortlist.sme_id == registration.sme_id,
            Shortlist.status == ShortlistStatus.APPROVED,
        )
    ).all()
    return _rows(session, found)[0] if found else None


def lists_of_sme(session: Session, sme_id: int) -> list[tuple[Event, ListRow]]:
    """An SME's approved shortlists at every event, the newest event first."""
    found = session.exec(
        _with_sme().where(Shortlist.sme_id == sme_id, Shortlist.status == ShortlistStatus.APPROVED)
    ).all()
    events = {
        event.id: event
        for event in session.exec(
            select(Event).where(col(Event.id).in_([shortlist.event_id for shortlist, *_ in found]))
        )
    }
    rows = [(events[row.shortlist.event_id], row) for row in _rows(session, found)]
    return sorted(rows, key=lambda pair: pair[0].starts_at, reverse=True)


def _with_sme() -> Any:
    return (
        select(Shortlist, Sme, City.name, Sector)
        .join(Sme, col(Sme.id) == Shortlist.sme_id)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
    )


def _rows(session: Session, found: Sequence[tuple[Shortlist, Sme, str, Sector | None]]) -> list[ListRow]:
    # By event, because cards are given by SME: an SME has at most one list of a status at an event.
    shown = {
        event_id: cards.for_shortlists(session, [row[0] for row in found if row[0].event_id == event_id])
        for event_id in {row[0].event_id for row in found}
    }
    return [
        ListRow(
            shortlist,
            sme,
            city,
            sector.name if sector else "",
            sector.group if sector else "",
            shown[shortlist.event_id][shortlist.sme_id],
        )
        for shortlist, sme, city, sector in found
    ]


def figures(session: Session, event_id: int) -> Figures | None:
    """Who meets whom, from the shortlists in force (drafts first); None before the first build."""
    status = session.exec(
        select(Shortlist.status)
        .where(Shortlist.event_id == event_id, col(Shortlist.status).in_(IN_FORCE))
        .order_by(col(Shortlist.status).desc())
        .limit(1)
    ).first()
    if status is None:
        return None
    runs = select(Shortlist.run_id).where(Shortlist.event_id == event_id, Shortlist.status == status)
    return _figures(session, Match, col(Match.run_id).in_(runs.distinct()))  # every match of a run stands on two lists


def mutual_figures(session: Session, event_id: int) -> Figures:
    """The same of the pairs that said yes to each other."""
    return _figures(session, Introduction, col(Introduction.event_id) == event_id)


def _figures(session: Session, pairs: type[Match] | type[Introduction], which: ColumnElement[bool]) -> Figures:
    a, b = aliased(Sme), aliased(Sme)
    found = session.exec(
        select(a.city_code, b.city_code, a.sector_code, b.sector_code)
        .select_from(pairs)
        .join(a, col(a.id) == pairs.a_id)
        .join(b, col(b.id) == pairs.b_id)
        .where(which)
    ).all()
    sectors = session.exec(select(Sector).order_by(col(Sector.position))).all()
    return _count(found, session.exec(select(City)).all(), sectors)


def _count(
    pairs: Sequence[tuple[str, str, str | None, str | None]], cities: Sequence[City], sectors: Sequence[Sector]
) -> Figures:
    group = {sector.code: sector.group for sector in sectors}
    by_city = Counter[tuple[str, str]]()
    by_sector = Counter[tuple[str, str]]()
    within = Counter[str]()
    for city, other_city, sector, other_sector in pairs:
        by_city[min(city, other_city), max(city, other_city)] += 1
        if sector and other_sector and group[sector] != group[other_sector]:
            by_sector[(sector, other_sector) if group[sector] == "creative" else (other_sector, sector)] += 1
        elif sector and other_sector:
            within[group[sector]] += 1
    met = {code for pair in by_sector for code in pair}
    return Figures(
        cities=sorted(cities, key=lambda city: city.code),
        by_city=by_city,
        creative=[sector for sector in sectors if sector.group == "creative" and sector.code in met],
        growth=[sector for sector in sectors if sector.group == "growth" and sector.code in met],
        by_sector=by_sector,
        pairs=len(pairs),
        other_city=sum(count for (one, other), count in by_city.items() if one != other),
        creative_growth=by_sector.total(),
        within=within,
    )

"""What the broker's pages read about SMEs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from broker.domain import profiles
from broker.domain.completeness import missing
from broker.domain.keys import text_key
from broker.domain.queries.events import IntroductionRow, introductions
from broker.domain.queries.rings import RingRow, rings_of_sme
from broker.domain.queries.shortlists import ListRow, lists_of_sme, place
from broker.domain.records import Record, load_record, load_records
from broker.domain.suppressions import reason_of
from broker.models import City, Consent, Event, Hub, Sector, Sme, SmeStatus

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """What a broker looks for. `city` is None for every city."""

    city: str | None
    words: str = ""
    status: SmeStatus | None = None
    sector: str = ""
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class SmeRow:
    """An SME in the list."""

    sme: Sme
    city: str
    hub: str
    sector: str
    group: str
    to_complete: list[str]


@dataclass(frozen=True, slots=True)
class SmePage:
    """One page of the list; `counts` are of all SMEs of the city, whatever is filtered."""

    rows: list[SmeRow]
    total: int
    page: int
    pages: int
    counts: dict[SmeStatus, int]


@dataclass(frozen=True, slots=True)
class SmeView:
    """Everything on an SME's page."""

    sme: Sme
    facts: dict[str, Any]
    city: City
    sector: Sector | None
    consents: list[Consent]
    to_complete: list[str]
    lists: list[tuple[Event, ListRow]]
    rings: dict[int, RingRow]
    """By event, the exchange ring it is part of."""
    introductions: list[IntroductionRow]
    no_mail: str
    """Why nothing is sent to its address, whatever it agreed to; else empty."""


def sme_page(session: Session, filters: Filters, page: int = 1) -> SmePage:
    """The SMEs that fit, by name. Words are found wherever a word begins with them, whatever the accents."""
    ids = _fitting(session, filters)
    page, pages, first = place(page, len(ids), PAGE_SIZE)
    return SmePage(
        rows=_rows(session, ids[first : first + PAGE_SIZE]),
        total=len(ids),
        page=page,
        pages=pages,
        counts=_counts(session, filters.city),
    )


def _fitting(session: Session, filters: Filters) -> list[int]:
    """Ids of all SMEs that fit, in the order of the list. Texts are read only if something asks for them."""
    conditions = [
        *([Sme.city_code == filters.city] if filters.city is not None else []),
        *([Sme.status == filters.status] if filters.status is not None else []),
        *([Sme.sector_code == filters.sector] if filters.sector else []),
    ]
    ordered = select(Sme.id).where(*conditions).order_by(Sme.name_key, col(Sme.id))
    ids = [sme_id for sme_id in session.exec(ordered) if sme_id is not None]
    wanted = text_key(filters.words).split()
    if not ids or not (wanted or filters.incomplete):
        return ids
    records = load_records(session, col(Sme.id).in_(select(Sme.id).where(*conditions)))
    names = _sector_names(session)
    return [
        sme_id
        for sme_id in ids
        if _has_words(records[sme_id], names, wanted) and (not filters.incomplete or missing(records[sme_id].facts))
    ]


def _has_words(record: Record, sectors: dict[str, Sector], wanted: Sequence[str]) -> bool:
    """Whether each wanted word begins a word of the profile: "ai" finds "AI tools", not "retail"."""
    if not wanted:
        return True
    facts = record.facts
    sector = sectors.get(facts["sector_code"] or "")
    texts = (facts["name"], facts["hub"], sector.name if sector else "", facts["sector_words"], facts["description"])
    text = " " + text_key("\n".join((*texts, *facts["offers"], *facts["needs"], facts["contact"])))
    return all(f" {word}" in text for word in wanted)


def _rows(session: Session, ids: Sequence[int]) -> list[SmeRow]:
    lacking = profiles.to_complete_many(session, ids)
    found = session.exec(
        select(Sme, City.name, Hub.name, Sector)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(col(Sme.id).in_(ids))
        .order_by(Sme.name_key, col(Sme.id))
    ).all()
    return [
        SmeRow(
            sme,
            city,
            hub or "",
            sector.name if sector else "",
            sector.group if sector else "",
            lacking[sme.id or 0],
        )
        for sme, city, hub, sector in found
    ]


def _counts(session: Session, city: str | None) -> dict[SmeStatus, int]:
    query = select(Sme.status, func.count()).group_by(Sme.status)
    counted = session.exec(query if city is None else query.where(Sme.city_code == city))
    return {SmeStatus(status): count for status, count in counted}


def _sector_names(session: Session) -> dict[str, Sector]:
    return {sector.code: sector for sector in session.exec(select(Sector))}


def consents(session: Session, sme: Sme) -> list[Consent]:
    """What the SME agreed to, and whether it took that back."""
    return list(session.exec(select(Consent).where(Consent.sme_id == sme.id).order_by(col(Consent.purpose).desc())))


def sme_view(session: Session, sme: Sme) -> SmeView:
    """One SME with all that belongs to it."""
    record = load_record(session, sme)
    return SmeView(
        sme=sme,
        facts=record.facts,
        city=session.get_one(City, sme.city_code),
        sector=session.get(Sector, sme.sector_code) if sme.sector_code else None,
        consents=consents(session, sme),
        to_complete=missing(record.facts),
        lists=lists_of_sme(session, sme.id or 0),
        rings=rings_of_sme(session, sme.id or 0),
        introductions=introductions(session, sme_id=sme.id),
        no_mail=(reason_of(session, record.facts["email"]) or "") if record.facts["email"] else "",
    )

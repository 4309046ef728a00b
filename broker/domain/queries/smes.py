"""What the broker's pages read about SMEs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain.completeness import missing
from broker.domain.disclosure import Disclosure, card_for
from broker.domain.queries import lacking, todo
from broker.domain.queries.events import IntroductionRow, introductions
from broker.domain.queries.rings import RingRow, rings_of_sme
from broker.domain.queries.shortlists import ListRow, lists_of_sme, place
from broker.domain.records import load_record
from broker.domain.search import has_words
from broker.domain.suppressions import reason_of
from broker.models import City, Consent, Event, Hub, Registration, Sector, Sme, SmeStatus

PAGE_SIZE = 50
GROUPS = ("creative", "growth")
"""Asked for in place of a sector: all of the group."""
SORTS = {
    "name": "Name",
    "changed": "Last changed",
    "readiness": "Readiness",
    "gaps": "Most to complete",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a broker looks for; what is empty is not asked. `city` is None for every city."""

    city: str | None
    words: str = ""
    hub: int | None = None
    sector: str = ""
    status: SmeStatus | None = None
    language: str = ""
    readiness: int | None = None
    """At least."""
    event: int | None = None
    """Registered for it."""
    todo: str = ""
    """A reason of `todo.conditions`; one it does not know asks nothing."""
    sort: str = "name"


@dataclass(frozen=True, slots=True)
class SmeRow:
    """An SME in the list; its texts are not loaded."""

    sme: Sme
    city: str
    hub: str
    sector: str
    group: str
    to_complete: list[str]


@dataclass(frozen=True, slots=True)
class SmePage:
    """One page of the list; `counts` are of those that fit all but the status that is asked."""

    rows: list[SmeRow]
    total: int
    page: int
    pages: int
    counts: dict[SmeStatus, int]
    everything: int
    """How many SMEs the city has, whatever is asked."""


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
    """The SMEs that fit, in two statements. Words are found where a word begins with them, whatever the accents."""
    fitting = _fitting(filters)
    asked_at = todo.at(now(session)) if filters.todo else {}
    counts, everything = _counts(session, filters.city, fitting, asked_at)
    total = sum(counts.values()) if filters.status is None else counts.get(filters.status, 0)
    page, pages, first = place(page, total, PAGE_SIZE)
    order = _order(filters.sort)
    asked = [*fitting, *([col(Sme.status) == filters.status] if filters.status is not None else [])]
    ids = select(Sme.id).where(*_of_city(filters.city), *asked).order_by(*order).offset(first).limit(PAGE_SIZE)
    rows = _rows(session, ids, order, asked_at) if total else []
    return SmePage(rows, total, page, pages, counts, everything)


def _of_city(city: str | None) -> list[ColumnElement[bool]]:
    return [] if city is None else [col(Sme.city_code) == city]


def _fitting(filters: Filters) -> list[ColumnElement[bool]]:
    """What is asked beside city and status."""
    reasons = todo.conditions() if filters.todo else {}
    return [
        *has_words(filters.words),
        *([col(Sme.hub_id) == filters.hub] if filters.hub is not None else []),
        *_in_sector(filters.sector),
        *([cast(Sme.languages, String).contains(f'"{filters.language}"', autoescape=True)] if filters.language else []),
        *([col(Sme.readiness) >= filters.readiness] if filters.readiness is not None else []),
        *([col(Sme.id).in_(_registered(filters.event))] if filters.event is not None else []),
        *([reasons[filters.todo]] if filters.todo in reasons else []),
    ]


def _registered(event_id: int) -> Any:
    return select(Registration.sme_id).where(Registration.event_id == event_id)


def _in_sector(sector: str) -> list[ColumnElement[bool]]:
    if sector in GROUPS:
        return [col(Sme.sector_code).in_(select(Sector.code).where(Sector.group == sector))]
    return [col(Sme.sector_code) == sector] if sector else []


def _order(sort: str) -> list[Any]:
    by_name: list[Any] = [col(Sme.name_key), col(Sme.id)]
    gaps = [case((lacks, 1), else_=0) for lacks in lacking.conditions().values()]
    first: dict[str, ColumnElement[Any]] = {
        "changed": col(Sme.updated_at).desc(),
        "readiness": col(Sme.readiness).desc().nulls_last(),
        "gaps": sum(gaps[1:], gaps[0]).desc(),
    }
    return [*([first[sort]] if sort in first else []), *by_name]


def _rows(session: Session, ids: Any, order: Sequence[Any], asked_at: dict[str, datetime]) -> list[SmeRow]:
    lacks = lacking.conditions()
    found = session.execute(
        select(
            Sme,
            City.name,
            Hub.name,
            Sector,
            *(condition.label(f"lack{n}") for n, condition in enumerate(lacks.values())),
        )
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(col(Sme.id).in_(select(ids.subquery().c.id)))
        .options(defer(Sme.description), defer(Sme.search_text))  # type: ignore[arg-type]  # long, and not for a list
        .order_by(*order),
        asked_at,
    ).all()
    return [
        SmeRow(
            sme,
            city,
            hub or "",
            sector.name if sector else "",
            sector.group if sector else "",
            [words for words, lacking_it in zip(lacks, lacking_all, strict=True) if lacking_it],
        )
        for sme, city, hub, sector, *lacking_all in found
    ]


def _counts(
    session: Session, city: str | None, fitting: Sequence[ColumnElement[bool]], asked_at: dict[str, datetime]
) -> tuple[dict[SmeStatus, int], int]:
    """(How many that fit are in each status, how many SMEs the city has)."""
    fits = func.sum(case((and_(True, *fitting), 1), else_=0))
    query = select(Sme.status, func.count(), fits).where(*_of_city(city)).group_by(Sme.status)
    rows = session.execute(query, asked_at).all()
    return {SmeStatus(status): int(fit) for status, _, fit in rows if fit}, sum(count for _, count, _ in rows)


def consents(session: Session, sme: Sme) -> list[Consent]:
    """What the SME agreed to, and whether it took that back."""
    return list(session.exec(select(Consent).where(Consent.sme_id == sme.id).order_by(col(Consent.purpose).desc())))


def sme_view(session: Session, sme: Sme, disclosure: Disclosure) -> SmeView:
    """One SME with all that belongs to it, as its brokers may see it."""
    record = load_record(session, sme)
    return SmeView(
        sme=sme,
        facts=record.facts,
        city=session.get_one(City, sme.city_code),
        sector=session.get(Sector, sme.sector_code) if sme.sector_code else None,
        consents=consents(session, sme),
        to_complete=missing(record.facts),
        lists=[(event, _as_known(row, disclosure)) for event, row in lists_of_sme(session, sme.id)],
        rings=rings_of_sme(session, sme.id, disclosure),
        introductions=introductions(session, sme_id=sme.id),
        no_mail=(reason_of(session, record.facts["email"]) or "") if record.facts["email"] else "",
    )


def _as_known(row: ListRow, disclosure: Disclosure) -> ListRow:
    return replace(row, cards=[card_for(disclosure, row.sme.id, card) for card in row.cards])

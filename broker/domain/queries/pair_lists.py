"""What the match list reads: every pair of the lists in force, and more of those that are shown."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.domain.cards import ENGLISH, quote_of
from broker.domain.match_list import DETAILED, Detail, PairRow, Side
from broker.domain.reports import quoted
from broker.models import (
    City,
    Contact,
    Hub,
    Interest,
    Introduction,
    Match,
    Sector,
    Shortlist,
    ShortlistStatus,
    Sme,
)


def pairs(session: Session, event_id: int) -> tuple[list[PairRow], bool]:
    """Every pair of the approved lists, or of the drafts where none is approved; and whether they are approved.
    One statement."""
    rows = session.connection().execute(_every_pair(event_id)).all()
    found = [
        PairRow(match_id, _side(cells[:10]), _side(cells[10:]), strength, introduced_at)
        for match_id, strength, introduced_at, _, *cells in rows
    ]
    return found, bool(rows and rows[0][3] == ShortlistStatus.APPROVED)


def _side(cells: list[Any]) -> Side:
    sme_id, name, city, city_name, sector, sector_name, group, answer, answered_at, has_answered = cells
    words = (sector or "", sector_name or "", group or "")
    return Side(sme_id, name, city, city_name, *words, answer, answered_at, bool(has_answered))


def _every_pair(event_id: int) -> Any:
    a, b = aliased(Sme), aliased(Sme)
    of_a, of_b = aliased(Interest), aliased(Interest)
    here_a = (col(of_a.event_id) == event_id) & (col(of_a.sme_id) == a.id) & (col(of_a.partner_id) == b.id)
    here_b = (col(of_b.event_id) == event_id) & (col(of_b.sme_id) == b.id) & (col(of_b.partner_id) == a.id)
    both = (col(Introduction.a_id) == a.id) & (col(Introduction.b_id) == b.id)
    from_a, join_a = _told(event_id, a, of_a)
    from_b, join_b = _told(event_id, b, of_b)
    lists = _in_force(event_id)
    query = (
        sa.select(col(Match.id), col(Match.strength), col(Introduction.made_at), lists.c.status, *from_a, *from_b)
        .join(lists, lists.c.run_id == col(Match.run_id))
        .join(a, col(a.id) == Match.a_id)
        .join(b, col(b.id) == Match.b_id)
        .outerjoin(of_a, here_a)
        .outerjoin(of_b, here_b)
        .outerjoin(Introduction, (col(Introduction.event_id) == event_id) & both)
    )
    for table, condition, is_outer in (*join_a, *join_b):
        query = query.join(table, condition, isouter=is_outer)
    return query


def _told(event_id: int, sme: Any, answer: Any) -> tuple[list[Any], list[tuple[Any, Any, bool]]]:
    """The columns of one side, and what must be joined for them."""
    city, sector, said = aliased(City), aliased(Sector), aliased(Interest)
    has_answered = exists().where(col(said.event_id) == event_id, col(said.sme_id) == sme.id)
    columns = [
        *(sme.id, sme.name, sme.city_code, city.name, sme.sector_code, sector.name, sector.group),
        *(answer.answer, answer.answered_at, has_answered),
    ]
    return columns, [(city, city.code == sme.city_code, False), (sector, sector.code == sme.sector_code, True)]


def _in_force(event_id: int) -> Any:
    """(run_id, status) of the lists in force: "approved" comes before "draft" in the alphabet, too."""
    return (
        select(Shortlist.run_id, Shortlist.status)
        .where(
            Shortlist.event_id == event_id,
            col(Shortlist.status).in_((ShortlistStatus.APPROVED, ShortlistStatus.DRAFT)),
        )
        .order_by(col(Shortlist.status))
        .limit(1)
        .subquery()
    )


def details(session: Session, event_id: int, rows: Collection[PairRow], columns: Collection[str]) -> dict[int, Detail]:
    """By match: what the chosen columns need beside the pairs themselves, each as its row is turned. One statement,
    or none."""
    if not rows or not DETAILED.intersection(columns):
        return {}
    firsts = {row.match_id: row.one.sme_id for row in rows}
    told = session.connection().execute(_more(event_id, firsts))
    return {
        match_id: detail if firsts[match_id] == a_id else detail.turned()
        for match_id, a_id, *cells in told
        for detail in [_detail(*cells)]
    }


def _more(event_id: int, match_ids: Collection[int]) -> Any:
    a, b = aliased(Sme), aliased(Sme)
    hub_a, hub_b = aliased(Hub), aliased(Hub)
    of_a, of_b = aliased(Contact), aliased(Contact)
    met = exists().where(
        col(Introduction.event_id) == event_id, col(Introduction.a_id) == a.id, col(Introduction.b_id) == b.id
    )
    columns: list[Any] = [
        *(Match.id, Match.a_id, Match.evidence, a.languages, b.languages, hub_a.name, hub_b.name),
        *(of_a.name, of_a.email, of_a.phone, of_b.name, of_b.email, of_b.phone),
    ]
    return (
        sa.select(*columns)
        .join(a, col(a.id) == Match.a_id)
        .join(b, col(b.id) == Match.b_id)
        .outerjoin(hub_a, col(hub_a.id) == a.hub_id)
        .outerjoin(hub_b, col(hub_b.id) == b.hub_id)
        # Only where both said yes: nothing else of a contact ever leaves the database here (law 7).
        .outerjoin(of_a, (col(of_a.sme_id) == a.id) & met)
        .outerjoin(of_b, (col(of_b.sme_id) == b.id) & met)
        .where(col(Match.id).in_(match_ids))
    )


def _detail(
    evidence: Any, spoken_a: Any, spoken_b: Any, hub_a: str | None, hub_b: str | None, *contacts: Any
) -> Detail:
    texts = [text or "" for text in contacts]
    return Detail(
        reasons=(quoted(quote_of(evidence.get("a_to_b"))), quoted(quote_of(evidence.get("b_to_a")))),
        hub=(hub_a or "", hub_b or ""),
        languages=(_languages(spoken_a), _languages(spoken_b)),
        contacts=((texts[0], texts[1], texts[2]), (texts[3], texts[4], texts[5])),
    )


def _languages(codes: list[str]) -> str:
    return ", ".join(ENGLISH.languages.get(code, code) for code in codes)

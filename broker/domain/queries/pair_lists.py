"""What the match list reads: every pair of the lists in force, and more of those that are shown."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.domain import places, sectors
from broker.domain.cards import ENGLISH, quote_of
from broker.domain.match_list import DETAILED, Detail, PairRow, Side
from broker.domain.reports import quoted
from broker.models import (
    Answer,
    Contact,
    Hub,
    Interest,
    Introduction,
    Match,
    Shortlist,
    ShortlistStatus,
    Sme,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """Every pair in force."""

    rows: list[PairRow]
    is_approved: bool
    """Else they are drafts."""
    silent: int
    """SMEs with such a list that have answered nothing at the event."""


def listed(session: Session, event_id: int) -> Listed:
    """Every pair of the approved lists, or of the drafts where none is approved. One statement."""
    cells = session.connection().execute(_every_pair(event_id)).all()
    rows = [
        PairRow(
            match_id,
            _side(a_id, name_a, city_a, sector_a, answer_a, at_a),
            _side(b_id, name_b, city_b, sector_b, answer_b, at_b),
            strength,
            introduced_at,
        )
        for match_id, strength, introduced_at, _, _, a_id, name_a, city_a, sector_a, answer_a, at_a,
            b_id, name_b, city_b, sector_b, answer_b, at_b in cells
    ]  # fmt: skip
    if not cells:
        return Listed([], is_approved=False, silent=0)
    return Listed(rows, cells[0][3] == ShortlistStatus.APPROVED, cells[0][4])


def _side(
    sme_id: int, name: str, city: str, sector: str | None, answer: Answer | None, answered_at: datetime | None
) -> Side:
    sector_name, group = sectors.names_by_code().get(sector or "", ("", ""))
    city_name = places.names_by_code().get(city, city)
    return Side(sme_id, name, city, city_name, sector or "", sector_name, group, answer, answered_at)


def _every_pair(event_id: int) -> Any:
    a, b = aliased(Sme), aliased(Sme)
    of_a, of_b = aliased(Interest), aliased(Interest)
    here_a = (col(of_a.event_id) == event_id) & (col(of_a.sme_id) == a.id) & (col(of_a.partner_id) == b.id)
    here_b = (col(of_b.event_id) == event_id) & (col(of_b.sme_id) == b.id) & (col(of_b.partner_id) == a.id)
    both = (col(Introduction.a_id) == a.id) & (col(Introduction.b_id) == b.id)
    lists = _in_force(event_id)
    columns: list[Any] = [
        *(Match.id, Match.strength, Introduction.made_at, lists.c.status, _silent(event_id)),
        *(a.id, a.name, a.city_code, a.sector_code, of_a.answer, of_a.answered_at),
        *(b.id, b.name, b.city_code, b.sector_code, of_b.answer, of_b.answered_at),
    ]
    return (
        sa.select(*columns)
        .join(lists, lists.c.run_id == col(Match.run_id))
        .join(a, col(a.id) == Match.a_id)
        .join(b, col(b.id) == Match.b_id)
        .outerjoin(of_a, here_a)
        .outerjoin(of_b, here_b)
        .outerjoin(Introduction, (col(Introduction.event_id) == event_id) & both)
    )


def _silent(event_id: int) -> Any:
    """How many SMEs with a list in force have answered nothing: the same for every pair, so counted once."""
    said = exists().where(col(Interest.event_id) == event_id, col(Interest.sme_id) == Shortlist.sme_id)
    run = sa.select(_in_force(event_id).c.run_id).scalar_subquery()
    return (
        sa.select(sa.func.count())
        .select_from(Shortlist)
        .where(col(Shortlist.run_id) == run, ~said.correlate_except(Interest))
        .scalar_subquery()
    )


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

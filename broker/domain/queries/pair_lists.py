"""What the match list reads: every pair of the lists in force, and more of those that are shown."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.domain import places, sectors
from broker.domain.cards import quote_of
from broker.domain.languages import in_english
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
    cells = session.connection().execute(_pairs(event_id).union_all(_people(event_id))).all()
    pairs = [row for row in cells if row[0] is not None]
    if not pairs:
        return Listed([], is_approved=False, silent=0)
    of, said = _sides([row for row in cells if row[0] is None])
    rows = [
        PairRow(match_id, said.get((a_id, b_id)) or of[a_id], said.get((b_id, a_id)) or of[b_id], strength, made_at)
        for match_id, a_id, b_id, strength, made_at, *_ in pairs
    ]
    return Listed(rows, pairs[0][5] == ShortlistStatus.APPROVED, pairs[0][-1])


def _sides(people: Iterable[Any]) -> tuple[dict[int, Side], dict[tuple[int, int], Side]]:
    """Each SME as it stands in a pair it has not answered, and by partner in those it has."""
    of: dict[int, Side] = {}
    said: dict[tuple[int, int], Side] = {}
    for _, sme_id, partner_id, _, answered_at, answer, name, city, sector, _ in people:
        side = of.get(sme_id) or of.setdefault(sme_id, _side(sme_id, name, city, sector))
        if partner_id is not None:
            said[sme_id, partner_id] = side._replace(answer=Answer(answer), answered_at=answered_at)
    return of, said


def _side(sme_id: int, name: str, city: str, sector: str | None) -> Side:
    sector_name, group = sectors.names_by_code().get(sector or "", ("", ""))
    city_name = places.names_by_code().get(city, city)
    return Side(sme_id, name, city, city_name, sector or "", sector_name, group, None, None)


def _pairs(event_id: int) -> Any:
    """Ids, strength and introduction of each pair. Its SMEs are read once each beside it (`_people`), not once a
    pair: an SME stands in many."""
    lists = _in_force(event_id)
    both = (col(Introduction.a_id) == Match.a_id) & (col(Introduction.b_id) == Match.b_id)
    columns: list[Any] = [
        *(Match.id, Match.a_id, Match.b_id, Match.strength, Introduction.made_at),
        *(sa.type_coerce(lists.c.status, sa.String), *[sa.null()] * 3, _silent(event_id)),
    ]
    return (
        sa.select(*columns)
        .join(lists, lists.c.run_id == col(Match.run_id))
        .outerjoin(Introduction, (col(Introduction.event_id) == event_id) & both)
    )


def _people(event_id: int) -> Any:
    """The SMEs of these pairs, once for each answer or once without: in the same columns, with no match's id."""
    run = sa.select(_in_force(event_id).c.run_id).scalar_subquery()
    paired = [sa.select(column).where(col(Match.run_id) == run) for column in (col(Match.a_id), col(Match.b_id))]
    columns: list[Any] = [
        *(sa.null(), Sme.id, Interest.partner_id, sa.null(), Interest.answered_at),
        *(sa.type_coerce(Interest.answer, sa.String), Sme.name, Sme.city_code, Sme.sector_code, sa.null()),
    ]
    return (
        sa.select(*columns)
        .outerjoin(Interest, (col(Interest.event_id) == event_id) & (col(Interest.sme_id) == Sme.id))
        .where(col(Sme.id).in_(paired[0].union(paired[1])))
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
        languages=(in_english(spoken_a), in_english(spoken_b)),
        contacts=((texts[0], texts[1], texts[2]), (texts[3], texts[4], texts[5])),
    )

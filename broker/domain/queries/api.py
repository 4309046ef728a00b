"""Rows as programs read them: in the order of their ids, from one id on."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from broker.domain.records import Record, load_records
from broker.domain.reports import current
from broker.models import (
    Account,
    Event,
    Interest,
    Introduction,
    Match,
    MatchRun,
    Registration,
    Role,
    ShortlistEntry,
    Sme,
    Webhook,
)


def _slice(session: Session, query: SelectOfScalar[Any], column: Any, after: int, limit: int) -> list[Any]:
    """Up to `limit` rows and one more, which tells that there are more."""
    return list(session.exec(query.where(column > after).order_by(column).limit(limit + 1)))


def smes(session: Session, city: str | None, after: int, limit: int) -> list[tuple[Sme, Record]]:
    """SMEs of a city, or of all, with their profiles."""
    query = select(Sme) if city is None else select(Sme).where(Sme.city_code == city)
    found: list[Sme] = _slice(session, query, Sme.id, after, limit)
    records = load_records(session, col(Sme.id).in_([sme.id for sme in found]))
    return [(sme, records[sme.id]) for sme in found]


def events(session: Session, account: Account, after: int, limit: int) -> list[Event]:
    """The organiser's events; an administrator's are all."""
    own = select(Event) if account.role == Role.ADMIN else select(Event).where(Event.organiser_id == account.id)
    return _slice(session, own, Event.id, after, limit)


def registrations(session: Session, event_id: int, after: int, limit: int) -> list[tuple[Registration, Sme]]:
    """Who takes part in an event."""
    query = (
        select(Registration, Sme)
        .join(Sme, col(Sme.id) == Registration.sme_id)
        .where(Registration.event_id == event_id, Registration.id > after)
        .order_by(col(Registration.id))
        .limit(limit + 1)
    )
    return list(session.exec(query))


def runs(session: Session, event_id: int, after: int, limit: int) -> list[MatchRun]:
    """The match runs of an event."""
    return _slice(session, select(MatchRun).where(MatchRun.event_id == event_id), MatchRun.id, after, limit)


def matches(session: Session, event_id: int, after: int, limit: int) -> list[Match]:
    """The pairs of the approved shortlists, or of the drafts where none is approved yet."""
    on_lists = select(ShortlistEntry.match_id).where(
        col(ShortlistEntry.shortlist_id).in_([row.id for row in current(session, event_id)])
    )
    return _slice(session, select(Match).where(col(Match.id).in_(on_lists)), Match.id, after, limit)


def answers(session: Session, event_id: int, after: int, limit: int) -> list[Interest]:
    """What SMEs said of the partners they were shown at an event."""
    return _slice(session, select(Interest).where(Interest.event_id == event_id), Interest.id, after, limit)


def webhooks(session: Session, account: Account, after: int, limit: int) -> list[Webhook]:
    """The account's webhooks."""
    return _slice(session, select(Webhook).where(Webhook.account_id == account.id), Webhook.id, after, limit)


def names(session: Session, sme_ids: Sequence[int]) -> dict[int, str]:
    """SMEs' names by id."""
    found = session.exec(select(Sme.id, Sme.name).where(col(Sme.id).in_(set(sme_ids))))
    return {sme_id: name for sme_id, name in found if sme_id is not None}


def introduced(session: Session, event_id: int) -> set[frozenset[int]]:
    """The pairs that both said yes at an event."""
    pairs = session.exec(select(Introduction.a_id, Introduction.b_id).where(Introduction.event_id == event_id))
    return {frozenset(pair) for pair in pairs}

"""All a match run sees, read in one transaction and turned into the engine's plain data."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sqlmodel import Session, col, select

import matching
from broker.db import now
from broker.models import (
    INACTIVE,
    Answer,
    City,
    Consent,
    Event,
    Interest,
    Introduction,
    PairRule,
    PastPartner,
    Purpose,
    Registration,
    Sector,
    Sme,
    Statement,
    StatementKind,
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All a run sees, read in one transaction."""

    cohort: matching.Cohort
    policy: matching.Policy
    versions: dict[str, int]


def digest(gathered: Gathered) -> str:
    """What the engine was given, as one hash, so that a repeated run can be told from a changed one."""
    cohort = gathered.cohort
    seen = [
        repr(
            [
                sorted(value) if isinstance(value, frozenset) else value
                for value in (getattr(profile, field.name) for field in fields(profile))
            ]
        )
        for profile in sorted(cohort.profiles, key=lambda profile: profile.id)
    ]
    rules = [sorted(cohort.banned), sorted(cohort.known), sorted(cohort.pinned), sorted(cohort.history)]
    return hashlib.sha256(json.dumps([seen, rules]).encode()).hexdigest()


def gather(session: Session, event_id: int) -> Gathered:
    """The registered SMEs that agreed to be matched, and who must, must not or need not meet."""
    event = session.get_one(Event, event_id)
    rows = session.exec(
        select(Sme, City, Sector)
        .join(Registration, col(Registration.sme_id) == Sme.id)
        .join(City, col(City.code) == Sme.city_code)
        .join(Consent, (col(Consent.sme_id) == Sme.id) & (col(Consent.purpose) == Purpose.MATCHING))
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(
            Registration.event_id == event_id,
            col(Consent.withdrawn_at).is_(None),
            col(Sme.status).not_in(INACTIVE),
        )
        .order_by(col(Sme.id))
    ).all()
    ids = [sme.id for sme, _, _ in rows]
    statements = _statements(session, ids)
    banned, pinned = _pairs(session, event_id)
    known, history = _acquainted(session, event_id)
    return Gathered(
        matching.Cohort(
            profiles=tuple(_profile(sme, city, sector, statements) for sme, city, sector in rows),
            banned=frozenset(banned),
            known=frozenset(known),
            pinned=frozenset(pinned),
            history=frozenset(history),
        ),
        matching.Policy(**event.policy),
        {str(sme.id): sme.version for sme, _, _ in rows},
    )


def profiles_of(session: Session, ids: Collection[int]) -> list[matching.Profile]:
    """The profiles of some SMEs as the engine sees them, by id."""
    rows = session.exec(
        select(Sme, City, Sector)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(col(Sme.id).in_(ids))
        .order_by(col(Sme.id))
    ).all()
    statements = _statements(session, list(ids))
    return [_profile(sme, city, sector, statements) for sme, city, sector in rows]


def _statements(session: Session, ids: Sequence[int]) -> dict[tuple[int, StatementKind], tuple[str, ...]]:
    grouped: dict[tuple[int, StatementKind], tuple[str, ...]] = {}
    query = select(Statement).where(col(Statement.sme_id).in_(ids)).order_by(col(Statement.position))
    for row in session.exec(query):
        grouped[row.sme_id, row.kind] = (*grouped.get((row.sme_id, row.kind), ()), row.text)
    return grouped


def _profile(
    sme: Sme, city: City, sector: Sector | None, statements: dict[tuple[int, StatementKind], tuple[str, ...]]
) -> matching.Profile:
    sme_id = sme.id
    return matching.Profile(
        id=str(sme_id),
        name=sme.name,
        city=city.code,
        country=city.country,
        sector=sector.code if sector else "",
        group=sector.group if sector else "",
        description=sme.description,
        offers=statements.get((sme_id, StatementKind.OFFER), ()),
        needs=statements.get((sme_id, StatementKind.NEED), ()),
        languages=frozenset(sme.languages),
        markets=frozenset(sme.markets),
        readiness=sme.readiness,
    )


def _pairs(session: Session, event_id: int) -> tuple[set[matching.Pair], set[matching.Pair]]:
    """(banned, pinned): an organiser's rules, and what SMEs answered at any event."""
    rules = session.exec(select(PairRule).where(PairRule.event_id == event_id)).all()
    banned = {_pair(rule.a_id, rule.b_id) for rule in rules if rule.kind == "ban"}
    pinned = {_pair(rule.a_id, rule.b_id) for rule in rules if rule.kind == "pin"}
    return banned | _answered(session, Answer.NEVER), pinned | _wanted(session, event_id)


def _acquainted(session: Session, event_id: int) -> tuple[set[matching.Pair], set[matching.Pair]]:
    """(known, history): who knows each other by their own word or is introduced for an event still to come, and who
    has worked together or met, also SMEs that are not at this event. The engine matches neither again; partners count
    as shared only once they have worked together or met, which one firm's word that it knows the other does not say."""
    over = col(Event.ends_at) <= now(session)
    met = select(Introduction.a_id, Introduction.b_id, over).join(Event, col(Event.id) == Introduction.event_id)
    elsewhere = session.exec(met.where(Introduction.event_id != event_id)).all()
    history = {_pair(row.a_id, row.b_id) for row in session.exec(select(PastPartner))}
    history |= {_pair(a, b) for a, b, took_place in elsewhere if took_place}
    return ({_pair(a, b) for a, b, _ in elsewhere} | _answered(session, Answer.KNOWN)) - history, history


def _answered(session: Session, answer: Answer) -> set[matching.Pair]:
    """Pairs of which one gave this answer, at any event."""
    rows = session.exec(select(Interest.sme_id, Interest.partner_id).where(Interest.answer == answer))
    return {_pair(sme_id, partner_id) for sme_id, partner_id in rows}


def _wanted(session: Session, event_id: int) -> set[matching.Pair]:
    """Pairs of which one said yes at this event and neither anything else: a new build must not part them."""
    answers = session.exec(select(Interest).where(Interest.event_id == event_id)).all()
    yes = {_pair(row.sme_id, row.partner_id) for row in answers if row.answer == Answer.INTERESTED}
    return yes - {_pair(row.sme_id, row.partner_id) for row in answers if row.answer != Answer.INTERESTED}


def _pair(one: int, other: int) -> matching.Pair:
    """The engine's ids are texts, and its pairs are in the order of texts."""
    first, second = sorted((str(one), str(other)))
    return first, second

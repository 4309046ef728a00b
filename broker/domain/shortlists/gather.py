"""All a match run sees, read in one transaction and turned into the engine's plain data."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sqlmodel import Session, col, select

import matching
from broker.domain import pairs
from broker.models import (
    INACTIVE,
    City,
    Consent,
    Event,
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
    pairs: dict[str, list[tuple[int, int]]]
    """What was settled about pairs before the build, by kind."""


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
    profiles = tuple(_profile(sme, city, sector, statements) for sme, city, sector in rows)
    standing = pairs.standing(session, event_id)
    return Gathered(
        cohort_of(standing, profiles),
        matching.Policy(**event.policy),
        {str(sme.id): sme.version for sme, _, _ in rows},
        standing.among(set(ids)),
    )


def cohort_of(standing: pairs.Standing, profiles: tuple[matching.Profile, ...]) -> matching.Cohort:
    """These profiles with the pairs that are decided already at an event."""
    return matching.Cohort(
        profiles=profiles,
        banned=_texts(standing.ban | standing.never),
        known=_texts(standing.known),
        pinned=_texts(standing.pin | standing.wanted),
        history=_texts(standing.met),
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


def _texts(settled: frozenset[pairs.Pair]) -> frozenset[matching.Pair]:
    """The engine's ids are texts, and its pairs are in the order of texts."""
    return frozenset(matching.pair(str(one), str(other)) for one, other in settled)

"""What a policy can and cannot give to those registered: counted by the rules alone, without encoder or selection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import exists, func
from sqlmodel import Session, col, select

import matching
from broker.domain import pairs
from broker.domain.shortlists.gather import cohort_of
from broker.domain.shortlists.policies import complete
from broker.models import INACTIVE, Consent, Purpose, Registration, Sector, Sme, Statement
from matching import rules
from matching.facts import facts_of, traits
from matching.pairs import Mask, all_pairs

MOST = 1500
"""SMEs; the pairs of more are too many to count while somebody waits."""


@dataclass(frozen=True, slots=True)
class Lack:
    """SMEs (names, in order) that have fewer than `wanted` possible partners of a kind, or none they could talk to.

    Kinds: silent, language, partners, other_city, other_sector, creative_growth."""

    kind: str
    wanted: int
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Foresight:
    """What the rules leave: who takes part in the matching, how many pairs are possible, who lacks what.

    `lacks` is empty where everybody can have what is asked; `pairs` is None where there are too many to count."""

    matched: int
    pairs: int | None
    lacks: Sequence[Lack]


def foresee(session: Session, event_id: int, policy: Mapping[str, Any]) -> Foresight:
    """What this policy, stored or not, would find among those registered at an event."""
    return judge(_cohort(session, event_id), policy)


def _cohort(session: Session, event_id: int) -> matching.Cohort:
    """What `gather` finds, of each profile only what a rule looks at: all texts of many would take too long."""
    says_something = (func.trim(Sme.description) != "") | exists().where(col(Statement.sme_id) == Sme.id)
    rows = session.exec(
        select(Sme.id, Sme.name, Sme.city_code, Sector.code, Sector.group, Sme.languages, says_something)  # type: ignore[call-overload]
        .join(Registration, col(Registration.sme_id) == Sme.id)
        .join(Consent, (col(Consent.sme_id) == Sme.id) & (col(Consent.purpose) == Purpose.MATCHING))
        .outerjoin(Sector, col(Sector.code) == Sme.sector_code)
        .where(
            Registration.event_id == event_id,
            col(Consent.withdrawn_at).is_(None),
            col(Sme.status).not_in(INACTIVE),
        )
        .order_by(col(Sme.id))
    )
    return cohort_of(pairs.standing(session, event_id), tuple(_profile(*row) for row in rows))


def _profile(
    sme_id: int, name: str, city: str, sector: str | None, group: str | None, languages: Sequence[str], speaks: bool
) -> matching.Profile:
    return matching.Profile(
        id=str(sme_id),
        name=name,
        city=city,
        country="",
        sector=sector or "",
        group=group or "",
        description=name if speaks else "",
        offers=(),
        needs=(),
        languages=frozenset(languages),
        markets=frozenset(),
        readiness=None,
    )


def judge(cohort: matching.Cohort, policy: Mapping[str, Any]) -> Foresight:
    """`foresee` of a cohort: by the engine's own rules, so that the build cannot find less in the way."""
    n = len(cohort.profiles)
    if n > MOST:
        return Foresight(n, None, [])
    settings = complete(policy)
    facts, pairs = facts_of(cohort), all_pairs(n)
    masks = rules.removed(facts, matching.Policy(**settings), pairs)
    allowed = rules.allowed(facts, pairs, masks)
    names = [profile.name for profile in cohort.profiles]
    mute = (pairs.counts(~masks["no_shared_language"]) == 0) & (n > 1)
    lacks = [Lack("silent", 1, _named(names, facts.silent)), Lack("language", 1, _named(names, mute & ~facts.silent))]
    # Who is told of already lacks all the rest, too: each SME is told of for its first reason only.
    told = facts.silent | mute
    for kind, trait in traits(facts, pairs).items():
        wanted = settings[f"min_{kind}"]
        short = (pairs.counts(allowed & trait) < wanted) & ~told
        lacks.append(Lack(kind, wanted, _named(names, short)))
    return Foresight(n, int(np.count_nonzero(allowed)), [lack for lack in lacks if lack.names])


def _named(names: Sequence[str], which: Mask) -> list[str]:
    return sorted((names[place] for place in np.flatnonzero(which).tolist()), key=str.casefold)

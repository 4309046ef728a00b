"""What the organiser's page of pinned and banned pairs reads."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exists
from sqlmodel import Session, col, select

from broker.domain import pairs
from broker.domain.pairs import Pair, Standing
from broker.models import INACTIVE, City, Consent, PairRule, Purpose, Registration, Sme


@dataclass(frozen=True, slots=True)
class Firm:
    """An SME to choose, or of a rule."""

    id: int
    name: str
    city: str
    takes_part: bool
    """Registered, active, and with its consent to be matched."""

    @property
    def label(self) -> str:
        """As it is written in the form."""
        return f"{self.name}, {self.city}"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A pinned or banned pair, and what is in the way of a pin."""

    kind: str
    one: Firm
    other: Firm
    reason: str
    hindrance: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Every rule of an event, and the SMEs to choose from."""

    rules: list[RuleRow]
    firms: list[Firm]
    standing: Standing


def desk(session: Session, event_id: int) -> Desk:
    """The rules of an event; two statements."""
    standing = pairs.standing(session, event_id)
    firms = _firms(session, event_id)
    rows = [
        RuleRow(kind, firms[one], firms[other], standing.reasons.get((one, other), ""), "")
        if kind == "ban"
        else RuleRow(
            kind,
            firms[one],
            firms[other],
            standing.reasons.get((one, other), ""),
            hindrance(standing, firms[one], firms[other]),
        )
        for kind in ("pin", "ban")
        for one, other in sorted(getattr(standing, kind), key=lambda pair: (firms[pair[0]].name, firms[pair[1]].name))
    ]
    return Desk(rows, [firm for firm in firms.values() if firm.takes_part], standing)


def hindrance(standing: Standing, one: Firm, other: Firm) -> str:
    """Why the next build cannot keep a pin of the two; '' where it can. A pin outweighs every other rule."""
    absent = [firm.name for firm in (one, other) if not firm.takes_part]
    if absent:
        who = " and ".join(absent)
        return f"{who} {'take' if len(absent) > 1 else 'takes'} no part: not registered, paused, or without consent."
    pair: Pair = pairs.pair(one.id, other.id)
    if pair in standing.never:
        return "One of the two said never."
    if pair in standing.known or pair in standing.met:
        return "They know each other already."
    return ""


def _firms(session: Session, event_id: int) -> dict[int, Firm]:
    registered = exists().where(col(Registration.event_id) == event_id, col(Registration.sme_id) == Sme.id)
    agreed = exists().where(
        col(Consent.sme_id) == Sme.id,
        col(Consent.purpose) == Purpose.MATCHING,
        col(Consent.withdrawn_at).is_(None),
    )
    ruled = [select(column).where(PairRule.event_id == event_id) for column in (PairRule.a_id, PairRule.b_id)]
    here = select(Registration.sme_id).where(Registration.event_id == event_id).union(*ruled)
    rows = session.connection().execute(
        sa.select(col(Sme.id), col(Sme.name), col(City.name), registered & agreed & col(Sme.status).not_in(INACTIVE))
        .join(City, col(City.code) == Sme.city_code)
        .where(col(Sme.id).in_(here))
        .order_by(Sme.name, col(Sme.id))
    )
    return {sme_id: Firm(sme_id, name, city, bool(takes_part)) for sme_id, name, city, takes_part in rows}


def of_sme(session: Session, event_id: int, sme_id: int) -> dict[int, str]:
    """The organiser's rules on one SME's pairs: 'pin' or 'ban' by partner."""
    rules = session.exec(
        select(PairRule).where(
            PairRule.event_id == event_id, (col(PairRule.a_id) == sme_id) | (col(PairRule.b_id) == sme_id)
        )
    )
    return {rule.b_id if rule.a_id == sme_id else rule.a_id: rule.kind for rule in rules}

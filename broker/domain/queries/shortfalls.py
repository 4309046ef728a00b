"""What the organiser's page of lists shorter than asked reads: who, what is in the way, and what would help."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.models import City, MatchRun, Shortlist, ShortlistStatus, Sme

HEADINGS = {
    "too_few": "Too few SMEs of the kind take part",
    "own_list": "Their own list is full",
    "full": "Whom they could meet is on enough lists already",
    "others_first": "The fairest choice gives their candidates to others",
    "no_shared_language": "No working language in common",
    "same_city": "Only partners from another city are asked for",
    "same_sector": "Only partners from another sector are asked for",
    "nothing_to_match": "A profile says nothing to match on",
    "known": "They know each other already",
    "banned": "The pair was ruled out",
    "same_owner": "They belong to the same company group",
}
HELPS = {
    "too_few": "Register more SMEs, then build again.",
    "own_list": "Allow more partners on a list.",
    "full": "Allow SMEs to be on more lists.",
    "others_first": "Allow more partners on a list, or register more SMEs.",
    "no_shared_language": "Ask their brokers which other languages they work in.",
    "same_city": "Prefer partners from another city instead of asking for them.",
    "same_sector": "Prefer partners from another sector instead of asking for them.",
    "nothing_to_match": "Ask their brokers to write down offers and needs.",
    "known": "Register SMEs they have not met.",
    "banned": "Lift a ban.",
    "same_owner": "Register SMEs outside of the group.",
}
LACKS = {
    "partners": ("partner", "partners"),
    "other_city": ("from another city", "from another city"),
    "other_sector": ("from another sector", "from another sector"),
    "creative_growth": ("across creative and growth", "across creative and growth"),
}


@dataclass(frozen=True, slots=True)
class ShortRow:
    """An SME left short."""

    sme_id: int
    name: str
    city: str
    lacks: str
    reason: str
    relaxation: str
    advice: str


@dataclass(frozen=True, slots=True)
class ShortGroup:
    """The SMEs left short for the same reason."""

    heading: str
    helps: str
    rows: list[ShortRow]


@dataclass(frozen=True, slots=True)
class Shortfalls:
    """Every SME left short, the largest group first, and what the run would have the organiser allow."""

    groups: list[ShortGroup]
    total: int
    relaxations: list[str]


def shortfalls(session: Session, event_id: int, status: ShortlistStatus) -> Shortfalls:
    """The lists of this status that are shorter than asked; one statement."""
    rows = (
        session.connection()
        .execute(
            sa.select(col(Sme.id), col(Sme.name), col(City.name), col(Shortlist.shortfall), col(MatchRun.report))
            .join(Shortlist, col(Shortlist.sme_id) == Sme.id)
            .join(City, col(City.code) == Sme.city_code)
            .join(MatchRun, col(MatchRun.id) == Shortlist.run_id)
            .where(
                col(Shortlist.event_id) == event_id,
                col(Shortlist.status) == status,
                sa.cast(Shortlist.shortfall, sa.String) != "{}",
            )
            .order_by(col(Sme.name), col(Sme.id))
        )
        .all()
    )
    groups: dict[str, list[ShortRow]] = {}
    for sme_id, name, city, short, _ in rows:
        groups.setdefault(short.get("rule", ""), []).append(_row(sme_id, name, city, short))
    told = [ShortGroup(_heading(rule), _helps(rule), members) for rule, members in groups.items()]
    relaxations = list(rows[0][4].get("relaxations", [])) if rows else []
    return Shortfalls(sorted(told, key=lambda group: (-len(group.rows), group.heading)), len(rows), relaxations)


def _row(sme_id: int, name: str, city: str, short: dict[str, Any]) -> ShortRow:
    lacks = [f"{count} {LACKS[kind][count != 1]}" for kind, count in short.get("missing", {}).items() if kind in LACKS]
    return ShortRow(
        sme_id,
        name,
        city,
        ", ".join(lacks),
        short.get("reason", ""),
        short.get("relaxation", ""),
        short.get("advice", ""),
    )


def _heading(rule: str) -> str:
    return " – and: ".join(HEADINGS.get(part, part) for part in rule.split("+")) or "Shorter than asked"


def _helps(rule: str) -> str:
    return HELPS.get(rule.split("+")[0], "")

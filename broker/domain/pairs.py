"""What is settled about two SMEs before a build: the organiser's word, what they answered, whom they have met."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import String, case, literal, type_coerce, union_all
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit, events
from broker.domain.keys import text_key
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Answer, City, Event, Interest, Introduction, PairRule, PastPartner, Registration, Sme

Pair = tuple[int, int]
"""Two SMEs' ids, the smaller first."""
MAX_REASON = 200
MOST_NAMED = 5
"""SMEs told by name where the beginning of a name fits several."""
KINDS = ("pin", "ban", "wanted", "never", "known", "met")


@dataclass(frozen=True, slots=True)
class Standing:
    """Pairs by what is settled about them. A build never chooses those of `ban`, `never`, `known` and `met`."""

    pin: frozenset[Pair]
    ban: frozenset[Pair]
    wanted: frozenset[Pair]
    """One said yes at this event and neither anything else: a new build must not part them."""
    never: frozenset[Pair]
    known: frozenset[Pair]
    """They know each other by their own word, or were introduced for an event still to come."""
    met: frozenset[Pair]
    """They worked together or met, also SMEs that are not at this event."""
    reasons: Mapping[Pair, str]
    """Of the organiser's rules, where one was given."""

    def among(self, ids: set[int]) -> dict[str, list[Pair]]:
        """What a run keeps of it: all rules of the organiser, and the rest where both take part."""
        return {
            kind: sorted(pair for pair in getattr(self, kind) if kind in ("pin", "ban") or ids.issuperset(pair))
            for kind in KINDS
        }


def pair(one: int, other: int) -> Pair:
    """The two ids, the smaller first."""
    return (one, other) if one < other else (other, one)


def standing(session: Session, event_id: int) -> Standing:
    """What is settled about pairs for a build of this event, in one statement."""
    found: dict[str, set[Pair]] = {}
    reasons: dict[Pair, str] = {}
    for kind, one, other, reason in session.connection().execute(_everything(event_id, now(session))):
        found.setdefault(kind, set()).add(pair(one, other))
        reasons |= {pair(one, other): reason} if reason else {}
    of = {kind: frozenset(rows) for kind, rows in found.items()}
    none: frozenset[Pair] = frozenset()
    met = of.get("met", none)
    return Standing(
        pin=of.get("pin", none),
        ban=of.get("ban", none),
        wanted=of.get("yes", none) - of.get("no", none),
        never=of.get(Answer.NEVER, none),
        # Partners count as shared only once they have worked together or met, which one's word does not say.
        known=of.get(Answer.KNOWN, none) - met,
        met=met,
        reasons=reasons,
    )


def _everything(event_id: int, moment: datetime) -> Any:
    """(kind, SME, SME, reason) from wherever something about a pair is settled."""
    said = case((col(Interest.answer) == Answer.INTERESTED, literal("yes")), else_=literal("no"))
    took_place = case((col(Event.ends_at) <= moment, literal("met")), else_=literal(Answer.KNOWN.value))
    rules = select(PairRule.kind, PairRule.a_id, PairRule.b_id, PairRule.reason).where(PairRule.event_id == event_id)
    anywhere = _of(type_coerce(Interest.answer, String), Interest.sme_id, Interest.partner_id).where(
        col(Interest.answer).in_((Answer.NEVER, Answer.KNOWN))
    )
    here = _of(said, Interest.sme_id, Interest.partner_id).where(Interest.event_id == event_id)
    past = _of(literal("met"), PastPartner.a_id, PastPartner.b_id)
    elsewhere = (
        _of(took_place, Introduction.a_id, Introduction.b_id)
        .join(Event, col(Event.id) == Introduction.event_id)
        .where(Introduction.event_id != event_id)
    )
    return union_all(rules, anywhere, here, past, elsewhere)


def _of(kind: Any, one: Any, other: Any) -> Any:
    return sa.select(kind, one, other, literal(""))


def rule(session: Session, actor: str, event_id: int, one: int, other: int, kind: str, reason: str = "") -> PairRule:
    """Pin or ban a pair of registered SMEs from the next build on. InvalidError for anything else."""
    reason = reason.strip()
    if kind not in ("pin", "ban"):
        raise InvalidError("Choose whether the two must meet or must not meet.")
    if one == other:
        raise InvalidError("Choose two different SMEs.")
    if len(reason) > MAX_REASON:
        raise InvalidError(f"The reason may have {MAX_REASON} characters at most.")
    events.get(session, event_id)
    here = select(Registration.sme_id).where(
        Registration.event_id == event_id, col(Registration.sme_id).in_((one, other))
    )
    if len(session.exec(here).all()) < 2:
        raise InvalidError("Both SMEs must be registered at this event.")
    a_id, b_id = pair(one, other)
    row = session.get(PairRule, (event_id, a_id, b_id)) or PairRule(event_id=event_id, a_id=a_id, b_id=b_id, kind=kind)
    row.kind, row.reason = kind, reason
    session.add(row)
    session.flush()
    audit.record(session, actor, f"pair.{kind}", f"event {event_id}", a=a_id, b=b_id)
    return row


def lift(session: Session, actor: str, event_id: int, one: int, other: int) -> None:
    """Take a pin or ban back. ConflictError where there is none any more."""
    a_id, b_id = pair(one, other)
    row = session.get(PairRule, (event_id, a_id, b_id))
    if row is None:
        raise ConflictError("There is no rule on this pair any more.")
    session.delete(row)
    audit.record(session, actor, "pair.lift", f"event {event_id}", a=a_id, b=b_id)


def named(session: Session, event_id: int, words: str) -> int:
    """The id of the registered SME of this name, with or without ", City" behind it, or of the only one whose name
    begins so. NotFoundError says what to do, and which several names begin so."""
    rows = session.exec(
        select(Sme.id, Sme.name, City.name)
        .join(Registration, (col(Registration.sme_id) == Sme.id) & (col(Registration.event_id) == event_id))
        .join(City, col(City.code) == Sme.city_code)
    ).all()
    words = words.strip()
    exact = [sme_id for sme_id, name, city in rows if words in (name, f"{name}, {city}")]
    key = text_key(words)
    alike = exact or [sme_id for sme_id, name, city in rows if key in (text_key(name), text_key(f"{name} {city}"))]
    if len(alike) > 1:
        raise NotFoundError(f"More than one registered SME is called “{words}”: add its city, as in the list.")
    return alike[0] if alike else _beginning(words, key, [(sme_id, f"{name}, {city}") for sme_id, name, city in rows])


def _beginning(words: str, key: str, rows: list[tuple[int, str]]) -> int:
    found = sorted((label, sme_id) for sme_id, label in rows if key and text_key(label).startswith(key))
    if not found:
        raise NotFoundError(f"No registered SME is called “{words}”. Choose one of the list.")
    if len(found) > 1:
        told = "; ".join(label for label, _ in found[:MOST_NAMED])
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise NotFoundError(f"More than one registered SME begins with “{words}”. Which one: {told}{more}?")
    return found[0][1]

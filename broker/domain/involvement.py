"""At which events an SME is or was: what it left there stays when it is taken off one."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, cast, func, literal, or_, select, union_all
from sqlmodel import Session, col

from broker.db import UTCDateTime
from broker.models import (
    AuditEntry,
    Interest,
    Introduction,
    Invitation,
    Match,
    MatchRun,
    PairRule,
    Registration,
    Shortlist,
    Sme,
)

WITHDRAWN = "event.withdraw"
"""What the record of changes calls it when an organiser takes an SME off an event; `detail` names the SME."""
EVENT = "event "
"""How the record names an event: by this and its id."""


def events_since(session: Session, sme: Sme) -> dict[int, datetime]:
    """Every event that may hold something of an SME, whether it is registered or not, and since when at the latest."""
    found = union_all(*_traces(sme)).subquery()
    query = select(found.c.event_id, func.min(found.c.since).label("since")).group_by(found.c.event_id)
    return {row.event_id: row.since for row in session.execute(query)}


def _traces(sme: Sme) -> list[Select[Any]]:
    """The events of each table that names SMEs at an event; one without a date counts from the SME's first day."""
    ever = literal(sme.created_at, UTCDateTime)
    in_pair = [or_(col(table.a_id) == sme.id, col(table.b_id) == sme.id) for table in (Match, Introduction, PairRule)]
    in_answer = or_(col(Interest.sme_id) == sme.id, col(Interest.partner_id) == sme.id)
    withdrawn = (col(AuditEntry.action) == WITHDRAWN) & (AuditEntry.detail["sme"].as_integer() == sme.id)
    number = cast(func.substr(col(AuditEntry.subject), len(EVENT) + 1), Integer)
    return [
        _since(Registration.event_id, Registration.registered_at).where(col(Registration.sme_id) == sme.id),
        _since(Invitation.event_id, Invitation.invited_at).where(col(Invitation.sme_id) == sme.id),
        _since(Interest.event_id, Interest.answered_at).where(in_answer),
        _since(Introduction.event_id, Introduction.made_at).where(in_pair[1]),
        _since(MatchRun.event_id, MatchRun.created_at).join(Match, col(Match.run_id) == MatchRun.id).where(in_pair[0]),
        _since(MatchRun.event_id, MatchRun.created_at)
        .join(Shortlist, col(Shortlist.run_id) == MatchRun.id)
        .where(col(Shortlist.sme_id) == sme.id),
        _since(PairRule.event_id, ever).where(in_pair[2]),
        _since(number, ever).where(withdrawn),
    ]


def _since(event_id: Any, since: Any) -> Select[Any]:
    return select(event_id.label("event_id"), since.label("since"))

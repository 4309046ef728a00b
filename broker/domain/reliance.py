"""Whether anything was done with an SME: then it does not go by the way."""

from collections.abc import Collection
from typing import Any

from sqlmodel import Session, col, select

from broker.models import Email, Interest, Introduction, Registration, Shortlist, ShortlistEntry

REASONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("it is registered for an event", (col(Registration.sme_id),)),
    ("it has a shortlist", (col(Shortlist.sme_id),)),
    ("it stands on a shortlist", (col(ShortlistEntry.partner_id),)),
    ("it was sent a mail", (col(Email.sme_id),)),
    ("it gave or got an answer", (col(Interest.sme_id), col(Interest.partner_id))),
    ("it was introduced to another", (col(Introduction.a_id), col(Introduction.b_id))),
)
"""Later ones say more, and are told instead of earlier ones."""


def relied_on(session: Session, sme_ids: Collection[int]) -> dict[int, str]:
    """Why each of these SMEs cannot just be deleted; only those that cannot."""
    found: dict[int, str] = {}
    for reason, columns in REASONS:
        for column in columns:
            used = session.exec(select(column).where(column.in_(sme_ids)).distinct())
            found |= {sme_id: reason for sme_id in used if sme_id is not None}
    return found

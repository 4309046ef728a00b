"""Whom an introduction would show: a pair that was introduced, or a sample of a pair that stands on shortlists."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import letters
from broker.domain.letters import Letter
from broker.models import City, Contact, Event, Introduction, Shortlist, ShortlistEntry, ShortlistStatus, Sme

NAME, ADDRESS = "Their name", "their.address@firm.example"
"""What a sample says instead: those two have not said yes, and contact data is theirs to give (law 7)."""


def pairs(session: Session, event: Event) -> list[tuple[Sme, City, Introduction]]:
    """Each SME that can be written to, its city, and its newest introduction, else one it might get.

    One that might be has no id and is nowhere stored."""
    made = session.exec(
        select(Introduction).where(Introduction.event_id == event.id).order_by(col(Introduction.id))
    ).all()
    by_sme = {sme_id: one for one in made for sme_id in (one.a_id, one.b_id)} if made else _samples(session, event)
    rows = session.exec(
        select(Sme, City)
        .join(City, col(City.code) == Sme.city_code)
        .where(col(Sme.id).in_(by_sme), exists().where(col(Contact.sme_id) == col(Sme.id), col(Contact.email) != ""))
        .order_by(col(Sme.id))
    )
    return [(sme, city, by_sme[sme.id]) for sme, city in rows]


def _samples(session: Session, event: Event) -> dict[int, Introduction]:
    """Each SME with the first of its approved list, or of its draft where nothing is approved."""
    for status in (ShortlistStatus.APPROVED, ShortlistStatus.DRAFT):
        rows: Sequence[tuple[int, int]] = session.exec(
            select(Shortlist.sme_id, ShortlistEntry.partner_id)
            .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
            .where(Shortlist.event_id == event.id, Shortlist.status == status)
            .order_by(col(ShortlistEntry.rank).desc())
        ).all()
        if rows:
            moment = now(session)
            return {
                sme_id: Introduction(event_id=event.id, a_id=sme_id, b_id=partner_id, made_at=moment)
                for sme_id, partner_id in rows
            }
    return {}


def letter(session: Session, settings: Settings, event: Event, introduction: Introduction, sme_id: int) -> Letter:
    """The letter to this one of the two, as it was or would be written."""
    both = letters.introductions(session, settings, event, introduction)
    envelope, context = next(one for one in both if one[0].sme_id == sme_id)
    return envelope, context if introduction.id else context | {"other": _undisclosed(context["other"])}


def _undisclosed(other: dict[str, Any]) -> dict[str, Any]:
    sme = Sme.model_validate(other["sme"].model_dump() | {"website": ""})
    return other | {"sme": sme, "contact": Contact(sme_id=other["sme"].id, name=NAME, email=ADDRESS)}

"""SMEs that have answered nothing, and a reminder to them when the organiser asks for it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import and_, case, exists, func
from sqlmodel import Session, col

from broker.config import Settings
from broker.db import now
from broker.domain import audit, interests, letters
from broker.domain.mailings import recipients
from broker.domain.mailings.plan import by_kind
from broker.domain.mailings.writing import Batch, reminder_letters
from broker.domain.outbox import TO_REWRITE
from broker.domain.stops import lock
from broker.errors import ConflictError
from broker.models import (
    INACTIVE,
    City,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Interest,
    MailingKind,
    Purpose,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
)

PAUSE = timedelta(hours=24)
"""Nobody is pressed who has been written to within it."""
MOST = 200
"""Reminders of one request: about two seconds, for which SQLite lets nobody else write."""
WAITING = (EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.HELD)


@dataclass(frozen=True, slots=True)
class Silent:
    """An SME with an approved list that has answered nothing."""

    sme_id: int
    name: str
    city: str
    city_name: str
    partners: int
    told_at: datetime | None
    """When its shortlist left."""
    reminded_at: datetime | None
    """When its last reminder or last call left."""
    reminders: int
    hindrance: str
    """Why it cannot be reminded now; '' where it can."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request to remind came to."""

    written: int
    passed_over: int
    """Not reminded now: written to of late, or not to be reached."""
    left: int
    """To be asked for once more: more than one request writes."""


def silent(session: Session, event_id: int) -> list[Silent]:
    """Every SME with an approved list that has answered nothing, by city and name. One statement, and the clock."""
    moment = now(session)
    found = session.connection().execute(_silent(event_id))
    return [_row(moment, *row) for row in found]


def _row(moment: datetime, sme_id: int, name: str, city: str, city_name: str, *rest: Any) -> Silent:
    partners, told_at, reminded_at, reminders, waiting, address, agreed, active = rest
    hindrance = (
        "takes no part any more"
        if not active
        else "no partner to answer about"
        if not partners
        else "no e-mail address"
        if not address
        else "has not agreed to be mailed"
        if not agreed
        else "a mail is on its way"
        if waiting
        else "its shortlist has not left yet"
        if told_at is None
        else "its shortlist left less than a day ago"
        if moment - told_at < PAUSE
        else "reminded less than a day ago"
        if reminded_at is not None and moment - reminded_at < PAUSE
        else ""
    )
    return Silent(sme_id, name, city, city_name, partners, told_at, reminded_at, reminders, hindrance)


def _silent(event_id: int) -> Any:
    mails = _mails(event_id)
    entries = (
        sa.select(func.count())
        .where(col(ShortlistEntry.shortlist_id) == Shortlist.id)
        .correlate(Shortlist)
        .scalar_subquery()
    )
    agreed = {
        purpose: exists().where(
            col(Consent.sme_id) == Sme.id, col(Consent.purpose) == purpose, col(Consent.withdrawn_at).is_(None)
        )
        for purpose in Purpose
    }
    return (
        sa.select(
            *(col(Sme.id), col(Sme.name), col(Sme.city_code), col(City.name), entries),
            *(mails.c.told_at, mails.c.reminded_at, func.coalesce(mails.c.reminders, 0)),
            *(func.coalesce(mails.c.waiting, 0), col(Contact.email), agreed[Purpose.MAILING]),
            agreed[Purpose.MATCHING] & col(Sme.status).not_in(INACTIVE),
        )
        .join(Shortlist, col(Shortlist.sme_id) == Sme.id)
        .join(City, col(City.code) == Sme.city_code)
        .outerjoin(Contact, col(Contact.sme_id) == Sme.id)
        .outerjoin(mails, mails.c.sme_id == Sme.id)
        .where(
            col(Shortlist.event_id) == event_id,
            col(Shortlist.status) == ShortlistStatus.APPROVED,
            ~exists().where(col(Interest.event_id) == event_id, col(Interest.sme_id) == Sme.id),
        )
        .order_by(col(City.name), col(Sme.name), col(Sme.id))
    )


def _mails(event_id: int) -> Any:
    """By SME: when its shortlist and its last reminder left, how many reminders, and how many mails still wait."""
    is_list = col(Email.kind) == MailingKind.SHORTLIST.value
    sent = col(Email.status) == EmailStatus.SENT
    return (
        sa.select(
            col(Email.sme_id),
            func.max(case((and_(is_list, sent), col(Email.sent_at)))).label("told_at"),
            func.max(case((and_(~is_list, sent), col(Email.sent_at)))).label("reminded_at"),
            func.sum(case((col(Email.kind) == MailingKind.REMINDER.value, 1), else_=0)).label("reminders"),
            func.sum(case((col(Email.status).in_(WAITING) | (col(Email.error) == TO_REWRITE), 1), else_=0)).label(
                "waiting"
            ),
        )
        .where(
            col(Email.event_id) == event_id,
            col(Email.kind).in_([MailingKind.SHORTLIST.value, MailingKind.REMINDER.value, MailingKind.LAST_CALL.value]),
        )
        .group_by(col(Email.sme_id))
        .subquery()
    )


def remind(
    session: Session, settings: Settings, actor: str, event_id: int, sme_ids: Collection[int] | None = None
) -> Asked:
    """Write one reminder each to SMEs that have answered nothing, to all of them or to these; each leaves at the send
    hours of its recipient. ConflictError once nobody can answer any more, and while reminders are stopped."""
    settings.require_secret()
    event = lock(session, event_id)
    moment = now(session)
    if moment > event.answers_until:
        raise ConflictError("Nobody can answer any more.")
    mailing = by_kind(session, event_id).get(MailingKind.REMINDER)
    if mailing is not None and mailing.stopped_at is not None:
        raise ConflictError("Reminders are stopped. Resume them on the event's page first.")
    wanted = [row for row in silent(session, event_id) if sme_ids is None or row.sme_id in sme_ids]
    free = {row.sme_id: row.reminders for row in wanted if not row.hindrance}
    now_ids = list(free)[:MOST]
    found = recipients.unanswered(session, event, now_ids)
    batch = Batch(
        event, MailingKind.REMINDER, found, moment, lambda registration: interests.link(settings, registration)
    )
    written = 0
    for envelope, context in reminder_letters(session, settings, batch):
        earlier = free[envelope.sme_id or 0]
        # The first has the key of the planned one, so that whoever got it gets no other by the plan.
        key = f"{envelope.key}:{earlier + 1}" if earlier else envelope.key
        mail = letters.write(session, settings, replace(envelope, key=key), context)
        written += mail.status == EmailStatus.QUEUED
    audit.record(session, actor, "mailing.remind", f"event {event_id}", mails=written)
    left = len(free) - len(now_ids)
    return Asked(written, len(wanted) - written - left, left)

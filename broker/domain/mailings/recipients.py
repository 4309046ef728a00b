"""Who gets which mail of an event's plan."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.domain.stops import is_stopped
from broker.models import (
    INACTIVE,
    Account,
    City,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Event,
    Interest,
    MailingKind,
    Purpose,
    Registration,
    Role,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
)

NOT_AFTER = {
    MailingKind.REMINDER: ((MailingKind.SHORTLIST,), timedelta(hours=24)),
    MailingKind.LAST_CALL: ((MailingKind.SHORTLIST, MailingKind.REMINDER), timedelta(hours=12)),
}
"""The mails that must have been out for so long: nobody is pressed who has only just been written to."""
SAYS_AS_MUCH = {
    MailingKind.REMINDER: (MailingKind.REMINDER, MailingKind.LAST_CALL),
    MailingKind.LAST_CALL: (MailingKind.LAST_CALL,),
}
"""The mails after which one of this kind is not written: a reminder that was stopped may be resumed late."""
ON_ITS_WAY = (EmailStatus.QUEUED, EmailStatus.SENDING)


@dataclass(frozen=True, slots=True)
class Recipient:
    """An SME that is written to, and what its mail is made of."""

    sme: Sme
    contact: Contact
    registration: Registration
    shortlist: Shortlist


def due(
    session: Session, event: Event, kind: MailingKind, moment: datetime, cities: Collection[str], limit: int
) -> list[Recipient]:
    """SMEs of these cities that are to get their reminder or last call now, and have not got it yet."""
    before, wait = NOT_AFTER[kind]
    query = _reachable(event, ShortlistStatus.APPROVED).where(
        col(Sme.city_code).in_(cities),
        _mailed(event, (MailingKind.SHORTLIST,), col(Email.status) == EmailStatus.SENT),
        ~_mailed(event, before, col(Email.status).in_(ON_ITS_WAY) | (col(Email.sent_at) > moment - wait)),
        # A list that is held has not been shown yet; a reminder that was stopped holds nothing else up.
        ~_mailed(event, (MailingKind.SHORTLIST,), is_stopped()),
        ~_mailed(event, SAYS_AS_MUCH[kind]),
        *_has_not_said(event, kind),
    )
    return [Recipient(*row) for row in session.exec(query.limit(limit))]


def expected(session: Session, event: Event, kind: MailingKind, status: ShortlistStatus) -> list[Recipient]:
    """SMEs that would get a mail of this kind as things stand, by the lists of this status."""
    query = _reachable(event, status)
    if kind != MailingKind.SHORTLIST:
        query = query.where(~_mailed(event, SAYS_AS_MUCH[kind]), *_has_not_said(event, kind))
    return [Recipient(*row) for row in session.exec(query)]


def unanswered(
    session: Session, event: Event, sme_ids: Collection[int], kind: MailingKind = MailingKind.REMINDER
) -> list[Recipient]:
    """Those of these SMEs that a reminder or last call can be written to now: there is somebody to answer about."""
    query = _reachable(event, ShortlistStatus.APPROVED).where(col(Sme.id).in_(sme_ids), *_has_not_said(event, kind))
    return [Recipient(*row) for row in session.exec(query)]


def asked(session: Session, event: Event, sme_ids: Collection[int], kind: MailingKind) -> set[int]:
    """Those of these SMEs that have somebody to answer about, whether or not a mail can be written to them now."""
    approved = Shortlist.event_id == event.id, Shortlist.status == ShortlistStatus.APPROVED
    query = select(Sme.id).join(Shortlist, col(Shortlist.sme_id) == Sme.id).where(*approved, col(Sme.id).in_(sme_ids))
    return {sme_id for sme_id in session.exec(query.where(*_has_not_said(event, kind))) if sme_id is not None}


def brokers(session: Session, event: Event) -> Sequence[tuple[Account, City]]:
    """The brokers of every city that has SMEs at the event."""
    here = (
        select(Sme.city_code)
        .join(Registration, col(Registration.sme_id) == Sme.id)
        .where(Registration.event_id == event.id)
    )
    query = (
        select(Account, City)
        .join(City, col(City.code) == Account.city_code)
        .where(Account.role == Role.BROKER, col(Account.active), col(Account.city_code).in_(here))
        .order_by(City.name, col(Account.id))
    )
    return session.exec(query).all()


def waiting_partners(session: Session, event: Event, shortlists: Collection[Shortlist]) -> set[tuple[int, int]]:
    """(SME, partner) on these lists where the SME has not answered and the partner still takes part."""
    owner = aliased(Shortlist)
    rows = session.exec(
        select(owner.sme_id, ShortlistEntry.partner_id)
        .join(owner, col(owner.id) == ShortlistEntry.shortlist_id)
        .where(
            col(owner.id).in_([shortlist.id for shortlist in shortlists]),
            _takes_part(event, ShortlistEntry.partner_id),
            ~_answered(event, owner.sme_id, ShortlistEntry.partner_id),
        )
    )
    return set(rows)


def partners_who_left(session: Session, event_id: int, sme_id: int) -> list[tuple[str, str]]:
    """Name and city of the partners on an SME's approved list that take no part any more."""
    event, partner = session.get_one(Event, event_id), aliased(Sme)
    rows = session.exec(
        select(partner.name, City.name)
        .select_from(Shortlist)
        .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
        .join(partner, col(partner.id) == ShortlistEntry.partner_id)
        .join(City, col(City.code) == partner.city_code)
        .where(
            Shortlist.event_id == event_id,
            Shortlist.sme_id == sme_id,
            Shortlist.status == ShortlistStatus.APPROVED,
            ~_takes_part(event, ShortlistEntry.partner_id),
        )
    )
    return list(rows)


def _reachable(event: Event, status: ShortlistStatus) -> Any:
    """Registered SMEs with a list of this status that take part, agreed to be mailed, and have an address."""
    return (
        select(Sme, Contact, Registration, Shortlist)
        .join(Contact, col(Contact.sme_id) == Sme.id)
        .join(Registration, (col(Registration.sme_id) == Sme.id) & (col(Registration.event_id) == event.id))
        .join(Shortlist, (col(Shortlist.sme_id) == Sme.id) & (col(Shortlist.event_id) == event.id))
        .where(
            Shortlist.status == status,
            Contact.email != "",
            _takes_part(event, Sme.id),
            _agreed(Sme.id, Purpose.MAILING),
            exists().where(col(ShortlistEntry.shortlist_id) == Shortlist.id),
        )
        .order_by(col(Sme.id))
    )


def _takes_part(event: Event, sme_id: Any) -> ColumnElement[bool]:
    partner, there = aliased(Sme), aliased(Registration)
    registered = exists().where(col(there.event_id) == event.id, col(there.sme_id) == sme_id)
    active = exists().where(col(partner.id) == sme_id, col(partner.status).not_in(INACTIVE))
    return registered & active & _agreed(sme_id, Purpose.MATCHING)


def _agreed(sme_id: Any, purpose: Purpose) -> ColumnElement[bool]:
    return exists().where(
        col(Consent.sme_id) == sme_id, col(Consent.purpose) == purpose, col(Consent.withdrawn_at).is_(None)
    )


def _mailed(event: Event, kinds: Collection[MailingKind], *how: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the SME has a mail of one of these kinds."""
    return exists().where(
        col(Email.event_id) == event.id,
        col(Email.sme_id) == Sme.id,
        col(Email.kind).in_([kind.value for kind in kinds]),
        *how,
    )


def _has_not_said(event: Event, kind: MailingKind) -> tuple[ColumnElement[bool], ...]:
    """A reminder is for who has not answered at all, a last call for who has left a partner without an answer."""
    waits = exists().where(
        col(ShortlistEntry.shortlist_id) == Shortlist.id,
        _takes_part(event, ShortlistEntry.partner_id),
        ~_answered(event, Sme.id, ShortlistEntry.partner_id),
    )
    nothing = ~exists().where(col(Interest.event_id) == event.id, col(Interest.sme_id) == Sme.id)
    return (waits, nothing) if kind == MailingKind.REMINDER else (waits,)


def _answered(event: Event, sme_id: Any, partner_id: Any) -> ColumnElement[bool]:
    said = exists().where(
        col(Interest.event_id) == event.id, col(Interest.sme_id) == sme_id, col(Interest.partner_id) == partner_id
    )
    # Said, because two levels up it would not be found by itself: any SME's answer would do.
    return said.correlate_except(Interest)

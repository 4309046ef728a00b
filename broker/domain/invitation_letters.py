"""The mails that invite SMEs, written by a worker once an organiser has invited them: one each, a few at a time."""

import logging
from collections.abc import Mapping

from sqlalchemy import exists
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import events, letters, mailings, zones
from broker.domain.invitations import closes_at, link
from broker.domain.letters import Envelope, Letter
from broker.models import City, Consent, Contact, Email, Event, Invitation, Purpose, Registration, Sme

log = logging.getLogger(__name__)
KIND = "invitation"
BATCH = 50
"""Mails of one transaction, as of mailings."""


def write_due(session: Session, settings: Settings, after: int = 0, limit: int = BATCH) -> tuple[int, int | None]:
    """Write the mails of at most `limit` invitations that have none yet; how many, and after which to go on, or None.

    So those that cannot be written hold up no others. Two at once do not meet."""
    written = exists().where(
        col(Email.event_id) == Invitation.event_id, col(Email.sme_id) == Invitation.sme_id, col(Email.kind) == KIND
    )
    registered = exists().where(
        col(Registration.event_id) == Invitation.event_id, col(Registration.sme_id) == Invitation.sme_id
    )
    agreed = exists().where(
        col(Consent.sme_id) == Invitation.sme_id,
        col(Consent.purpose) == Purpose.MAILING,
        col(Consent.withdrawn_at).is_(None),
    )
    query = (
        select(Invitation, Event, Sme, Contact)
        .join(Event, col(Event.id) == Invitation.event_id)
        .join(Sme, col(Sme.id) == Invitation.sme_id)
        .join(Contact, col(Contact.sme_id) == Invitation.sme_id)
        .where(col(Invitation.takes_part).is_(None), ~written, ~registered, agreed, Contact.email != "")
        .where(Event.starts_at > now(session), col(Invitation.id) > after)
        .order_by(col(Invitation.id))
        .limit(limit)
        .with_for_update(of=Invitation, skip_locked=True)
    )
    rows = session.exec(query).all()
    if not rows:
        return 0, None
    settings.require_secret()
    cities = {city.code: city for city in session.exec(select(City))}
    replies = letters.reply_addresses(session)
    count = sum(
        _write_one(
            session, settings, letter(settings, *row, cities, link(settings, row[0]), replies.get(row[2].city_code))
        )
        for row in rows
    )
    return count, rows[-1][0].id if len(rows) == limit else None


def _write_one(session: Session, settings: Settings, mail: Letter) -> bool:
    """Whether the mail is written. One that cannot be keeps no other from being so."""
    try:
        with session.begin_nested():
            letters.write(session, settings, *mail)
    except Exception as error:
        log.error("mail %s cannot be written: %s", mail[0].key, type(error).__name__)
        return False
    return True


def letter(
    settings: Settings,
    invitation: Invitation,
    event: Event,
    sme: Sme,
    contact: Contact,
    cities: Mapping[str, City],
    address: str,
    reply_to: str | None,
) -> Letter:
    """The mail that invites an SME; `address` is that of the page where it answers."""
    city = cities[event.city_code]
    envelope = Envelope(
        key=f"{KIND}:{event.id}:{sme.id}",
        kind=KIND,
        to_name=contact.name,
        to_address=contact.email,
        event_id=event.id,
        sme_id=sme.id,
        reply_to=reply_to,
        deadline=closes_at(event),
        window=mailings.window(event, cities[sme.city_code]),
    )
    return envelope, {
        "event": event,
        "city": city,
        "where": ", ".join(events.where(event, city)),
        **zones.of_mail(event, city),
        "until": closes_at(event),
        "sme": sme,
        "contact": contact,
        "words": invitation.words,
        "link": address,
        "demo": settings.is_demo,
    }

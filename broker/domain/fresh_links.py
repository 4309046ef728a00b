"""An SME has lost its link, or fears that another has it: it asks by its address, and gets fresh ones by mail."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from hmac import compare_digest
from zoneinfo import ZoneInfo

from itsdangerous import BadData, URLSafeSerializer
from sqlmodel import Session, col, func, select

from broker.config import Settings
from broker.db import now
from broker.domain import audit, interests, letters
from broker.domain.accounts import normal_address
from broker.domain.letters import EventLink
from broker.domain.suppressions import is_suppressed
from broker.errors import InvalidError, NotFoundError
from broker.models import City, Consent, Contact, Event, Purpose, Registration, Sme
from broker.models.events import new_link_key

RENEWAL_LIFE = timedelta(days=1)


def mail(session: Session, settings: Settings, email: str, *, renews: bool) -> None:
    """Mail each SME of this address its links to every event that is not over, if it may be mailed at all.

    The asker is told the same either way. renews: the old link got into wrong hands. It ends only when the one in the
    mail is used: who asks here has shown nothing but that they know an address."""
    for sme, contact in _reachable(session, email):
        rows = _open_registrations(session, sme)
        if rows:
            _mail(session, settings, sme, contact, rows, renews=renews)
            audit.record(session, "link page", "link.mail", f"sme:{sme.id}", events=len(rows), renews=renews)


def open_renewal(session: Session, settings: Settings, token: str, *, lock: bool = False) -> Registration:
    """The registration whose link this would renew. NotFoundError for one that is not ours, too old or used."""
    try:
        registration_id, _, expires = _signer(settings).loads(token)
    except (BadData, TypeError, ValueError):
        registration_id, expires = None, 0
    is_number = isinstance(registration_id, int) and isinstance(expires, int)
    registration = session.get(Registration, registration_id, with_for_update=lock or None) if is_number else None
    if registration is None or not _is_renewal(settings, registration, expires, token):
        raise NotFoundError("This link was used already, or does not work any more.")
    if now(session).timestamp() > expires or interests.is_over(session, registration):
        raise NotFoundError("This link is older than a day, or its workshop is over.")
    return registration


def renew(session: Session, settings: Settings, token: str) -> Registration:
    """End every older link of the registration, and mail the new one. NotFoundError as above."""
    registration = open_renewal(session, settings, token, lock=True)
    registration.link_key = new_link_key()
    session.add(registration)
    session.flush()
    sme = session.get_one(Sme, registration.sme_id)
    contact = session.exec(select(Contact).where(Contact.sme_id == sme.id)).one_or_none()
    if contact is not None and contact.email:
        event = session.get_one(Event, registration.event_id)
        city = session.get_one(City, event.city_code)
        _mail(session, settings, sme, contact, [(registration, event, city)], renews=False)
    audit.record(session, f"sme {sme.id}", "link.renew", f"event {registration.event_id}")
    return registration


def _mail(
    session: Session,
    settings: Settings,
    sme: Sme,
    contact: Contact,
    rows: Sequence[tuple[Registration, Event, City]],
    *,
    renews: bool,
) -> None:
    expires = int((now(session) + RENEWAL_LIFE).timestamp())
    events = [
        EventLink(
            event,
            city,
            ZoneInfo(event.zone),
            f"{settings.public_url}/link/{_renewal(settings, registration, expires)}"
            if renews
            else interests.link(settings, registration),
        )
        for registration, event, city in rows
    ]
    letters.fresh_links(session, settings, sme, contact, events, renews)


def _reachable(session: Session, email: str) -> Sequence[tuple[Sme, Contact]]:
    try:
        address = normal_address(email)
    except InvalidError:
        return []
    agreed = (
        col(Consent.sme_id) == Sme.id,
        col(Consent.purpose) == Purpose.MAILING,
        col(Consent.withdrawn_at).is_(None),
    )
    query = select(Sme, Contact).join(Contact, col(Contact.sme_id) == Sme.id).join(Consent, agreed[0])
    rows = session.exec(query.where(func.lower(Contact.email) == address, *agreed[1:]).order_by(col(Sme.id))).all()
    return [] if is_suppressed(session, address) else rows


def _open_registrations(session: Session, sme: Sme) -> Sequence[tuple[Registration, Event, City]]:
    query = (
        select(Registration, Event, City)
        .join(Event, col(Event.id) == Registration.event_id)
        .join(City, col(City.code) == Event.city_code)
        .where(Registration.sme_id == sme.id, Event.ends_at >= now(session))
        .order_by(col(Event.starts_at), col(Event.id))
    )
    return session.exec(query).all()


def _renewal(settings: Settings, registration: Registration, expires: int) -> str:
    return str(_signer(settings).dumps([registration.id, registration.link_key, expires]))


def _is_renewal(settings: Settings, registration: Registration, expires: int, token: str) -> bool:
    """Equal to the letter, as in `interests.open_link`; used up where the key is another by now."""
    return compare_digest(_renewal(settings, registration, expires).encode(), token.encode())


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_key, salt="renewal", signer_kwargs={"digest_method": hashlib.sha256})

"""Every mail the service writes: one function and one template folder each."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import outbox, zones
from broker.domain.cards import Card
from broker.domain.envelopes import Envelope
from broker.domain.messages import compose
from broker.domain.windows import Window
from broker.models import Account, ApiToken, City, Contact, Email, Event, Introduction, Role, Sector, Sme

__all__ = [
    "Envelope",
    "EventLink",
    "Letter",
    "ShortlistLetter",
    "account_invitation",
    "broker_of",
    "compose",
    "expiry",
    "fresh_links",
    "introductions",
    "password",
    "reply_addresses",
    "run_of",
    "shortlist",
    "sign_in",
    "token_made",
    "write",
]


@dataclass(frozen=True, slots=True)
class ShortlistLetter:
    """What the shortlist mail of one SME is made of."""

    event: Event
    city: City
    sme: Sme
    contact: Contact
    cards: list[Card]
    link: str
    reply_to: str | None
    run_id: int
    not_before: datetime | None = None
    window: Window | None = None
    replaces: bool = False
    """Whether the SME was mailed another one before."""
    new: Collection[int] = ()
    """The partners that one did not name."""


@dataclass(frozen=True, slots=True)
class EventLink:
    """An event with the link of an SME that takes part in it."""

    event: Event
    city: City
    zone: ZoneInfo
    link: str


Letter = tuple[Envelope, dict[str, Any]]
"""What `write` and `compose` take: where it goes, and what its templates are rendered with."""


def shortlist(settings: Settings, letter: ShortlistLetter) -> Letter:
    """The shortlist of one SME, ahead of the workshop."""
    event, sme = letter.event, letter.sme
    return (
        Envelope(
            key=f"shortlist:{event.id}:{sme.id}:{letter.run_id}",
            kind="shortlist",
            to_name=letter.contact.name,
            to_address=letter.contact.email,
            event_id=event.id,
            sme_id=sme.id,
            reply_to=letter.reply_to,
            deadline=event.answers_until,
            not_before=letter.not_before,
            window=letter.window,
        ),
        {
            # Only what the mail says, not whole rows: one that was drafted ahead stays good while that is the same.
            "event": {name: getattr(event, name) for name in ("name", "starts_at", "answers_until")},
            "city": {"name": letter.city.name},
            **zones.of_mail(event, letter.city),
            "sme": {"name": sme.name},
            "contact": {"name": letter.contact.name},
            "cards": letter.cards,
            "link": letter.link,
            "replaces": letter.replaces,
            "new": sorted(letter.new),
            "demo": settings.is_demo,
        },
    )


def run_of(key: str) -> int:
    """The match run a shortlist mail of this key is about."""
    return int(key.rpartition(":")[2])


def introductions(session: Session, settings: Settings, event: Event, introduction: Introduction) -> list[Letter]:
    """One letter to each of two SMEs that both said yes, with the other's contact data."""
    sides = {sme_id: _side(session, sme_id) for sme_id in (introduction.a_id, introduction.b_id)}
    city = session.get_one(City, event.city_code)
    replies = reply_addresses(session)
    written: list[Letter] = []
    for own_id, other_id in ((introduction.a_id, introduction.b_id), (introduction.b_id, introduction.a_id)):
        own, other = sides[own_id], sides[other_id]
        contact: Contact | None = own["contact"]
        if contact is None or not contact.email:
            continue
        envelope = Envelope(
            key=f"introduction:{event.id}:{introduction.id}:{own_id}",
            kind="introduction",
            to_name=contact.name,
            to_address=contact.email,
            event_id=event.id,
            sme_id=own_id,
            reply_to=replies.get(own["sme"].city_code),
            deadline=event.ends_at,
        )
        context = {"event": event, "city": city, "own": own, "other": other, "demo": settings.is_demo}
        written.append((envelope, context | zones.of_mail(event, city)))
    return written


def _side(session: Session, sme_id: int) -> dict[str, Any]:
    sme = session.get_one(Sme, sme_id)
    return {
        "sme": sme,
        "city": session.get_one(City, sme.city_code),
        "sector": session.get(Sector, sme.sector_code) if sme.sector_code else None,
        "contact": session.exec(select(Contact).where(Contact.sme_id == sme_id)).one_or_none(),
    }


def sign_in(session: Session, settings: Settings, account: Account, url: str) -> Email:
    """The link by which an account signs in without its password."""
    return _with_a_key(session, settings, account, "sign_in", url)


def password(session: Session, settings: Settings, account: Account, url: str) -> Email:
    """The link by which an account sets another password."""
    return _with_a_key(session, settings, account, "password", url)


def account_invitation(session: Session, settings: Settings, account: Account, url: str) -> Email:
    """The link by which somebody takes over the account made for them."""
    city = session.get(City, account.city_code) if account.city_code else None
    deadline = now(session) + timedelta(days=2)
    return _with_a_key(session, settings, account, "account_invitation", url, deadline, city=city)


def token_made(session: Session, settings: Settings, account: Account, token: ApiToken, may: str) -> Email:
    """Tell an account that it has another API token, in case it was not its owner who made it. Nothing secret."""
    envelope = Envelope(
        key=f"token_made:{token.id}:{secrets.token_hex(8)}",
        kind="token_made",
        to_name=account.name,
        to_address=account.email,
        deadline=now(session) + timedelta(days=2),
    )
    context = {
        "account": account,
        "token": token,
        "may": may,
        "day": f"{token.expires_at.day} {token.expires_at:%B %Y}",
    }
    return write(session, settings, envelope, context | {"link": settings.public_url, "demo": settings.is_demo})


def _with_a_key(
    session: Session,
    settings: Settings,
    account: Account,
    kind: str,
    url: str,
    deadline: datetime | None = None,
    **context: Any,
) -> Email:
    envelope = Envelope(
        key=f"{kind}:{account.id}:{secrets.token_hex(8)}",
        kind=kind,
        to_name=account.name,
        to_address=account.email,
        deadline=deadline,
    )
    everything = {"account": account, "link": url, "demo": settings.is_demo, **context}
    return write(session, settings, envelope, everything)


def fresh_links(
    session: Session, settings: Settings, sme: Sme, contact: Contact, events: Sequence[EventLink], renews: bool
) -> Email:
    """An SME's links, each to its page at an event; where `renews`, to one that ends the old link first."""
    envelope = Envelope(
        key=f"fresh_link:{sme.id}:{secrets.token_hex(8)}",
        kind="fresh_link",
        to_name=contact.name,
        to_address=contact.email,
        sme_id=sme.id,
        reply_to=reply_addresses(session).get(sme.city_code),
        deadline=now(session) + timedelta(days=1),
    )
    context = {"sme": sme, "contact": contact, "events": events, "renews": renews, "demo": settings.is_demo}
    return write(session, settings, envelope, context)


def undelivered(session: Session, settings: Settings, email: Email, reason: str) -> Email | None:
    """Tell the broker of an SME's city that a mail to the SME cannot be delivered; None where there is nobody to tell.

    reason: what the mail server said."""
    sme = session.get(Sme, email.sme_id) if email.sme_id is not None else None
    account = broker_of(session, sme.city_code) if sme is not None else None
    if sme is None or account is None:
        return None
    envelope = Envelope(
        key=f"undelivered:{email.id}",
        kind="undelivered",
        to_name=account.name,
        to_address=account.email,
        event_id=email.event_id,
        sme_id=sme.id,  # so that it goes when the SME is erased: it names its address
        deadline=now(session) + timedelta(days=2),
    )
    link = f"{settings.public_url}/smes/{sme.id}/edit/contact"
    context = {"account": account, "sme": sme, "email": email, "reason": reason, "link": link}
    return write(session, settings, envelope, context | {"demo": settings.is_demo})


def expiry(session: Session, settings: Settings, sme: Sme, account: Account, expires_at: datetime) -> Email:
    """Tell the broker of an SME's city that its profile expires unless it is still true."""
    envelope = Envelope(
        key=f"expiry:{sme.id}:{expires_at:%Y%m%dT%H%M%S}",
        kind="expiry",
        to_name=account.name,
        to_address=account.email,
        sme_id=sme.id,  # so that it goes when the SME is erased: it names it
        deadline=expires_at,
    )
    local = expires_at.astimezone(ZoneInfo(session.get_one(City, sme.city_code).timezone))
    context = {"account": account, "sme": sme, "day": f"{local.day} {local:%B %Y}", "demo": settings.is_demo}
    return write(session, settings, envelope, context | {"link": f"{settings.public_url}/smes/{sme.id}"})


def broker_of(session: Session, city_code: str) -> Account | None:
    """The broker of a city to whom its mails and its SMEs' replies go; None where it has none."""
    of_city = Account.role == Role.BROKER, Account.city_code == city_code, col(Account.active)
    return session.exec(select(Account).where(*of_city).order_by(col(Account.id)).limit(1)).first()


def reply_addresses(session: Session) -> dict[str, str]:
    """By city: the address of its broker, to whom an SME's reply goes."""
    brokers = select(Account).where(Account.role == Role.BROKER, col(Account.active)).order_by(col(Account.id).desc())
    return {account.city_code: account.email for account in session.exec(brokers) if account.city_code}


def write(session: Session, settings: Settings, envelope: Envelope, context: Mapping[str, Any]) -> Email:
    """Queue the mail as it is now, so that what is sent is what was approved (law 5)."""
    return outbox.write(
        session,
        compose(session, settings, envelope, context),
        envelope.key,
        envelope.kind,
        envelope.event_id,
        envelope.sme_id,
        envelope.deadline,
        not_before=envelope.not_before,
        window=envelope.window,
    )

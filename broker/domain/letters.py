"""Every mail the service writes: one function and one template folder each, rendered to a fixed message."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session, col, select

from broker.config import TEMPLATES, Settings
from broker.db import now
from broker.domain import outbox
from broker.domain.cards import Card
from broker.domain.windows import Window
from broker.models import Account, City, Contact, Email, Event, Introduction, Role, Sector, Sme


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a mail goes and what it is for."""

    key: str
    kind: str
    to_name: str
    to_address: str
    event_id: int | None = None
    sme_id: int | None = None
    reply_to: str | None = None
    deadline: datetime | None = None
    """When it is of no use any more; a failed delivery is tried again until then."""
    not_before: datetime | None = None
    window: Window | None = None
    """At which hours of the recipient it may leave; none: at any."""


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


def shortlist(session: Session, settings: Settings, letter: ShortlistLetter) -> Email:
    """The shortlist of one SME, ahead of the workshop."""
    event, sme = letter.event, letter.sme
    return _write(
        session,
        settings,
        Envelope(
            key=f"shortlist:{event.id}:{sme.id}:{letter.run_id}",
            kind="shortlist",
            to_name=letter.contact.name,
            to_address=letter.contact.email,
            event_id=event.id,
            sme_id=sme.id,
            reply_to=letter.reply_to,
            deadline=event.answers_until,
        ),
        {
            "event": event,
            "city": letter.city,
            "zone": ZoneInfo(letter.city.timezone),
            "sme": sme,
            "contact": letter.contact,
            "cards": letter.cards,
            "link": letter.link,
            "demo": settings.is_demo,
        },
    )


def run_of(key: str) -> int:
    """The match run a shortlist mail of this key is about."""
    return int(key.rpartition(":")[2])


def introductions(session: Session, settings: Settings, event: Event, introduction: Introduction) -> list[Email]:
    """One mail to each of two SMEs that both said yes, with the other's contact data."""
    sides = {sme_id: _side(session, sme_id) for sme_id in (introduction.a_id, introduction.b_id)}
    city = session.get_one(City, event.city_code)
    replies = reply_addresses(session)
    mails = []
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
        context = {"event": event, "city": city, "zone": ZoneInfo(city.timezone), "own": own, "other": other}
        mails.append(_write(session, settings, envelope, context | {"demo": settings.is_demo}))
    return mails


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
    envelope = Envelope(
        key=f"sign_in:{account.id}:{secrets.token_hex(8)}",
        kind="sign_in",
        to_name=account.name,
        to_address=account.email,
    )
    return _write(session, settings, envelope, {"account": account, "link": url, "demo": settings.is_demo})


def undelivered(session: Session, settings: Settings, email: Email, reason: str) -> Email | None:
    """Tell the broker of an SME's city that a mail to the SME cannot be delivered; None where there is nobody to tell.

    reason: what the mail server said."""
    sme = session.get(Sme, email.sme_id) if email.sme_id is not None else None
    account = _broker(session, sme.city_code) if sme is not None else None
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
    link = f"{settings.public_url}/smes/{sme.id}/edit"
    context = {"account": account, "sme": sme, "email": email, "reason": reason, "link": link}
    return _write(session, settings, envelope, context | {"demo": settings.is_demo})


def _broker(session: Session, city_code: str) -> Account | None:
    """The one to whom replies go, too."""
    of_city = Account.role == Role.BROKER, Account.city_code == city_code, col(Account.active)
    return session.exec(select(Account).where(*of_city).order_by(col(Account.id)).limit(1)).first()


def reply_addresses(session: Session) -> dict[str, str]:
    """By city: the address of its broker, to whom an SME's reply goes."""
    brokers = select(Account).where(Account.role == Role.BROKER, col(Account.active)).order_by(col(Account.id).desc())
    return {account.city_code: account.email for account in session.exec(brokers) if account.city_code}


def _write(session: Session, settings: Settings, envelope: Envelope, context: Mapping[str, Any]) -> Email:
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


def compose(session: Session, settings: Settings, envelope: Envelope, context: Mapping[str, Any]) -> EmailMessage:
    """The whole message, rendered from its kind's three templates; nothing is queued."""
    text = {part: _render(f"{envelope.kind}/{part}", context) for part in ("subject.txt", "body.txt", "body.html")}
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit", utf8=False))
    sender_name, sender = parseaddr(settings.mail_from)
    message["From"] = Address(sender_name, addr_spec=sender)
    message["To"] = Address(_one_line(envelope.to_name), addr_spec=envelope.to_address)
    if envelope.reply_to:
        message["Reply-To"] = Address(addr_spec=envelope.reply_to)
    message["Subject"] = _one_line(text["subject.txt"])
    message["Date"] = format_datetime(now(session))
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{urlsplit(settings.public_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text["body.txt"], cte="quoted-printable")
    message.add_alternative(css_inline.inline(text["body.html"]), subtype="html", cte="quoted-printable")
    return message


def _one_line(text: str) -> str:
    """A header is one line; anything else would be another header."""
    return " ".join(text.split())


@lru_cache(maxsize=1)
def _environments() -> dict[str, Environment]:
    """HTML is escaped, text is not: said here for each, because file names alone would not do it."""
    loader = FileSystemLoader(TEMPLATES / "emails")
    return {
        kind: Environment(
            loader=loader,
            autoescape=kind == "html",  # noqa: S701 - plain text must not be escaped
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for kind in ("txt", "html")
    }


def _render(name: str, context: Mapping[str, Any]) -> str:
    return _environments()[name.rpartition(".")[2]].get_template(name).render(context)

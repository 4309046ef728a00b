"""The letters that follow a shortlist: the reminder and the last call to an SME, the summary to its broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.config import Settings
from broker.domain import zones
from broker.domain.cards import Card
from broker.domain.letters import Envelope, Letter
from broker.domain.windows import Window
from broker.models import Account, City, Contact, Event, MailingKind, Sme


@dataclass(frozen=True, slots=True)
class ReminderLetter:
    """What the reminder or last call of one SME is made of; `cards` are the partners it has not answered."""

    event: Event
    city: City
    sme: Sme
    contact: Contact
    cards: list[Card]
    link: str
    reply_to: str | None
    moment: datetime
    window: Window


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """How an SME stands: how many of its partners it has answered, None where it has no shortlist."""

    sme: Sme
    partners: int
    answered: int


@dataclass(frozen=True, slots=True)
class SummaryLetter:
    """What the summary to the broker of a city is made of."""

    event: Event
    city: City
    account: Account
    home: City
    rows: Sequence[SummaryRow]
    introductions: Sequence[tuple[str, str]]
    undelivered: Sequence[tuple[str, str, str]]
    """Name of the SME, kind of mail, reason."""
    window: Window


def reminder(settings: Settings, letter: ReminderLetter) -> Letter:
    """The one reminder to an SME that has not answered at all."""
    return _to_sme(settings, letter, MailingKind.REMINDER)


def last_call(settings: Settings, letter: ReminderLetter) -> Letter:
    """The last word to an SME that still has partners without an answer."""
    return _to_sme(settings, letter, MailingKind.LAST_CALL)


def _to_sme(settings: Settings, letter: ReminderLetter, kind: MailingKind) -> Letter:
    event = letter.event
    envelope = Envelope(
        key=f"{kind}:{event.id}:{letter.sme.id}",
        kind=kind,
        to_name=letter.contact.name,
        to_address=letter.contact.email,
        event_id=event.id,
        sme_id=letter.sme.id,
        reply_to=letter.reply_to,
        deadline=event.answers_until,
        window=letter.window,
    )
    context = _context(settings, event, letter.city) | {
        "sme": letter.sme,
        "contact": letter.contact,
        "cards": letter.cards,
        "link": letter.link,
        "left": zones.time_left(letter.moment, event.answers_until, event.zone),
    }
    return envelope, context


def summary(settings: Settings, letter: SummaryLetter) -> Letter:
    """How a broker's SMEs stand: who has answered, who was introduced, whose mail did not arrive."""
    event = letter.event
    envelope = Envelope(
        key=f"{MailingKind.SUMMARY}:{event.id}:{letter.account.id}",
        kind=MailingKind.SUMMARY,
        to_name=letter.account.name,
        to_address=letter.account.email,
        event_id=event.id,
        deadline=event.ends_at,
        window=letter.window,
    )
    context = _context(settings, event, letter.city) | {
        "account": letter.account,
        "home": letter.home,
        "answered": [row for row in letter.rows if row.answered],
        "silent": [row for row in letter.rows if row.partners and not row.answered],
        "without": [row for row in letter.rows if not row.partners and not row.answered],
        "total": len(letter.rows),
        "introductions": letter.introductions,
        "undelivered": letter.undelivered,
        "link": f"{settings.public_url}/smes",
    }
    return envelope, context


def _context(settings: Settings, event: Event, city: City) -> dict[str, Any]:
    return {"event": event, "city": city, "demo": settings.is_demo} | zones.of_mail(event, city)

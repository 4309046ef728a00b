"""What the summary to a city's broker tells: gathered as it is now."""

from collections import Counter

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.domain import reminders
from broker.domain.letters import Letter
from broker.domain.mailings.plan import TITLES, window
from broker.domain.outbox import ANSWERED, LAST_CALLED, LEFT, SUPERSEDED, TO_REWRITE
from broker.domain.reminders import SummaryLetter, SummaryRow
from broker.models import (
    Account,
    City,
    Email,
    EmailStatus,
    Event,
    Interest,
    Introduction,
    Registration,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
)

UNDELIVERED = (EmailStatus.FAILED, EmailStatus.SUPPRESSED)


def summary_letter(session: Session, settings: Settings, event: Event, account: Account, home: City) -> Letter:
    """How the SMEs of a broker's city stand now."""
    return reminders.summary(
        settings,
        SummaryLetter(
            event=event,
            city=session.get_one(City, event.city_code),
            account=account,
            home=home,
            rows=_standing(session, event, home),
            introductions=_introductions(session, event, home),
            undelivered=_undelivered(session, event, home),
            window=window(event, home),
        ),
    )


def _standing(session: Session, event: Event, home: City) -> list[SummaryRow]:
    here = (
        select(Sme)
        .join(Registration, col(Registration.sme_id) == Sme.id)
        .where(Registration.event_id == event.id, Sme.city_code == home.code)
    )
    listed = set(
        session.exec(
            select(Shortlist.sme_id, ShortlistEntry.partner_id)
            .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
            .where(Shortlist.event_id == event.id, Shortlist.status == ShortlistStatus.APPROVED)
        )
    )
    answered = set(session.exec(select(Interest.sme_id, Interest.partner_id).where(Interest.event_id == event.id)))
    partners = Counter(sme_id for sme_id, _ in listed)
    replies = Counter(sme_id for sme_id, _ in answered & listed)
    smes = session.exec(here.order_by(Sme.name, col(Sme.id)))
    return [SummaryRow(sme, partners[sme.id], replies[sme.id]) for sme in smes]


def _introductions(session: Session, event: Event, home: City) -> list[tuple[str, str]]:
    """(SME of the city, the other), by name; a pair of the same city once."""
    a, b = aliased(Sme), aliased(Sme)
    rows = session.exec(
        select(a, b)
        .select_from(Introduction)
        .join(a, col(a.id) == Introduction.a_id)
        .join(b, col(b.id) == Introduction.b_id)
        .where(Introduction.event_id == event.id, (a.city_code == home.code) | (b.city_code == home.code))
    )
    return sorted(
        (one.name, other.name) if one.city_code == home.code else (other.name, one.name) for one, other in rows
    )


def _undelivered(session: Session, event: Event, home: City) -> list[tuple[str, str, str]]:
    rows = session.exec(
        select(Sme.name, Email.kind, Email.status, Email.error)
        .join(Email, col(Email.sme_id) == Sme.id)
        .where(
            Email.event_id == event.id,
            Sme.city_code == home.code,
            col(Email.status).in_(UNDELIVERED),
            col(Email.error).not_in((SUPERSEDED, LAST_CALLED, ANSWERED, LEFT, TO_REWRITE)),
        )
        .order_by(Sme.name, col(Email.id))
    )
    titles = {kind.value: title for kind, title in TITLES.items()} | {"invitation": "Invitation"}
    return [
        (name, titles.get(kind, kind), error or "the address is not to be mailed") for name, kind, status, error in rows
    ]

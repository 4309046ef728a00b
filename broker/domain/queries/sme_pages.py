"""What an SME's own page shows: its event, its shortlist, how far its answers are, whom it can ask."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, select

from broker.db import now
from broker.domain import cards, interests, letters, zones
from broker.domain.cards import Card, Introduced
from broker.domain.newcomers import newcomers
from broker.domain.queries.shortlists import ListRow, approved_for
from broker.domain.records import load_record
from broker.domain.zones import Zone
from broker.models import Account, City, Event, Registration, Sector, ShortlistEntry, Sme


@dataclass(frozen=True, slots=True)
class OwnPage:
    """An SME at an event. `left`: partners on its list that do not take part any more; `gone`: how many were erased."""

    event: Event
    city: City
    sme: Sme
    broker: Account | None
    organiser: Account | None
    """Whom to ask where the city has no broker."""
    row: ListRow | None
    introduced: list[Introduced]
    """From earlier shortlists: they stay, with their contacts."""
    introduced_at: dict[int, datetime]
    left: frozenset[int]
    gone: int
    new: frozenset[int]
    """Partners that the shortlists mailed to it before did not name."""
    moment: datetime
    """At which all of this is so."""

    @property
    def zone(self) -> Zone:
        """That the event's times are told in."""
        return zones.of_event(self.event, self.city)

    @property
    def cards(self) -> list[Card]:
        """The partners of the list, the best first."""
        return self.row.cards if self.row else []

    @property
    def can_answer(self) -> bool:
        """Whether answers can still be given or changed."""
        return self.moment <= self.event.answers_until

    @property
    def closes(self) -> str:
        """When answers close, in words; to be asked while they can be given."""
        return zones.time_left(self.moment, self.event.answers_until, self.event.zone)

    @property
    def unanswered(self) -> list[Card]:
        """Partners that wait for an answer, in the order of the list."""
        return [card for card in self.cards if card.answer is None and card.partner_id not in self.left]

    @property
    def answered(self) -> int:
        """How many partners it answered about."""
        return sum(card.answer is not None for card in self.cards)

    @property
    def to_answer(self) -> int:
        """Of how many that is: those who left without an answer are not asked about."""
        return self.answered + len(self.unanswered)

    def next_after(self, partner_id: int) -> Card | None:
        """The next unanswered partner down the list, else the first one from its top."""
        ids = [card.partner_id for card in self.cards]
        place = ids.index(partner_id) if partner_id in ids else -1
        later = [card for card in self.unanswered if ids.index(card.partner_id) > place]
        return next(iter(later or self.unanswered), None)


def own_page(session: Session, registration: Registration) -> OwnPage:
    """All that the page of one SME at one event shows, in a fixed number of queries."""
    event = session.get_one(Event, registration.event_id)
    sme = session.get_one(Sme, registration.sme_id)
    row = approved_for(session, registration)
    on_list = {card.partner_id for card in row.cards} if row else set()
    introduced = cards.introduced(session, event.id, sme.id)
    broker = letters.broker_of(session, sme.city_code)
    return OwnPage(
        event=event,
        city=session.get_one(City, event.city_code),
        sme=sme,
        broker=broker,
        organiser=None if broker or not event.organiser_id else session.get(Account, event.organiser_id),
        row=row,
        introduced=[partner for partner in introduced if partner.partner_id not in on_list],
        introduced_at={partner.partner_id: partner.made_at for partner in introduced},
        left=frozenset(interests.who_left(session, event.id, on_list)),
        gone=_gone(session, row) if row else 0,
        new=newcomers(session, event.id, [row.shortlist]).get(sme.id, frozenset()) if row else frozenset(),
        moment=now(session),
    )


def _gone(session: Session, row: ListRow) -> int:
    """Ranks were given without gaps: one is left only where a firm was erased. (Nobody misses the last one.)"""
    last = select(func.max(ShortlistEntry.rank)).where(ShortlistEntry.shortlist_id == row.shortlist.id)
    return (session.exec(last).one() or 0) - len(row.cards)


@dataclass(frozen=True, slots=True)
class Seen:
    """A profile as other firms meet it on their shortlists: their reasons quote its texts."""

    city: str
    sector: str
    group: str
    facts: dict[str, Any]


def seen_by_others(session: Session, sme: Sme) -> Seen:
    """What others are shown of an SME, without its contact and website: those only once both said yes."""
    facts = load_record(session, sme).facts
    shown = ("hub", "description", "language", "languages", "markets", "offers", "needs")
    sector = session.get(Sector, sme.sector_code) if sme.sector_code else None
    return Seen(
        city=session.get_one(City, sme.city_code).name,
        sector=sector.name if sector else "",
        group=sector.group if sector else "",
        facts={name: facts[name] for name in shown},
    )

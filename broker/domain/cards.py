"""What an SME is shown of a partner, the same on its page and in its mail."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from babel import Locale
from sqlmodel import Session, col, select

from broker.domain.contact_texts import without_contact
from broker.models import (
    Answer,
    City,
    Contact,
    Hub,
    Interest,
    Introduction,
    Match,
    Sector,
    Shortlist,
    ShortlistEntry,
    Sme,
)

ENGLISH = Locale("en")
DISTANCE = {
    "close": "You write of much the same things: you will understand each other quickly.",
    "near": "You write of neighbouring things: something to talk about and something to learn.",
    "far": "You write of quite different things: a partner to explore with.",
}
# By the engine's code: what is said when the reader's own profile lacks it, and when the partner's does.
MISSING = {
    "needs_missing": ("You have not said yet what you look for.", "They have not said yet what they look for."),
    "offers_missing": ("You have not said yet what you offer.", "They have not said yet what they offer."),
    "nothing_offered_for": (
        "Nothing they offer answers what you look for.",
        "Nothing you offer answers what they look for.",
    ),
    "languages_unknown": (
        "You have not said yet which languages you work in.",
        "They have not said yet which languages they work in.",
    ),
    "sector_unknown": ("", "Their sector is not confirmed yet."),
}
NO_MARKETS = "Neither of you has named the other’s country as a target market."


@dataclass(frozen=True, slots=True)
class Quote:
    """Two sentences in the firms' own words that answer each other, and how well they do."""

    need: str
    offer: str
    strength: str
    stated: bool
    """Whether the second is an offer somebody made; else it is a sentence of their description."""


@dataclass(frozen=True, slots=True)
class Card:
    """One partner on one SME's shortlist. `contact` and `website` are set only after both said yes (law 7)."""

    partner_id: int
    name: str
    city: str
    city_code: str
    hub: str
    sector: str
    sector_code: str | None
    group: str
    languages: tuple[str, ...]
    markets: tuple[str, ...]
    website: str
    strength: float
    you_need: Quote | None
    they_need: Quote | None
    distance: str
    missing: tuple[str, ...]
    shares: dict[str, float]
    """What each criterion adds to the strength, for whoever reviews the pair."""
    answer: Answer | None
    reason: str
    """Why it answered so, if it said: not for the partner."""
    contact: Contact | None


def for_shortlists(session: Session, shortlists: Collection[Shortlist]) -> dict[int, list[Card]]:
    """The cards of each shortlist by its SME's id, best partner first; a fixed number of queries."""
    by_id = {shortlist.id: shortlist for shortlist in shortlists}
    cards: dict[int, list[Card]] = {shortlist.sme_id: [] for shortlist in shortlists}
    rows = session.exec(
        select(ShortlistEntry, Match, Sme, City)
        .join(Match, col(Match.id) == ShortlistEntry.match_id)
        .join(Sme, col(Sme.id) == ShortlistEntry.partner_id)
        .join(City, col(City.code) == Sme.city_code)
        .where(col(ShortlistEntry.shortlist_id).in_(by_id))
        .order_by(col(ShortlistEntry.rank))
    ).all()
    sectors = {sector.code: sector for sector in session.exec(select(Sector))}
    hub_ids = {partner.hub_id for _, _, partner, _ in rows}
    hubs = {hub.id: hub for hub in session.exec(select(Hub).where(col(Hub.id).in_(hub_ids)))}
    events = {shortlist.event_id for shortlist in shortlists}
    answers = _answers(session, events, cards)
    contacts = _disclosed_contacts(session, events, cards)
    for entry, match, partner, city in rows:
        shortlist = by_id[entry.shortlist_id]
        pair = (shortlist.event_id, shortlist.sme_id, entry.partner_id)
        cards[shortlist.sme_id].append(
            _card(
                shortlist.sme_id,
                match,
                partner,
                city,
                hubs.get(partner.hub_id or 0),
                sectors.get(partner.sector_code or ""),
                answers.get(pair),
                contacts.get(pair),
            )
        )
    return cards


def _card(
    sme_id: int,
    match: Match,
    partner: Sme,
    city: City,
    hub: Hub | None,
    sector: Sector | None,
    interest: Interest | None,
    contact: Contact | None,
) -> Card:
    own, theirs = ("a", "b") if match.a_id == sme_id else ("b", "a")
    evidence = match.evidence
    return Card(
        partner_id=partner.id,
        name=partner.name,
        city=city.name,
        city_code=city.code,
        hub=hub.name if hub else "",
        sector=sector.name if sector else "",
        sector_code=partner.sector_code,
        group=sector.group if sector else "",
        languages=_names(partner.languages, ENGLISH.languages),
        markets=_names(partner.markets, ENGLISH.territories),
        website=partner.website if contact else "",  # it leads to their contact data (law 7)
        strength=match.strength,
        you_need=_told(quote_of(evidence.get(f"{own}_to_{theirs}")), contact),
        they_need=_told(quote_of(evidence.get(f"{theirs}_to_{own}")), contact),
        distance=DISTANCE.get(evidence.get("distance", ""), ""),
        missing=tuple(missing_in_words(evidence.get("missing", []), sme_id)),
        shares=evidence.get("shares", {}),
        answer=interest.answer if interest else None,
        reason=interest.reason if interest else "",
        contact=contact,
    )


@dataclass(frozen=True, slots=True)
class Introduced:
    """A partner both said yes to: who it is and how to reach it."""

    partner_id: int
    name: str
    city: str
    website: str
    contact: Contact | None
    made_at: datetime


def introduced(session: Session, event_id: int, sme_id: int) -> list[Introduced]:
    """Everybody an SME was introduced to at an event, whether or not still on its shortlist."""
    pairs = session.exec(
        select(Introduction)
        .where(
            Introduction.event_id == event_id,
            (col(Introduction.a_id) == sme_id) | (col(Introduction.b_id) == sme_id),
        )
        .order_by(col(Introduction.made_at))
    ).all()
    others = {row.b_id if row.a_id == sme_id else row.a_id: row.made_at for row in pairs}
    found = {
        sme.id: Introduced(sme.id, sme.name, city.name, sme.website, contact, others[sme.id])
        for sme, city, contact in session.exec(
            select(Sme, City, Contact)
            .join(City, col(City.code) == Sme.city_code)
            .outerjoin(Contact, col(Contact.sme_id) == Sme.id)
            .where(col(Sme.id).in_(others))
        )
    }
    return [found[other] for other in others]


def missing_in_words(codes: Iterable[str], sme_id: int) -> list[str]:
    """What a pair lacks, a sentence each, said to one of the two."""
    words = []
    for code in codes:
        kind, _, detail = code.partition(":")
        if kind == "no_shared_language_but":
            words.append(f"{ENGLISH.languages.get(detail, detail)} is the only working language you share.")
        elif kind == "no_market_overlap":
            words.append(NO_MARKETS)
        elif kind in MISSING:
            words.append(MISSING[kind][0 if detail == str(sme_id) else 1])
    return [sentence for sentence in words if sentence]


def quote_of(evidence: dict[str, Any] | None) -> Quote | None:
    """The engine's evidence of one direction, as it is shown; None where nothing can be quoted."""
    if evidence is None:
        return None
    stated = evidence.get("source", "offer") == "offer"
    return Quote(evidence["need"], evidence["offer"], evidence["strength"], stated)


def _told(quote: Quote | None, contact: Contact | None) -> Quote | None:
    """A quote without the addresses and numbers somebody typed into it, until both said yes (law 7)."""
    if quote is None or contact is not None:
        return quote
    return replace(quote, need=without_contact(quote.need), offer=without_contact(quote.offer))


def _names(codes: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(code, code) for code in codes)


def _answers(
    session: Session, events: Collection[int], sme_ids: Collection[int]
) -> dict[tuple[int, int, int], Interest]:
    rows = session.exec(select(Interest).where(col(Interest.event_id).in_(events), col(Interest.sme_id).in_(sme_ids)))
    return {(row.event_id, row.sme_id, row.partner_id): row for row in rows}


def _disclosed_contacts(
    session: Session, events: Collection[int], sme_ids: Collection[int]
) -> dict[tuple[int, int, int], Contact]:
    """Contacts by (event, SME that may see it, partner): only where an introduction was made."""
    introductions = session.exec(
        select(Introduction).where(
            col(Introduction.event_id).in_(events),
            col(Introduction.a_id).in_(sme_ids) | col(Introduction.b_id).in_(sme_ids),
        )
    ).all()
    ids = {sme_id for row in introductions for sme_id in (row.a_id, row.b_id)}
    contacts = {row.sme_id: row for row in session.exec(select(Contact).where(col(Contact.sme_id).in_(ids)))}
    seen = {
        (row.event_id, own, other): contacts.get(other)
        for row in introductions
        for own, other in ((row.a_id, row.b_id), (row.b_id, row.a_id))
    }
    return {key: contact for key, contact in seen.items() if contact is not None}

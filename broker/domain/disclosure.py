"""Which firms a broker is told by name: those of the own city, and of other cities those that both sides said yes with.

All others are told as what they are and where, "A games studio" in Berlin, and their quotes lose their name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from broker.domain.cards import Card, Quote
from broker.domain.contact_texts import without_contact
from broker.domain.keys import read_table, text_key
from broker.domain.names import name_key
from broker.domain.places import sector_rows
from broker.models import Introduction, Sme

CUT = "[name]"
WORD = re.compile(r"\w+")
MOST_WORDS = 40
"""A name is not longer; so a long text takes no longer than its length."""
SHORTEST_STEM, LONGEST_ENDING = 5, 3
"""Letters: shorter ones begin too many other words."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What the brokers of a city may know. `pairs`: whoever was introduced to whom, both orders."""

    city: str | None
    """None: an administrator, who knows every name."""
    pairs: frozenset[tuple[int, int]] = frozenset()

    def names(self, partner_id: int, city: str, own: Iterable[int]) -> bool:
        """Whether a firm is told by name to the brokers of these SMEs of their own."""
        return self.city in (None, city) or any((sme_id, partner_id) in self.pairs for sme_id in own)


def to_city(session: Session, city: str | None) -> Disclosure:
    """What the brokers of a city may know now; one query, none for an administrator."""
    if city is None:
        return Disclosure(None)
    a, b = aliased(Sme), aliased(Sme)
    found = session.exec(
        select(Introduction.a_id, Introduction.b_id)
        .join(a, col(a.id) == Introduction.a_id)
        .join(b, col(b.id) == Introduction.b_id)
        .where((col(a.city_code) == city) | (col(b.city_code) == city))
    ).all()
    return Disclosure(city, frozenset((one, other) for pair in found for one, other in (pair, pair[::-1])))


def described(sector_code: str | None) -> str:
    """What a firm of this sector is called where its name is not told: "A games studio"."""
    return next((row["firm"] for row in sector_rows() if row["code"] == sector_code), "A firm")


def card_for(disclosure: Disclosure, sme_id: int, card: Card) -> Card:
    """A partner on the shortlist of an SME as its broker may see it."""
    if disclosure.names(card.partner_id, card.city_code, [sme_id]):
        return card
    return replace(
        card,
        name=described(card.sector_code),
        hub="",
        website="",
        you_need=quote_without(card.you_need, card.name),
        they_need=quote_without(card.they_need, card.name),
        contact=None,
    )


def quote_without(quote: Quote | None, name: str) -> Quote | None:
    """A quote in which neither sentence tells the name."""
    return quote and replace(quote, need=without_name(quote.need, name), offer=without_name(quote.offer, name))


def without_name(text: str, name: str) -> str:
    """`text` without the firm's name, whatever its case, accents and legal form, and without addresses and telephone
    numbers. Other names stay, those of people too: nothing tells them from words."""
    text = without_contact(text, CUT)
    wanted = name_key(name)
    words = list(WORD.finditer(text))
    for place in reversed(range(len(words))):
        size = _size_of_name([word[0] for word in words[place : place + MOST_WORDS]], wanted)
        if size:
            text = text[: words[place].start()] + CUT + text[words[place + size - 1].end() :]
    return text


def _size_of_name(words: list[str], wanted: str) -> int:
    """How many of the first words are the name, also where they are written as one or in parts; 0 if they are not."""
    whole, read = wanted.replace(" ", ""), ""
    for size, word in enumerate(words, start=1):
        read += text_key(word).replace(" ", "")
        if read == whole:
            return size
        if not whole.startswith(read):
            break
    return 1 if words[0][0].isupper() and _is_form_of(text_key(words[0]), _short(wanted)) else 0


def _is_form_of(word: str, short: str | None) -> bool:
    """Whether a word is the name, also with an ending: "Medilabem", "Skaidros". Of the ten languages five decline."""
    if short is None or word == short:
        return word == short
    stem = short.rstrip("aeiouy")
    is_declined = len(stem) >= SHORTEST_STEM and word.startswith(stem) and len(word) <= len(short) + LONGEST_ENDING
    return is_declined and word not in _ordinary_words()


def _short(wanted: str) -> str | None:
    """What a firm calls itself in a sentence: the first word of its name, unless everybody uses that word."""
    first = wanted.split()[0]
    return first if len(first) > 3 and first not in _ordinary_words() else None


@lru_cache(maxsize=1)
def _ordinary_words() -> frozenset[str]:
    """The words of sectors, cities, and of what firms of all kinds write, in ten languages."""
    cells = [
        cell
        for table in ("sectors.csv", "cities.csv", "background.csv")
        for row in read_table(table)
        for cell in row.values()
    ]
    return frozenset(text_key(" ".join(cells)).split())

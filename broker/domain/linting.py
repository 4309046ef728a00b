"""What is vague in an offer or need, and what to ask back: a pure function over one statement.

The words it knows are in data/vague_words.csv, in the network's ten languages. It would rather miss a vague statement
than find fault with a clear one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from broker.domain.drafts import LONGEST, MOST
from broker.domain.keys import read_table, split_words, text_key
from broker.models import StatementKind

SHORTEST, SHORTEST_OF_TWO = 15, 20
"""Characters, and those of two words: a long compound may say it all."""
LIST_PARTS = 5
"""So many short parts with commas between are several needs in one."""
FEW_WORDS = 4
MANY_CAPITALS = 0.7
EMAIL = re.compile(r"\S@[^\s@]{1,253}\.\w")
TOP_LEVEL = "com|org|net|eu|info|io|uk|nl|it|de|ee|pl|lt|se|at|pt|cz|app"
"""Ends of web addresses: of the network's countries, and the usual ones."""
WEB = re.compile(rf"https?:|www\.\w|\b[\w-]{{2,63}}\.(?:{TOP_LEVEL})\b", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.,])(?:\+|00?)?\d[\d ()/.–-]{5,}\d")
PARTS = re.compile(r";|\n| \| |(?:^|\s)(?:\d[.)]|[•*–-])\s")
SENTENCE = re.compile(r"(?<=[.!?…])\s+")


class Finding(NamedTuple):
    """One thing that is vague: the rule's name, what is the matter, and what to ask the firm."""

    rule: str
    words: str
    asks: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of all languages by their kind: whole words, beginnings of words, and phrases."""

    words: frozenset[str]
    stems: tuple[str, ...]
    phrases: tuple[str, ...]

    def has(self, word: str) -> bool:
        """Whether it is one of the words."""
        return word in self.words or word.startswith(self.stems)

    def found_in(self, key: str) -> int:
        """How many of the words and phrases a text holds, by its `text_key`."""
        return sum(f" {phrase}" in f" {key} " for phrase in self.phrases)


@dataclass(frozen=True, slots=True)
class Words:
    """A statement's words: all of them, those that say nothing by themselves, and those that say something."""

    key: str
    every: list[str]
    empty: list[str]
    concrete: list[str]


@lru_cache
def lexicon(kind: str) -> Lexicon:
    """The words of one kind; a phrase ends with a space unless it is the beginning of a word."""
    entries = [entry for row in read_table("vague_words.csv") if row["kind"] == kind for entry in _keys(row["words"])]
    return Lexicon(
        words=frozenset(entry.rstrip() for entry in entries if entry.endswith(" ") and " " not in entry.rstrip()),
        stems=tuple(sorted({entry for entry in entries if " " not in entry})),
        phrases=tuple(sorted(set(entries))),
    )


def _keys(cell: str) -> Iterable[str]:
    return (text_key(entry) + ("" if entry.endswith("*") else " ") for entry in split_words(cell))


def lint(text: str, kind: StatementKind) -> list[Finding]:
    """What is vague or out of place in one statement; nothing for an empty one. What no profile could hold of it is
    not read: it would only take long."""
    text = text[:LONGEST]
    if not text.strip():
        return []
    words = _words(text)
    found = [rule(text, words, kind) for rule in RULES]
    return [finding for finding in found if finding is not None]


def lint_all(texts: Sequence[str], kind: StatementKind) -> list[list[Finding]]:
    """The findings of each statement; none for those that are more than a profile can hold."""
    return [lint(text, kind) if place < MOST else [] for place, text in enumerate(texts)]


def _words(text: str) -> Words:
    key = text_key(text)
    every = key.split()
    empty = [word for word in every if lexicon("empty").has(word)]
    silent = ("empty", "generic", "filler")
    concrete = [
        word for word in every if word.isalpha() and len(word) > 1 and not any(lexicon(k).has(word) for k in silent)
    ]
    return Words(key, every, empty, concrete)


def _contact(text: str, _words: Words, _kind: StatementKind) -> Finding | None:
    phones = [number for number in NUMBER.findall(text) if is_phone(number)]
    if not (phones or EMAIL.search(text) or WEB.search(text)):
        return None
    return Finding(
        "contact",
        "This holds an address, a link or a telephone number. It is cut out where other firms read it.",
        "Move it to the contact section: it is shown once both sides said yes.",
    )


def is_phone(number: str) -> bool:
    """Whether what `NUMBER` found is a telephone number rather than a year, a size or an amount."""
    digits = sum(map(str.isdigit, number))
    return digits >= 9 or (number.startswith(("+", "0")) and digits >= 7)


def _capitals(text: str, _words: Words, _kind: StatementKind) -> Finding | None:
    letters = [sign for sign in text if sign.isalpha()]
    if len(letters) < SHORTEST or sum(map(str.isupper, letters)) < MANY_CAPITALS * len(letters):
        return None
    return Finding("capitals", "All in capitals is hard to read.", "Could it be written in small letters?")


def _short(text: str, words: Words, _kind: StatementKind) -> Finding | None:
    least = SHORTEST if len(words.every) > 2 else SHORTEST_OF_TWO
    if len(words.every) > 1 and len(text.strip()) >= least:
        return None
    return Finding("short", "This is too short for a partner to recognise themselves in.", "For whom? Doing what?")


def _vague(text: str, words: Words, kind: StatementKind) -> Finding | None:
    """Only words that fit every firm: no thing, no number, nobody it is for."""
    most = min(2, max(0, len(words.empty) - 1))
    if len(words.concrete) > most or any(map(str.isdigit, text)) or len(words.every) < 2:
        return None
    told = _first_words(text, words)
    what = f"“{told}” fits every firm." if told else "This fits every firm."
    asks = "For whom? Doing what?" if kind is StatementKind.OFFER else "What exactly? Who would have it?"
    return Finding("vague", what, asks)


def _first_words(text: str, words: Words) -> str:
    """The first vague word as it was written, and what follows it unless that is a mere "and"."""
    written = text.split()
    at = next((i for i, word in enumerate(written) if text_key(word).split()[:1] == words.empty[:1] != []), None)
    if at is None:
        return ""
    length = 2 if at + 1 < len(written) and not lexicon("filler").has(text_key(written[at + 1])) else 1
    return " ".join(written[at : at + length]).strip(" ,.;:!?")


def _several(text: str, words: Words, kind: StatementKind) -> Finding | None:
    parts = [part for part in PARTS.split(text) if len(part.split()) > 1]
    short = [part for part in text.split(",") if 0 < len(part.split()) <= FEW_WORDS]
    cues = lexicon("needs" if kind is StatementKind.NEED else "offers")
    again = sum(bool(cues.found_in(text_key(sentence))) for sentence in SENTENCE.split(text)) > 1
    if len(parts) < 2 and len(short) < LIST_PARTS and not again:
        return None
    noun = "needs" if kind is StatementKind.NEED else "offers"
    return Finding(
        "several",
        f"These are several {noun} in one.",
        "Could each have a field of its own? Each is then matched by itself.",
    )


def _mixed(_text: str, words: Words, kind: StatementKind) -> Finding | None:
    offers, needs = lexicon("offers").found_in(words.key), lexicon("needs").found_in(words.key)
    if offers and needs:
        return Finding("mixed", "This offers something and looks for something.", "Could it be two statements?")
    if kind is StatementKind.NEED and offers:
        return Finding("mixed", "This reads like an offer.", "Does it belong to what the firm offers?")
    if kind is StatementKind.OFFER and needs:
        return Finding("mixed", "This reads like a need.", "Does it belong to what the firm looks for?")
    return None


def _about_self(_text: str, words: Words, _kind: StatementKind) -> Finding | None:
    cues = ("audience", "offers", "needs")
    if not lexicon("self").found_in(words.key) or any(lexicon(kind).found_in(words.key) for kind in cues):
        return None
    return Finding(
        "about_self",
        "This tells about the firm itself.",
        "What does the partner get or bring? The firm’s story has its place in the description.",
    )


RULES = (_contact, _capitals, _short, _vague, _several, _mixed, _about_self)

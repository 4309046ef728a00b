"""Search among profiles: the words of one as they are stored, and the conditions that find it by them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, false, func, or_
from sqlmodel import col, select

from broker.domain.keys import read_table, text_key
from broker.models import Contact, Sme

SEARCHED = ("name", "hub", "sector_words", "description", "contact")


def search_text(facts: Mapping[str, Any]) -> str:
    """The words of a profile as plain ASCII, a space before each, so that where one begins can be found by LIKE.

    The sector's name is not among them: it is that of our list, and is looked up when somebody searches."""
    texts = [*(facts[name] for name in SEARCHED), *facts["offers"], *facts["needs"]]
    return " " + text_key("\n".join(texts))


def has_words(words: str) -> list[ColumnElement[bool]]:
    """Conditions on Sme: each word of `words` begins one of the profile or its sector; "ai" is not in "retail".

    What has an @ in it is looked for in the address instead, whose parts as words would only be in the way."""
    parts = words.split()
    wanted = text_key(" ".join(part for part in parts if "@" not in part)).split()
    addresses = [_in_address(part) for part in parts if "@" in part]
    if parts and not wanted and not addresses:
        return [false()]  # only signs, and no word has those
    return [*map(_begins_a_word, wanted), *addresses]


def _in_address(part: str) -> ColumnElement[bool]:
    found = func.lower(Contact.email).contains(part.lower(), autoescape=True)
    return col(Sme.id).in_(select(Contact.sme_id).where(found))


def _begins_a_word(word: str) -> ColumnElement[bool]:
    in_text = col(Sme.search_text).contains(f" {word}", autoescape=True)
    sectors = [row["code"] for row in read_table("sectors.csv") if f" {word}" in f" {text_key(row['name'])}"]
    return or_(in_text, col(Sme.sector_code).in_(sectors)) if sectors else in_text

"""Working languages and target markets as people write them, in any of our ten languages or as ISO codes."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from babel import Locale

from broker.domain.keys import key_index, read_table, split_words, text_key

ENGLISH = Locale("en")
OURS = ("en", "de", "cs", "pl", "pt", "it", "nl", "sv", "et", "lt")
"""The languages of our cities, in which names are understood."""
AMBIGUOUS_CODES = frozenset({"ee", "se"})
"""Ewe and Northern Sami by the standard, but here people mean Estonia and Sweden: we ask rather than guess."""
NOT_A_MARKET = frozenset({"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB"})
HARD = re.compile(r"[,;|/\n\t•·]+| [-–—] ")
SOFT = re.compile(r"\s*[&+]\s*|\s+(?:and|und|a|i|oraz|e|ed|en|och|ja|ir|or|oder|plus)\s+", re.IGNORECASE)
NOTES = re.compile(r"\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]")
"""What stands in brackets; each try ends at the next opening one, so that '(((((…' takes no longer than text."""
LEVEL = re.compile(
    r"\b(?:[abc][12]|native|fluent|fluently|good|basic|basics|intermediate|advanced|muttersprache|fliessend|flie(?:ss|ß)end|"
    r"verhandlungssicher|gut|grundkenntnisse|language|sprache|jazyk|jezyk|idioma|lingua|taal|sprak|keel|kalba)\b"
)


LONGEST = 1_000
"""Characters that may be typed into a form: more is no list of languages or countries, and refused unread."""
TOO_LONG = f"Names with commas between, together at most {LONGEST:,} characters."
LONGEST_KEPT = 200
"""What is longer than that is read each time: it is hardly said twice, and would fill the memory."""


class Reading(NamedTuple):
    """What was understood, in order and once each, and what was not."""

    codes: list[str]
    unknown: list[str]


def find_languages(text: str) -> Reading:
    """ISO 639-1 codes of the languages in a cell such as 'Deutsch, Englisch', 'Němčina' or 'DE;EN'."""
    return _find(text, _language)


def find_markets(text: str) -> Reading:
    """ISO 3166 codes of the countries in a cell such as 'Německo', 'Germany and UK' or 'DACH'."""
    return _find(text, _market)


def in_english(codes: Iterable[str]) -> str:
    """Languages (`de`) and countries (`DE`) by their English names in one cell; a code nobody knows stays."""
    return ", ".join(ENGLISH.territories.get(code) or ENGLISH.languages.get(code, code) for code in codes)


def country_code(text: str) -> str | None:
    """The ISO 3166 code of the one country `text` names; None for none."""
    return _countries().get(text_key(text))


def _language(part: str) -> list[str] | None:
    key = text_key(part)
    code = _languages().get(key) or _languages().get(LEVEL.sub("", key).strip())
    region = re.fullmatch(r"([a-z]{2})[-_][A-Za-z]{2}", part.strip())
    if code is None and region is not None:
        code = _languages().get(region[1])
    return [code] if code else None


def _market(part: str) -> list[str] | None:
    key = text_key(part).removeprefix("the ")
    code = _countries().get(key)
    return [code] if code else _regions().get(key)


def _find(text: str, find: Callable[[str], list[str] | None]) -> Reading:
    read = _read if len(text) <= LONGEST_KEPT else _read.__wrapped__
    return Reading(*map(list, read(text, find)))


@lru_cache(maxsize=1_000)
def _read(text: str, find: Callable[[str], list[str] | None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A spreadsheet says the same thing in thousands of rows."""
    codes: list[str] = []
    unknown: list[str] = []
    for part, found in _parts(NOTES.sub(" ", text).strip(), find):
        if found is None:
            unknown.append(part)
        codes += [code for code in found or [] if code not in codes]
    return tuple(codes), tuple(unknown)


def _parts(text: str, find: Callable[[str], list[str] | None]) -> Iterator[tuple[str, list[str] | None]]:
    """Names whole where they are known ('Bosnia and Herzegovina'), else cut at ever softer marks."""
    for part in (" ".join(part.split()).strip(" .") for part in HARD.split(text)):
        if not text_key(part):
            continue
        found = find(part)
        softer = SOFT.split(part) if found is None else [part]
        if len(softer) == 1 and found is None and all(map(find, part.split())):
            softer = part.split()  # 'DE EN'
        for name in softer:
            yield name, find(name)


@lru_cache
def _languages() -> dict[str, str]:
    names: list[dict[str, str]] = [dict(Locale(code).languages) for code in OURS]
    return _index("language", names, {code for code in names[0] if len(code) == 2} - AMBIGUOUS_CODES)


@lru_cache
def _countries() -> dict[str, str]:
    names: list[dict[str, str]] = [dict(Locale(code).territories) for code in OURS]
    return _index("country", names, {code for code in names[0] if code.isalpha()} - NOT_A_MARKET)


def _index(kind: str, names: list[dict[str, str]], codes: set[str]) -> dict[str, str]:
    """{key: code}. Written-out names go before codes: a name is never mistaken for one."""
    ours = [(word, row["code"]) for row in _words(kind) for word in split_words(row["words"])]
    theirs = [(table[code], code) for table in names for code in sorted(codes) if code in table]
    spelt_out = [(name.replace("&", "and"), code) for name, code in theirs if "&" in name]
    return key_index([*ours, *theirs, *spelt_out, *((code, code) for code in sorted(codes))])


@lru_cache
def _regions() -> dict[str, list[str]]:
    names = key_index((name, row["code"]) for row in _words("region") for name in split_words(row["words"]))
    return {key: codes.split() for key, codes in names.items()}


def _words(kind: str) -> list[dict[str, str]]:
    return [row for row in read_table("words.csv") if row["kind"] == kind]


@lru_cache(maxsize=1_000)
def is_yes(text: str) -> bool | None:
    """Whether `text` says yes or no in one of our languages ('ja', 'ano', 'Ne'); None where it says neither."""
    key = text_key(text)
    for answer, kind in ((True, "yes"), (False, "no")):
        if key in {text_key(word) for row in _words(kind) for word in split_words(row["words"])}:
            return answer
    return None

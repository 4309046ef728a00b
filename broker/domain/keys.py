"""How words from a spreadsheet are compared: without case, accents, alphabet and punctuation."""

import csv
import re
from collections.abc import Iterable
from functools import lru_cache

from anyascii import anyascii

from broker.config import DATA

NOT_WORD = re.compile(r"[^a-z0-9]+")
APOSTROPHE = re.compile(r"['’`´]")


def text_key(text: str) -> str:
    """The words of `text` as plain ASCII, one space between them: 'Łódź – GAMES' → 'lodz games'."""
    return NOT_WORD.sub(" ", anyascii(APOSTROPHE.sub(" ", text)).casefold()).strip()


def key_index(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{key of name: what it stands for} from (name, meaning); the first meaning of a key stays."""
    index: dict[str, str] = {}
    for name, meaning in names:
        index.setdefault(text_key(name), meaning)
    index.pop("", None)
    return index


@lru_cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a CSV file in `data/`."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def split_words(cell: str) -> list[str]:
    """The names in a `;`-separated cell of our own data files."""
    return [word.strip() for word in cell.split(";") if word.strip()]

"""Find the sector a word, a name in any of our languages or a NACE code stands for."""

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from broker.domain.keys import key_index, read_table, split_words, text_key

CODE = re.compile(
    r"^(?:(?:NACE|ISIC|WZ|ATECO|PKD|CAE|SNI|SBI|EMTAK|EVRK|CZ-NACE)(?:[- ]?(?:rev\.? ?)?2(?:[.,][01])?)?[: ]+)?"
    r"(?P<section>[A-V])?[ .]?(?P<digits>\d{1,2}(?:[.,]\d{1,2}){1,3}|\d{2}|\d{4,6})[ .]?(?P<national>[A-Z])?"
    r"(?P<rest>\b.*)?$",
    re.IGNORECASE | re.DOTALL,
)
PARTS = re.compile(r"[;,|/\n]+")


class SectorGuess(NamedTuple):
    """A sector's code, and whether the text said just that (else somebody has to confirm it)."""

    code: str | None
    exact: bool


UNKNOWN = SectorGuess(None, False)


@lru_cache(maxsize=2_000)
def find_sector(text: str, *, codes: bool = True) -> SectorGuess:
    """The sector `text` names: ours, NACE Rev. 2.1 (and 2) unless `codes` is off, or a known synonym.

    Of several names the first counts where all are known, else the one that half of them agree on.
    """
    whole = _find_one(text, codes)
    if whole.code is not None:
        return whole
    parts = [part for part in PARTS.split(text) if text_key(part)]
    guesses = [_find_one(part, codes) for part in parts]
    known = [guess.code for guess in guesses if guess.code is not None]
    if codes and known and len(known) == len(parts):
        return SectorGuess(known[0], all(guess == SectorGuess(known[0], True) for guess in guesses))
    ranked = [*Counter(known).most_common(2), (None, 0)]
    has_half = ranked[0][1] * 2 >= max(len(parts), 1) and ranked[0][1] > ranked[1][1]
    return SectorGuess(ranked[0][0], False) if has_half else UNKNOWN


@lru_cache
@lru_cache
def names_by_code() -> dict[str, tuple[str, str]]:
    """(name, group) of each sector by its code."""
    return {row["code"]: (row["name"], row["group"]) for row in read_table("sectors.csv")}


def describing_words() -> dict[str, list[str]]:
    """{sector: its English name and words}, for the nearest sector by meaning."""
    return {row["code"]: [row["name"], *split_words(row["words"])] for row in read_table("sectors.csv")}


def _find_one(text: str, codes: bool) -> SectorGuess:
    code = _names().get(text_key(text))
    if code is not None:
        return SectorGuess(code, True)
    return (_find_nace(text.strip()) if codes else None) or UNKNOWN


@lru_cache
def _names() -> dict[str, str]:
    """Our own names come first, so that no synonym can take one away."""
    table = read_table("sectors.csv")
    own = [(name, row["code"]) for row in table for name in (row["code"], row["name"])]
    others = [
        (name, row["code"])
        for row in table
        for column in ("words", "synonyms", "translations")
        for name in split_words(row[column])
    ]
    return key_index([*own, *others])


@lru_cache
def _nace() -> dict[str, str]:
    """{digits of a NACE code: our sector}, as `data/sectors.csv` lists them."""
    return {digits.replace(".", ""): row["code"] for row in read_table("sectors.csv") for digits in row["nace"].split()}


def _find_nace(text: str) -> SectorGuess | None:
    """The sector with the longest listed beginning of the code; exact unless a finer code would decide."""
    digits = _nace_digits(text)
    if digits is None:
        return None
    for size in range(len(digits), 1, -1):
        code = _nace().get(digits[:size])
        if code is not None:
            finer = {sector for listed, sector in _nace().items() if listed.startswith(digits)} - {code}
            return SectorGuess(code, not finer)
    return None


def _nace_digits(text: str) -> str | None:
    """The digits of a NACE code: '62.10', 'J62', 'K 62.1', '6210', 'PKD 62.01.Z', '62 – Software'; else None."""
    match = CODE.match(text)
    if match is None:
        return None
    digits, rest = match["digits"].replace(",", "."), (match["rest"] or "").strip()
    dotted = "." in digits
    if rest and not (dotted or match["section"] or rest[0] in "-–—:"):
        return None  # '24 hour delivery' is no manufacture of metals
    if dotted and digits[1] == ".":
        digits = f"0{digits}"  # a spreadsheet made the number 1.11 of the code 01.11
    return digits.replace(".", "")

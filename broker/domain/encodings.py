"""Which encoding the bytes of a text file are in, judged by the letters of our ten languages."""

import re
from functools import lru_cache
from typing import NamedTuple

from broker.domain.keys import read_table
from broker.errors import InvalidError

BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
NOT_TEXT = "The file is not a spreadsheet: it holds binary data. Expected CSV, XLSX, XLS or ODS."
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
SAMPLE = 400_000
PUNCTUATION = "–—‘’‚“”„…•‹›«»·°§©®™€£†‰¿¡½¼¾²³µ×±´¨\u00a0\u00ad" + "øæØÆñÑ"
"""Signs that speak neither for nor against: common ones, and our neighbours' letters."""
WORD = re.compile(r"\w+")


class Evidence(NamedTuple):
    """What speaks for an encoding (letters beyond ASCII, everyday words) and what against it (odd places)."""

    letters: frozenset[str]
    words: re.Pattern[str]
    odd: re.Pattern[str]


def _evidence(letters: str, words: str, odd: str) -> Evidence:
    everyday = re.compile(rf"(?<!\w)(?:{'|'.join(words.split())})(?!\w)", re.IGNORECASE)
    return Evidence(frozenset(letters + letters.upper()), everyday, re.compile(odd))


CODEPAGES = {
    "cp1252": _evidence(
        "äöüßáàâãéèêëíìïóòôõúùçåšž",
        "und der die das für mit wir de que para com uma dos di che per con il della van het een voor och att som för",
        # Grave accents end Italian words, and Portuguese writes no êz: Mìsto is Město, narzêdzi narzędzi.
        r"[ÈÌÒÙèìòù](?=[^\W\d_])|[aeoyáéýù]ò\b|[áéíóúýùìe]è\b|ê(?=[bcdgkpz])|[a-z][³¿](?=[a-zó])",
    ),
    "cp1250": _evidence(
        "äöüßáčďéěíňóřšťúůýžąćęłńśźż",
        "je pro se na ve jsme nebo oraz dla jest przez który się do",
        r"(?<!\w)[čěňů](?!\w)|[bcdfghjklmnpqstvwxz]č\b|[bcdfghjklmnpqrstvwxz]ň\b",  # Caffč is Caffè
    ),
    "cp1257": _evidence(
        "äöüßõąčęėįšųūžéóå",
        "ir su yra kad iš mes arba jau ja ning",
        r"č\b|[a-z][³¿](?=[a-z])",
    ),
}
"""In the order in which a tie is settled; plain German reads the same in all three."""


def decode(content: bytes) -> str:
    """The text of `content`: by its byte-order mark, else UTF-8, UTF-16 by its zeros, else the likeliest code page."""
    encoding = next((name for mark, name in BOMS if content.startswith(mark)), None) or _by_zeros(content)
    text = _try(content, encoding or "utf-8")
    if text is None and encoding is None:
        text = _try(content, _likeliest(content), errors="replace")
    if text is None or _is_binary(text):
        raise InvalidError(NOT_TEXT)
    return text.removeprefix("\ufeff")


def _try(content: bytes, encoding: str, errors: str = "strict") -> str | None:
    try:
        return content.decode(encoding, errors)
    except UnicodeDecodeError:
        return None


def _by_zeros(content: bytes) -> str | None:
    """UTF-16 without a mark: of the bytes of western text every second one is zero."""
    sample = content[:4096]
    half = max(len(sample) // 2, 1)
    low, high = sample[1::2].count(0) / half, sample[0::2].count(0) / half
    if max(low, high) < 0.5 or min(low, high) > 0.05:
        return None
    return "utf-16-le" if low > high else "utf-16-be"


def _likeliest(content: bytes) -> str:
    return max(CODEPAGES, key=lambda name: _plausibility(content[:SAMPLE], name))


def _plausibility(sample: bytes, encoding: str) -> float:
    """Letters, known words and everyday words of the encoding's languages, less what is foreign or out of place."""
    text = sample.decode(encoding, "replace")
    letters, everyday, odd = CODEPAGES[encoding]
    beyond = [sign for sign in text if sign > "\x7f"]
    letter_balance = sum(1 if sign in letters else 0 if sign in PUNCTUATION else -2 for sign in beyond)
    known = sum(word in _vocabulary() for word in _words_beyond_ascii(text))
    odd_capitals = len(re.findall(r"[a-zà-ž][À-Ž][a-z]", text))
    spoken = len(everyday.findall(text)) / (1 + len(text) / 100)
    return letter_balance + 3 * known - 1.5 * len(odd.findall(text)) - odd_capitals + min(spoken, 1)


@lru_cache
def _vocabulary() -> frozenset[str]:
    """Words with letters beyond ASCII that a spreadsheet of ours is likely to hold: headers and cities."""
    cells = [row["exact"] for row in read_table("columns.csv")] + [row["aliases"] for row in read_table("cities.csv")]
    return frozenset(word for cell in cells for word in _words_beyond_ascii(cell))


def _words_beyond_ascii(text: str) -> list[str]:
    """Found in one pass: a pattern with such a letter in its midst takes hours over one endless word."""
    return [word for word in WORD.findall(text.casefold()) if not word.isascii()]


def _is_binary(text: str) -> bool:
    return "\x00" in text or len(CONTROL.findall(text[:SAMPLE])) > max(2, len(text[:SAMPLE]) // 500)

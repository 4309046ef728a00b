"""Which encoding the bytes of a text file are in, judged by the letters of our ten languages."""

import re
from typing import NamedTuple

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
PUNCTUATION = "–—‘’‚“”„…•‹›«»·°§©®™€£†‰¿¡½¼¾²³µ×±´¨\u00a0\u00ad"


class Evidence(NamedTuple):
    """The letters beyond ASCII, and everyday words, of the languages one encoding serves."""

    letters: frozenset[str]
    words: re.Pattern[str]


def _evidence(letters: str, words: str) -> Evidence:
    both = letters + letters.upper()
    return Evidence(frozenset(both), re.compile(rf"(?<!\w)(?:{'|'.join(words.split())})(?!\w)", re.IGNORECASE))


CODEPAGES = {
    "cp1252": _evidence(
        "äöüßáàâãéèêëíìîïóòôõúùûçñåæøœšž",
        "und der die das für mit wir de que para com uma dos di che per con il della van het een voor och att som för"
        " ja ning",
    ),
    "cp1250": _evidence(
        "äöüßáčďéěíňóřšťúůýžąćęłńóśźżôľĺŕő", "je pro se na ve jsme nebo oraz dla jest przez który się do"
    ),
    "cp1257": _evidence("äöüßõąčęėįšųūžéóåńłśźż", "ir su yra kad iš mes arba jau ja ning"),
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
    """A letter of the encoding's languages speaks for it, a foreign sign more loudly against it."""
    text = sample.decode(encoding, "replace")
    letters, words = CODEPAGES[encoding]
    beyond = [sign for sign in text if sign > "\x7f"]
    for_it = sum(sign in letters for sign in beyond)
    against = sum(sign not in letters and sign not in PUNCTUATION for sign in beyond)
    # Where the letters alone leave it open ('è' is 'č' elsewhere), a capital inside a word and the words decide.
    odd_capitals = len(re.findall(r"[a-zà-ž][À-Ž][a-z]", text))
    spoken = len(words.findall(text)) / (1 + len(text) / 100)
    return for_it - 2 * against - odd_capitals + min(spoken, 5) * max(1, len(beyond) / 100) * 0.5


def _is_binary(text: str) -> bool:
    return "\x00" in text or len(CONTROL.findall(text[:SAMPLE])) > max(2, len(text[:SAMPLE]) // 500)

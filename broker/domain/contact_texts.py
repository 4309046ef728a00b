"""What leads to a firm in its own sentences, addresses and numbers: cut where they are not told yet (law 7)."""

import re

from broker.domain import linting

CUT, CUT_NUMBER = "[contact]", "[number]"
ADDRESS = re.compile(
    r"(?:https?://|www\.)\S+|(?<!\S)\S+@\S+|(?<![\w@])@\w[\w.-]{2,}"
    r"|(?<!\S)\S+(?: ?[\[({](?:at|ät|dot|punkt|[.@])[\])}] ?[^\s\[({]+)+",
    re.IGNORECASE,
)
"""What leads to a firm without its name: addresses, also "info (at) firm (dot) cz", and its name on networks."""
MORE_ENDS = (
    "agency|ai|amsterdam|art|at|be|berlin|biz|ch|city|club|co|community|consulting|dance|design|dev|digital|dk|energy"
    "|es|events|fashion|fi|film|fm|fr|games|gallery|global|group|health|hr|hu|ie|ink|institute|lab|land|life|link|live"
    "|london|lv|ly|me|media|music|network|no|online|page|paris|photo|photography|pictures|press|pro|productions|ro|sg|shop|si|site|sk"
    "|social|software|solutions|space|store|studio|studios|systems|team|tech|technology|tirol|tools|tv|vision|wien"
    "|works|world|xyz|zone"
)
"""Beside those of linting, which asks firms to leave addresses out: here one more word lost does no harm."""
_ENDS = f"{linting.TOP_LEVEL}|{MORE_ENDS}"
_ENDS += f"|{_ENDS.upper()}"
DOMAIN = re.compile(rf"(?<![\w.-])(?:[\w-]{{1,63}}\.){{1,5}}(?:{_ENDS})\b(?:[/:?#]\S*)?")
"""So does "medilab.cz" by itself. Not "sell.It", where a space is missing."""

MARKS = ("@", "://", "www.", "(", "[", "{")
"""One of these is in whatever ADDRESS finds: most sentences have none, and to look closer takes a hundred times as
long. There are 10,000s of them in the lists of a large event."""
PLAIN = str.maketrans(
    "\u00a0\u2007\u2008\u2009\u200a\u202f\u3000\u2010\u2011\u2012\u2212\uff0b\uff0d\uff0e\uff20", "       ----+-.@"
)
"""Signs that stand for a space, a hyphen, a dot or an @, as they come along with what is pasted."""
INNER_DOT, DIGITS = re.compile(r"\.\w"), re.compile(r"\d[\d ()/.–-]{5}")


def without_contact(text: str, cut: str = CUT) -> str:
    """`text` with `cut` in place of its addresses, and CUT_NUMBER in place of telephone numbers.

    Eight digits without a + or 0 before them stay: they may be an amount."""
    plain = text.translate(PLAIN)
    told = _cut(plain, cut)
    return text if told == plain else told


def _cut(text: str, cut: str) -> str:
    if any(mark in text.lower() for mark in MARKS):
        text = ADDRESS.sub(cut, text)
    if INNER_DOT.search(text):
        text = DOMAIN.sub(cut, text)
    if DIGITS.search(text):
        text = linting.NUMBER.sub(lambda found: CUT_NUMBER if linting.is_phone(found[0]) else found[0], text)
    return text

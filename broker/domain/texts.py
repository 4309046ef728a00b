"""Running text as spreadsheets hold it: remains of web pages taken out, lists cut into single statements."""

import html
import re

MAX_STATEMENT = 1000
TAG = re.compile(
    r"</?(?:ol|ul|li|p|br|div|span|b|i|u|em|strong|a|h[1-6]|table|tr|td|tbody|font)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
INLINE = re.compile(r"</?(?:span|b|i|u|em|strong|a|font)(?:\s[^<>]*)?>", re.IGNORECASE)
ENTITY = re.compile(
    r"&(?:#\d{1,6}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos|nbsp|ndash|mdash|hellip|[lr][sd]quo|[aouAOU]uml|szlig);?"
)
CUTS = re.compile(r"[\n;]+| \| |[•‣▪●◦■►✓✔]")
LIST_MARK = re.compile(r"^\s*(?:[-–—*·+>o]\s+|\(?\d{1,2}[.)]\s+|[a-z]\)\s+)")
SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def plain(text: str) -> str:
    """`text` without HTML: block tags become line breaks, `&amp;` becomes &."""
    if "<" not in text and "&" not in text:
        return text
    text = TAG.sub("\n", INLINE.sub("", text))
    text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text).replace("\u00a0", " ")
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" *\n *", "\n", text)).strip()


def statements(text: str) -> list[str]:
    """The offers or needs listed in a cell: one a line, bullet, `;` or ` | `; sentences stay whole."""
    text = re.sub(r"&\s*\n\s*[•*-]?\s*", "& ", plain(text))  # a list was cut at the `;` of an `&amp;`
    found: list[str] = []
    for part in CUTS.split(text):
        for statement in _at_most(" ".join(LIST_MARK.sub("", part).split())):
            if any(map(str.isalpha, statement)) and statement.casefold() not in map(str.casefold, found):
                found.append(statement)
    return found


def _at_most(text: str) -> list[str]:
    """`text` in pieces of whole sentences that fit a statement; a longer sentence stays alone."""
    pieces: list[str] = []
    for sentence in SENTENCE.split(text) if len(text) > MAX_STATEMENT else [text]:
        if pieces and len(pieces[-1]) + 1 + len(sentence) <= MAX_STATEMENT:
            pieces[-1] += f" {sentence}"
        else:
            pieces.append(sentence)
    return pieces

"""What somebody might type to break out of a page or a mail, and how to see whether it did.

Each payload bears the word `xss` where it would come alive: in a tag, an attribute, a script, a comment, an address.
As text, and in the quoted value of an attribute that is only text, it may stand anywhere."""

import re
from html.parser import HTMLParser

MARK = "xss"
ATTACKS = (
    "<script>xss()</script>",
    '"><img src=xss onerror=xss()>',
    "</textarea><b xss>",
    "<ScRiPt src=//xss>",
    "'><img src=xss onerror=xss()>",
    "</title><b xss>",
    '" onfocus=xss() autofocus x="',
    "<svg/onload=xss()>",
    "</script><b xss>",
    "' onmouseover=xss() x='",
    "<math href=javascript:xss()>xss",
    "</select></option><b xss>",
    "javascript:xss()",
    "{{7*191}}xss{%raw%}{#",
    "<style>@import'//xss'</style>",
    "data:text/html,<b xss>",
    "x\r\nBcc: xss@a.example",
    "<iframe srcdoc=xss>",
    "&#106;avascript:xss()",
    "<meta http-equiv=refresh content=xss>",
    "<!--xss--><!--",
    "java\tscript:xss()",
    "<base href=//xss/>",
    "]]><![CDATA[b xss]]>",
    'https://a.example/"onclick="xss()',
    "<a hx-get=//xss hx-trigger=load>",
    "&lt;b xss&gt;&#60;b xss&#62;",
    '" hx-on:click="xss()',
    "+ADw-b xss+AD4-",
    "\u202e\uff1cb xss\uff1e<b\u2028xss>",
)
SIZE = 5
GROUPS = tuple(ATTACKS[start : start + SIZE] for start in range(0, len(ATTACKS), SIZE))
"""Together in one text. A name of 120 characters holds three or four of five, in each row beginning with another."""
ADDRESSES = {"href", "src", "action", "formaction", "data", "poster", "ping", "background", "xlink:href", "cite"}
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
HARMLESS = ("http:", "https:", "mailto:", "tel:")
ONCE_A_PAGE = {"html", "head", "body", "main"}


def packed(group: tuple[str, ...], length: int | None, first: int = 0, prefix: str = "") -> str:
    """The group's payloads after the prefix; where not all fit into the length, as many as do, from the first on."""
    text = prefix
    for number in range(len(group)):
        attack = group[(first + number) % len(group)]
        if length is None or len(text) + len(attack) <= length:
            text += attack
    return text


class Tags(HTMLParser):
    """Notes what a browser would take for more than text, and which numbered texts it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []
        self.shown: set[int] = set()
        self.seen_once: set[str] = set()
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inside = tag if tag in {"script", "style"} else ""
        if MARK in tag or re.fullmatch(r"q\d+", tag) or tag in self.seen_once:
            self.live.append(tag)
        self.seen_once |= {tag} & ONCE_A_PAGE
        if tag in {"math", "object", "embed"}:
            self.live.append(tag)
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.live.append("script")
        for name, value in given.items():
            self._attribute(tag, name, value)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        self._note_shown(value)
        if MARK in name or name.startswith(("on", "hx-on")):
            self.live.append(f"{tag} {name}")
        if name in ADDRESSES and not _is_harmless(value, tag):
            self.live.append(f"{tag} {name}={value}")
        acts = name in {"style", "srcdoc", "http-equiv", "target"} or name.startswith("hx-")
        if acts and MARK in value.partition("?")[0]:
            self.live.append(f"{tag} {name}={value}")
        if tag == "meta" and "http-equiv" in name and value == "refresh" and MARK in (self.get_starttag_text() or ""):
            self.live.append("meta refresh")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        self._note_shown(data)
        if MARK in data and self.inside:
            self.live.append(f"text of {self.inside}")
        if f"{7 * 191}{MARK}" in data:
            self.live.append("template")

    def handle_comment(self, data: str) -> None:
        self._other("comment", data)

    def handle_decl(self, decl: str) -> None:
        self._other("declaration", decl)

    def unknown_decl(self, data: str) -> None:
        self._other("declaration", data)

    def handle_pi(self, data: str) -> None:
        self._other("instruction", data)

    def _other(self, what: str, data: str) -> None:
        if MARK in data:
            self.live.append(what)

    def _note_shown(self, text: str) -> None:
        self.shown |= {int(number) for number in re.findall(r"<q(\d+)>", text)}


def _is_harmless(address: str, tag: str) -> bool:
    """Whether it leads where it says: a link out may go anywhere by http(s), all else stays on our own host."""
    plain = re.sub(r"[\x00-\x20]", "", address).lower()
    scheme = SCHEME.match(plain)
    if scheme:
        return tag == "a" and plain.startswith(HARMLESS)
    return not plain.startswith(("//", "/\\", "\\")) and MARK not in plain.partition("?")[0].partition("#")[0]


def read(html: str) -> Tags:
    """A page or fragment, as a browser would take it."""
    tags = Tags()
    tags.feed(html)
    tags.close()
    return tags

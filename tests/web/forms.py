"""A form as the browser would send it back."""

from html.parser import HTMLParser
from typing import Any


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self.area = self.select = ""
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self.inside = (given.get("class") or "").split()[:1] in (["stack"], ["card"])
        if not self.inside or not (name or tag == "option"):
            return
        if tag == "textarea":
            self.area = name
            self._add(name, "")
        elif tag == "select":
            self.select = name
            self.fields[name] = ""
        elif tag == "option" and "selected" in given:
            self.fields[self.select] = value
        elif tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        if name in ("text", "conflict"):
            self.fields.setdefault(name, []).append(value)
        else:
            self.fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        if tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area == "text":
            self.fields["text"][-1] += data
        elif self.area:
            self.fields[self.area] += data


def fields_of(page: str) -> dict[str, Any]:
    """The fields of a page's forms with what they hold; `text` and `conflict` are lists."""
    reader = _Reader()
    reader.feed(page)
    return {
        name: value.removeprefix("\n") if isinstance(value, str) else value for name, value in reader.fields.items()
    }

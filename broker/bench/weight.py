"""How many bytes a page brings over the line: itself, its styles and scripts, compressed; its fonts are told apart."""

import gzip
import re
from dataclasses import dataclass
from functools import cache

from broker.web.pages import STATIC

REFERRED = re.compile(rb'(?:href|src)="/static/([^"?]+\.(?:css|js|svg))')
FONT = re.compile(rb"url\(['\"]?([^'\")]+\.woff2)")


@dataclass(frozen=True, slots=True)
class Weight:
    """Bytes, compressed."""

    page: int
    total: int
    """With styles, scripts and icons."""
    fonts: int
    """The files the styles name; a browser fetches those whose letters the page has."""


def weigh(body: bytes) -> Weight:
    """The weight of a page on a first visit, with nothing kept from earlier ones."""
    names = sorted({name.decode() for name in REFERRED.findall(body)})
    page = len(gzip.compress(body, mtime=0))
    return Weight(page, page + sum(_compressed(name) for name in names), sum(_fonts(name) for name in names))


@cache
def _compressed(name: str) -> int:
    return len(gzip.compress((STATIC / name).read_bytes(), mtime=0))


@cache
def _fonts(name: str) -> int:
    file = STATIC / name
    found = {found.decode().rpartition("/")[2] for found in FONT.findall(file.read_bytes())}
    return sum((STATIC / "vendor" / font).stat().st_size for font in found)

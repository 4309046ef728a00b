"""The vendored files are the ones THIRD_PARTY.md names, unchanged, and pages use no others."""

import hashlib
import re
from pathlib import Path

from broker.config import ROOT, TEMPLATES
from broker.web.pages import STATIC

VENDOR = STATIC / "vendor"
ROW = re.compile(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", re.MULTILINE)


def test_every_vendored_file_is_listed_with_its_sum() -> None:
    listed = dict(ROW.findall((ROOT / "THIRD_PARTY.md").read_text("utf-8")))
    kept = {path.name: _sum(path) for path in VENDOR.iterdir() if "LICENSE" not in path.name}

    assert listed == kept


def test_every_vendored_file_has_its_licence_beside_it() -> None:
    listed = re.findall(r"\(`([\w-]+LICENSE\.txt)`\)", (ROOT / "THIRD_PARTY.md").read_text("utf-8"))

    assert set(listed) == {path.name for path in VENDOR.glob("*LICENSE.txt")}


def test_pages_ask_no_other_host_for_anything() -> None:
    for path in [*TEMPLATES.glob("base.html"), *TEMPLATES.glob("p*/*.html"), *STATIC.glob("*.css")]:
        text = path.read_text("utf-8")
        assert not re.search(r"""(?:src|href|url\()=?["']?(?:https?:)?//""", text), path.name


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""The page benchmark over a small city: every page is measured, and what it tells of each."""

import asyncio
import json
from pathlib import Path

import pytest

from broker.bench import __main__ as command
from broker.bench.weight import weigh
from broker.web.pages import STATIC

MOST_BYTES = 100_000
OF_A_CITY = {
    *("SME list", "SME list, words", "SME list, filters", "SME list, to do"),
    *("today", "introductions", "reviews", "import"),
}


@pytest.fixture(scope="module")
def told() -> list[dict]:
    """What `--json` prints over 80 SMEs."""
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda text, **_where: printed.append(text))
        assert command.main(["--json", "--smes", "80", "--registered", "60", "--rounds", "1"]) == 0
    assert printed[0] == "bench: pages …"
    return json.loads(printed[1])


def test_every_page_is_told_with_its_statements_times_and_bytes(told: list[dict]) -> None:
    names = {"page", "statements", "cpu_p50", "cpu_p95", "wall_p50", "wall_p95", "ratio", "weight"}
    assert len(told) == 31
    assert all(set(cost) == names and set(cost["weight"]) == {"page", "total", "fonts"} for cost in told)
    empty = told[0]
    assert (empty["page"], empty["statements"], empty["ratio"]) == ("empty page", 0, 1.0)


def test_a_page_of_a_city_takes_three_statements_at_most(told: list[dict]) -> None:
    statements = {cost["page"]: cost["statements"] for cost in told}
    assert statements.keys() >= OF_A_CITY
    assert {name: n for name, n in statements.items() if name in OF_A_CITY and n > 3} == {}


def test_no_page_with_its_styles_and_scripts_weighs_more_than_100_kilobytes(told: list[dict]) -> None:
    assert {cost["page"]: cost["weight"] for cost in told if cost["weight"]["total"] > MOST_BYTES} == {}


def test_a_page_weighs_what_it_refers_to_and_fonts_are_told_apart() -> None:
    plain, styled = weigh(b"<p>Good day"), weigh(b'<link rel="stylesheet" href="/static/app.css?v=1"><p>Good day')
    fonts = sum(file.stat().st_size for file in (STATIC / "vendor").glob("*.woff2"))
    assert (plain.total, plain.fonts, styled.fonts) == (plain.page, 0, fonts)
    assert styled.total > styled.page + 1000


def test_a_page_that_does_not_answer_as_it_should_is_no_figure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "addresses", lambda _made: {"stranger": {"a page": "/no-such-page"}})
    with pytest.raises(RuntimeError, match="a page: /no-such-page answered 404"):
        asyncio.run(command.bench(home, command.Size(40, 10, 20), 1))

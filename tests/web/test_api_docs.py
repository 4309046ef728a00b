"""The API's description as a page: whole, linked within itself, and without script."""

import re
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.web.api_docs import marked
from tests.web.api.routes import api_of

Browse = Callable[..., TestClient]


def test_every_operation_and_shape_is_on_the_page(browse: Browse, app: FastAPI) -> None:
    page = browse().get("/api").text
    document = api_of(app).openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"<b>{operation['summary']}</b><code>{method.upper()} {path}</code>" in page
            assert f'id="{operation["operationId"]}"' in page
    for name, schema in document["components"]["schemas"].items():
        has_a_place = "properties" in schema and not name.endswith("Page")
        assert (f'id="shape-{name}"' in page) is has_a_place, name


def test_every_link_within_the_page_leads_somewhere(browse: Browse) -> None:
    page = browse().get("/api").text
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_it_needs_no_script_and_nothing_from_outside(browse: Browse) -> None:
    answer = browse().get("/api")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_bounds_and_choices_are_told_in_words(browse: Browse) -> None:
    page = browse().get("/api").text
    for told in ("whole number, 1 to 500", "text, up to 200 characters", "csv | xlsx", "list of text, up to 1,000"):
        assert told in page
    assert "date and time or null" in page


def test_of_markdown_code_and_strong_words_are_marked_and_all_else_is_text() -> None:
    assert marked("**A** `b` <i>") == "<strong>A</strong> <code>b</code> &lt;i&gt;"


def test_it_is_found_where_tokens_are_made(browse: Browse) -> None:
    assert '<a href="/api">' in browse("broker").get("/account/tokens").text

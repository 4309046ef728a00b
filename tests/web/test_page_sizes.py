"""No page is heavier than 100 KB on its way: HTML, styles and scripts, compressed; fonts and pictures apart."""

import gzip
import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.config import Settings
from broker.db import Database
from tests.web.test_access import _address, routes
from tests.web.world import World, await_review, propose, send_mail

LIMIT = 100 * 1024
PARTS = re.compile(r'<(?:script[^>]+src|link[^>]+rel="stylesheet"[^>]+href|link[^>]+href)="(/static/[^"]+)"')


@pytest.fixture
def database(sqlite_url: str, home: object) -> Database:
    """As in all tests, but on SQLite only: a page is as long on the other."""
    return Database(Settings(home=home, database_url=sqlite_url))  # type: ignore[arg-type]


def test_every_page_with_its_styles_and_scripts_weighs_at_most_100_kb(
    app: FastAPI, browse: Callable[..., TestClient], database: Database, world: World
) -> None:
    with database.write() as session:
        await_review(session, world)
        send_mail(session, world)
        propose(session, world)
    admin, broker, parts = browse("admin"), browse("broker"), dict[str, int]()
    sizes = {}
    for name in routes(app):
        method, path = name.split(" ", 1)
        if method == "GET":
            page = (broker if path.startswith("/import") else admin).get(_address(world, path, "SME"))
            if page.headers.get("content-type", "").startswith("text/html"):
                sizes[name] = _packed(page.content) + sum(_part(admin, one, parts) for one in PARTS.findall(page.text))
    database.dispose()

    assert {name.rpartition(".")[2].partition("?")[0] for name in parts} >= {"css", "js"}
    assert {name: size for name, size in sizes.items() if size > LIMIT} == {}


def _packed(content: bytes) -> int:
    return len(gzip.compress(content, mtime=0))


def _part(client: TestClient, address: str, known: dict[str, int]) -> int:
    kind = address.partition("?")[0].rpartition(".")[2]
    if kind in {"css", "js"} and address not in known:
        known[address] = _packed(client.get(address).content)
    return known.get(address, 0)

"""A world, the application over it, and browsers signed in as each of its people."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from broker.config import Settings
from broker.db import Database
from broker.web.app import create_app
from tests.web.world import PASSWORD, World, build


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL one case of each test of pages is enough: cases differ in what is typed, not in how it is kept,
    and each takes some times as long there. Tests of access and of faults have all their cases on both."""
    seen: set[tuple[Path, str]] = set()
    further = []
    for test in items:
        called = (test.path, getattr(test, "originalname", test.name))
        here = test.path.is_relative_to(Path(__file__).parent) and "postgresql" in test.name
        if here and test.get_closest_marker("on_both") is None:
            if called in seen:
                further.append(test)
            seen.add(called)
    config.hook.pytest_deselected(items=further)
    items[:] = [test for test in items if test not in further]


@pytest.fixture
def settings(database: Database) -> Settings:
    """A demo home, so that the outbox shows."""
    database.settings.demo_mark.touch()
    return database.settings


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """The world, committed."""
    with database.write() as session:
        return build(session, settings)


@pytest.fixture
def app(settings: Settings, world: World) -> Iterator[FastAPI]:
    """The application over the world's database."""
    app = create_app(settings)
    yield app
    app.state.database.dispose()


@pytest.fixture
def browse(app: FastAPI, world: World) -> Callable[..., TestClient]:
    """`browse()` is a stranger's browser, `browse("broker")` one in which the broker is signed in."""

    def open_browser(name: str | None = None) -> TestClient:
        client = TestClient(
            app, base_url="http://testserver", headers={"sec-fetch-site": "same-origin"}, follow_redirects=False
        )
        if name is not None:
            account = world.accounts[name]
            answer = client.post("/sign-in", data={"email": account.email, "password": PASSWORD})
            assert answer.status_code == 303
        return client

    return open_browser


@pytest.fixture
def queries_of(app: FastAPI) -> Callable[..., int]:
    """`queries_of(act)` counts the statements that `act` makes the application send to the database."""

    def count(act: Callable[[], object]) -> int:
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        engine = app.state.database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            act()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return sum("PRAGMA" not in statement and "BEGIN" not in statement for statement in seen)

    return count

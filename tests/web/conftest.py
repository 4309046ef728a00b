"""A world, the application over it, and browsers signed in as each of its people."""

import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from broker.config import Settings
from broker.db import Database
from broker.web.app import create_app
from tests.emptied import Databases, execute
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


@pytest.fixture(scope="session")
def _sqlite_world(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A database with the world in it, built once, and its rows as they are then."""
    home = tmp_path_factory.mktemp("world")
    shutil.copy(_sqlite_template, home / "broker.db")
    return home / "broker.db", _built(Settings(home=home))


@pytest.fixture(scope="session")
def _postgres_world(
    _postgres_databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Databases, bytes]:
    migrated = _postgres_databases
    execute(migrated.server, f"CREATE DATABASE world TEMPLATE {migrated.template} STRATEGY FILE_COPY")
    rows = _built(Settings(home=tmp_path_factory.mktemp("world"), database_url=migrated.url("world")))
    return Databases(migrated.server, "world"), rows


def _built(settings: Settings) -> bytes:
    settings.demo_mark.touch()
    database = Database(settings)
    with database.write() as session:
        world = build(session, settings)
    database.dispose()
    return pickle.dumps(world)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, home: Path) -> str:
    """A database of the test's own, with the world in it where the test asks for that."""
    has_world = "world" in request.fixturenames
    template = request.getfixturevalue("_sqlite_world")[0] if has_world else request.getfixturevalue("_sqlite_template")
    shutil.copy(template, home / "broker.db")
    return f"sqlite:///{home / 'broker.db'}"


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same on PostgreSQL."""
    has_world = "world" in request.fixturenames
    databases = request.getfixturevalue("_postgres_world")[0] if has_world else None
    with (databases or request.getfixturevalue("_postgres_databases")).lend() as url:
        yield url


@pytest.fixture
def world(request: pytest.FixtureRequest, database: Database) -> World:
    """The world, committed."""
    kind = "sqlite" if database.settings.is_sqlite else "postgres"
    rows: World = pickle.loads(request.getfixturevalue(f"_{kind}_world")[1])
    return rows


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

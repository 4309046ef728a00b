"""Databases that tests give back."""

import pytest

from tests.emptied import Databases, execute


@pytest.fixture
def databases(_postgres_databases: Databases) -> Databases:
    """Copies of the migrated PostgreSQL database."""
    return _postgres_databases


def test_a_database_that_its_test_dropped_is_not_lent_again(databases: Databases) -> None:
    with databases.lend() as dropped:
        name = dropped.rsplit("/", 1)[1]
        execute(databases.server, f"DROP DATABASE {name}")

    with databases.lend() as url:
        assert url != dropped
        execute(url, "SELECT 1 FROM sme")

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel
from sqlmodel import select as select_models

from broker.config import ROOT, Settings
from broker.db import Database, now
from broker.models import Account, Email, Event, LinkPurpose, LoginToken, MatchRun, Role, SignIn
from tests import factories, rows

REVISIONS = [script.revision for script in ScriptDirectory(ROOT / "broker" / "migrations").walk_revisions()][::-1]


@pytest.fixture
def empty(empty_database_url: str, home: Path) -> Iterator[Database]:
    """A database without tables, once on each kind."""
    database = Database(Settings(home=home, database_url=empty_database_url))
    yield database
    database.dispose()


def alembic(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "broker" / "migrations"))
    config.attributes["engine"] = engine
    return config


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def counts(engine: Engine) -> dict[str, int]:
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }


def test_the_migrated_schema_is_the_one_of_the_models(empty: Database) -> None:
    empty.migrate()

    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    assert tables(empty.engine) == set(SQLModel.metadata.tables)


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    empty.migrate()
    before = inspect(empty.engine).get_multi_columns()
    empty.migrate()

    assert repr(inspect(empty.engine).get_multi_columns()) == repr(before)


def test_there_is_one_newest_revision() -> None:
    assert len(ScriptDirectory(ROOT / "broker" / "migrations").get_heads()) == 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_from_every_revision_keeps_every_row(empty: Database, revision: str) -> None:
    command.upgrade(alembic(empty.engine), revision)
    rows.fill(empty.engine)
    before = counts(empty.engine)
    assert min(before.values()) > 0
    empty.migrate()

    assert {name: count for name, count in counts(empty.engine).items() if name in before} == before


def test_a_run_from_before_reports_is_kept_as_it_was_and_reports_nothing(empty: Database) -> None:
    command.upgrade(alembic(empty.engine), "0001")
    rows.fill(empty.engine)
    with empty.engine.connect() as connection:
        before = connection.execute(text("SELECT * FROM matchrun")).mappings().one()
    empty.migrate()

    with empty.engine.connect() as connection:
        after = connection.execute(text("SELECT * FROM matchrun")).mappings().one()
    assert {name: after[name] for name in before} == dict(before)
    with empty.read() as session:
        assert session.exec(select_models(MatchRun.report, MatchRun.frozen)).one() == ({}, {"kept": "Łódź"})


def test_mail_from_before_caps_is_counted_with_its_domain_and_leaves_at_any_hour(empty: Database) -> None:
    command.upgrade(alembic(empty.engine), "0002")
    rows.fill(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE email SET to_address = 'Ada@Firm.Example'"))
    empty.migrate()

    with empty.read() as session:
        hours = session.exec(select_models(Email.domain, Email.zone, Email.opens, Email.closes)).one()
        state = session.exec(select_models(Email.tried_at, Email.in_doubt)).one()
    assert hours == ("firm.example", "", 0, 24 * 60)
    assert state == (None, False)


def test_an_event_from_before_zones_has_its_citys(empty: Database) -> None:
    command.upgrade(alembic(empty.engine), "0003")
    rows.fill(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE city SET timezone = 'Europe/Tallinn'"))
    empty.migrate()

    with empty.read() as session:
        assert session.exec(select_models(Event.zone)).one() == "Europe/Tallinn"


def test_links_and_sessions_from_before_purposes_are_for_signing_in(empty: Database) -> None:
    command.upgrade(alembic(empty.engine), "0003")
    rows.fill(empty.engine)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE account SET role = 'admin'"))
    empty.migrate()

    with empty.read() as session:
        assert session.exec(select_models(LoginToken.purpose)).one() is LinkPurpose.SIGN_IN
        assert session.exec(select_models(SignIn.device)).one() == ""
        assert session.exec(select_models(Account.last_sign_in_at)).one() == rows.MOMENT


def test_going_back_drops_links_that_would_then_open_as_sign_in_links(empty: Database) -> None:
    empty.migrate()
    with empty.write() as session:
        account = factories.make_account(session, Role.ADMIN)
        for purpose in LinkPurpose:
            moment = now(session)
            session.add(LoginToken(token_hash=purpose, account_id=account.id, purpose=purpose, expires_at=moment))
    command.downgrade(alembic(empty.engine), "0003")

    with empty.engine.connect() as connection:
        assert connection.execute(text("SELECT token_hash FROM logintoken")).scalars().all() == ["sign_in"]


def test_down_to_nothing_and_up_again(empty: Database) -> None:
    empty.migrate()
    command.downgrade(alembic(empty.engine), "base")
    assert tables(empty.engine) == set()
    empty.migrate()

    assert tables(empty.engine) == set(SQLModel.metadata.tables)


def test_a_database_that_was_migrated_checks_its_foreign_keys(empty: Database) -> None:
    """A migration on SQLite switches them off for its own connection; none may stay like that."""
    empty.migrate()
    if empty.settings.is_sqlite:
        with empty.engine.connect() as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    orphan = text("INSERT INTO hub (city_code, name) VALUES ('atlantis', 'Nowhere')")
    with empty.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(orphan)

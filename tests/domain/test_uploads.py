"""An uploaded file: read without holding anybody up, imported once."""

import pytest
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import uploads
from broker.errors import ConflictError, InvalidError
from broker.models import Account, ImportFile, Sme
from tests.factories import make_account
from tests.races import behind

CONTENT = b"Company,City\nAdler,Berlin\n"


@pytest.fixture
def account(database: Database) -> Account:
    """A broker of Berlin, committed."""
    with database.write() as session:
        return make_account(session)


@pytest.fixture
def file(database: Database, account: Account) -> ImportFile:
    """A kept file, committed."""
    with database.write() as session:
        return uploads.keep(session, account, "smes.csv", CONTENT)


def test_a_file_is_read_before_the_database_is_asked_anything(session: Session, account: Account) -> None:
    with pytest.raises(InvalidError, match="a PDF document"):
        uploads.keep(session, account, "a.pdf", b"%PDF-1.7")
    assert not session.in_transaction()


def test_a_second_click_does_not_overwrite_the_outcome_of_the_first(database: Database, file: ImportFile) -> None:
    with database.read() as session:
        looked = uploads.look(session, file)
        second = session.get_one(ImportFile, file.id)
    with Session(database.engine, expire_on_commit=False) as session:
        uploads.confirm(session, "ann", file, looked, looked.seal, ())
        with pytest.raises(ConflictError, match="imported already"):
            behind(database, session, lambda other: uploads.confirm(other, "ann", second, looked, looked.seal, ()))
    with database.read() as session:
        assert session.get_one(ImportFile, file.id).outcome["created"] == 1
        assert [sme.name for sme in session.exec(select(Sme))] == ["Adler"]


def test_columns_cannot_be_changed_once_the_file_is_imported(database: Database, file: ImportFile) -> None:
    with database.read() as session:
        looked = uploads.look(session, file)
        second = session.get_one(ImportFile, file.id)
    with database.write() as session:
        uploads.confirm(session, "ann", file, looked, looked.seal, ())
    with database.write() as session, pytest.raises(ConflictError, match="imported already"):
        uploads.set_columns(session, second, looked.sheet, {"name": "City"})

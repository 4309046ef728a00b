"""An uploaded file: read without holding anybody up, imported once, forgotten in time."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import uploads
from broker.domain.choices import Choice, Do, Take
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


def test_a_second_click_does_not_overwrite_the_outcome_of_the_first(
    database: Database, account: Account, file: ImportFile
) -> None:
    with database.read() as session:
        looked = uploads.look(session, file)
        second = session.get_one(ImportFile, file.id)
    with Session(database.engine, expire_on_commit=False) as session:
        uploads.confirm(session, account, file, looked, looked.seal)
        with pytest.raises(ConflictError, match="imported already"):
            behind(database, session, lambda other: uploads.confirm(other, account, second, looked, looked.seal))
    with database.read() as session:
        assert session.get_one(ImportFile, file.id).outcome["created"] == 1
        assert [sme.name for sme in session.exec(select(Sme))] == ["Adler"]


def test_columns_cannot_be_changed_once_the_file_is_imported(
    database: Database, account: Account, file: ImportFile
) -> None:
    with database.read() as session:
        looked = uploads.look(session, file)
        second = session.get_one(ImportFile, file.id)
    with database.write() as session:
        uploads.confirm(session, account, file, looked, looked.seal)
    with database.write() as session, pytest.raises(ConflictError, match="imported already"):
        uploads.set_columns(session, second, looked.sheet, [("City", "name")])


def test_two_columns_cannot_mean_the_same(session: Session, account: Account) -> None:
    file = uploads.keep(session, account, "smes.csv", b"A,B,C\nAdler,Bussard,Berlin\n")
    with pytest.raises(InvalidError, match="The columns 'A' and 'B' are both set to 'Name'"):
        uploads.set_columns(session, file, uploads.read(file), [("A", "name"), ("B", "name"), ("C", "city")])
    assert file.columns == {}


def test_a_column_left_out_is_not_guessed_again(session: Session, account: Account) -> None:
    file = uploads.keep(session, account, "smes.csv", b"Company,Hub\nAdler,Spree\n")
    uploads.set_columns(session, file, uploads.read(file), [("Company", "name"), ("Hub", "")])
    preview = uploads.look(session, file).preview
    assert preview is not None
    assert (preview.columns, preview.ignored) == ({"name": "Company"}, ["Hub"])


def test_decisions_are_kept_with_the_file_and_forgotten_with_its_columns(session: Session, account: Account) -> None:
    file = uploads.keep(session, account, "smes.csv", CONTENT)
    uploads.choose(session, file, {2: Choice(Do.MERGE, {"name": Take.FILE}), 3: Choice(Do.SEPARATE)})
    uploads.choose(session, file, {3: Choice(Do.SKIP)})
    session.flush()
    session.refresh(file)
    assert file.choices == {"2": {"do": "merge", "take": {"name": "file"}}}
    uploads.set_columns(session, file, uploads.read(file), [("Company", "name"), ("City", "city")])
    assert file.choices == {}


def test_rejected_rows_are_kept_until_somebody_had_time_to_mend_them(session: Session, account: Account) -> None:
    file = uploads.keep(session, account, "smes.csv", b"Company,City\nAdler,Berlin\n,Berlin\n")
    looked = uploads.look(session, file)
    before = uploads.rejected_rows(session, file)
    uploads.confirm(session, account, file, looked, looked.seal)
    assert before == uploads.rejected_rows(session, file)
    assert before == {
        "headers": ["problem", "Company", "City"],
        "rows": [["Company: expected the name of the SME", "", "Berlin"]],
    }

    assert uploads.prune(session) == 0
    file.uploaded_at = file.applied_at = now(session) - timedelta(days=31)
    session.add(file)
    session.flush()
    assert uploads.prune(session) == 1
    session.refresh(file)
    assert file.rejected is None
    assert file.outcome["created"] == 1
    with pytest.raises(InvalidError, match="kept for 30 days"):
        uploads.rejected_rows(session, file)


def test_a_file_nobody_confirms_is_deleted_after_a_month(session: Session, account: Account) -> None:
    old, new = (uploads.keep(session, account, name, CONTENT) for name in ("old.csv", "new.csv"))
    old.uploaded_at = now(session) - timedelta(days=31)
    session.add(old)
    session.flush()
    assert uploads.prune(session) == 1
    assert [file.id for file in session.exec(select(ImportFile))] == [new.id]

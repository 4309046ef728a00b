"""Accounts: their addresses, names, and whose password is right."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import accounts
from broker.errors import ConflictError, InvalidError
from broker.models import Account, AuditEntry, Role

PASSWORD = "correct horse battery"


@pytest.fixture
def account(database: Database) -> Account:
    """A broker of Berlin, committed."""
    with database.write() as session:
        return accounts.create(
            session,
            email="Anna.Berg@Brokers.example",
            name=" Anna Berg ",
            role=Role.BROKER,
            city_code="berlin",
            password=PASSWORD,
        )


def test_an_address_is_kept_in_one_form_and_found_however_it_is_written(session: Session, account: Account) -> None:
    assert account.email == "anna.berg@brokers.example"
    assert account.name == "Anna Berg"
    found = accounts.find(session, " ANNA.berg@brokers.EXAMPLE ")
    assert found is not None
    assert found.id == account.id
    assert accounts.find(session, "no address") is None
    assert accounts.find(session, "a@" + "ü" * 5_000_000) is None


def test_an_address_is_kept_as_every_mail_server_takes_it(session: Session) -> None:
    account = accounts.create(session, email="ina@Müller.example", name="Ina", role=Role.ORGANISER)
    assert account.email == "ina@xn--mller-kva.example"
    assert accounts.find(session, "ina@müller.example") is account


def test_a_long_name_is_cut_in_the_records_but_not_the_number(session: Session) -> None:
    account = accounts.create(session, email="long@brokers.example", name="N" * 120, role=Role.ORGANISER)
    actor = accounts.actor(account)
    assert len(actor) == 120
    assert actor.endswith(f"NN (account {account.id})")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": "nobody"}, "is not an e-mail address"),
        ({"email": "jörg@firma.example"}, "before the @-sign are not supported"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "is not an e-mail address"),
        ({"name": "  "}, "1 to 120 characters"),
        ({"city_code": None}, "a broker works for one"),
        ({"city_code": "atlantis"}, "a broker works for one"),
        ({"password": "short"}, "10 to 200 characters"),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_words(session: Session, fields: dict[str, str], told: str) -> None:
    good = {"email": "new@brokers.example", "name": "New", "role": Role.BROKER, "city_code": "berlin"}

    with pytest.raises(InvalidError, match=told):
        accounts.create(session, **(good | {"password": PASSWORD} | fields))  # type: ignore[arg-type]


def test_there_is_one_account_for_an_address(session: Session, account: Account) -> None:
    with pytest.raises(ConflictError):
        accounts.create(session, email="anna.berg@BROKERS.example", name="Other", role=Role.ADMIN)


def test_only_the_right_password_of_an_active_account_authenticates(session: Session, account: Account) -> None:
    def who(email: str, password: str) -> Account | None:
        return accounts.authenticate(session, email, password)

    assert who(account.email, PASSWORD) is not None
    assert who(account.email, PASSWORD + "!") is None
    assert who(account.email, "") is None
    assert who("no@body.example", PASSWORD) is None
    passwordless = accounts.create(session, email="link@only.example", name="Link", role=Role.ORGANISER)
    assert who(passwordless.email, "") is None
    session.get_one(Account, account.id).active = False
    session.flush()
    assert who(account.email, PASSWORD) is None


def test_a_password_is_kept_as_a_hash_at_no_less_than_the_recommended_cost(account: Account) -> None:
    assert account.password_hash is not None
    assert account.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_address_of_a_deactivated_account_is_still_taken(session: Session, account: Account) -> None:
    session.get_one(Account, account.id).active = False
    session.flush()

    with pytest.raises(ConflictError, match="it is deactivated"):
        accounts.create(session, email=account.email, name="Other", role=Role.ADMIN)


def test_a_name_is_changed_and_noted_under_the_former_one(session: Session, account: Account) -> None:
    accounts.rename(session, account, "  Anna Müller ")

    assert session.get_one(Account, account.id).name == "Anna Müller"
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "account.name")).one()
    assert entry.actor == f"Anna Berg (account {account.id})"
    with pytest.raises(InvalidError, match="1 to 120"):
        accounts.rename(session, account, " ")


def test_however_many_ask_at_once_passwords_are_hashed_by_four_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread that ever hashed one holds 19 MiB for good."""
    asking, seen = threading.Barrier(20), set[int]()

    class Noted:
        def hash(self, _password: str) -> str:
            seen.add(threading.get_ident())
            return "hash"

    def ask(_number: int) -> str:
        asking.wait(30)
        return accounts.hash_password(PASSWORD)

    monkeypatch.setattr(accounts, "_passwords", Noted())
    with ThreadPoolExecutor(20) as people:
        assert list(people.map(ask, range(20))) == ["hash"] * 20
    assert 1 <= len(seen) <= 4


def test_who_gets_no_turn_to_be_hashed_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(accounts, "PATIENCE", 0.01)
    with ThreadPoolExecutor(1) as busy:
        monkeypatch.setattr(accounts, "_hashing", busy)
        busy.submit(held.wait)
        with pytest.raises(ConflictError, match="Too many people are signing in at once"):
            accounts.hash_password(PASSWORD)
        held.set()

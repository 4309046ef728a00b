"""Accounts: passwords, mailed links, sessions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import accounts
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Account, Email, LoginToken, Role, SignIn

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


def test_passwords_and_tokens_are_kept_as_hashes_only(database: Database, settings: Settings, account: Account) -> None:
    with database.write() as session:
        token = accounts.sign_in(session, account)
        accounts.mail_link(session, settings, account.email)
    link = _mailed_token(database)

    assert account.password_hash is not None
    assert account.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with database.read() as session:
        hashes = {row.token_hash for row in [*session.exec(select(SignIn)), *session.exec(select(LoginToken))]}
    assert len(hashes) == 2
    assert not hashes & {token, link}
    assert len(token) >= 32


def test_a_session_ends_by_signing_out_by_time_and_with_the_account(database: Database, account: Account) -> None:
    with database.write() as session:
        first, second, third = (accounts.sign_in(session, account) for _ in range(3))

    assert _whose(database, first) == account.id
    assert _whose(database, first + "x") is None
    with database.write() as session:
        accounts.sign_out(session, first)
        old = session.get_one(SignIn, accounts._digest(second))
        old.expires_at = now(session) - timedelta(seconds=1)
        session.add(old)
    assert _whose(database, first) is None
    assert _whose(database, second) is None
    assert _whose(database, third) == account.id
    with database.write() as session:
        session.get_one(Account, account.id).active = False
    assert _whose(database, third) is None


def test_a_new_password_ends_every_session(database: Database, account: Account) -> None:
    with database.write() as session:
        token = accounts.sign_in(session, account)
    with database.write() as session:
        accounts.set_password(session, session.get_one(Account, account.id), "another long password")

    assert _whose(database, token) is None
    with database.read() as session:
        assert accounts.authenticate(session, account.email, PASSWORD) is None
        assert accounts.authenticate(session, account.email, "another long password") is not None


def test_a_mailed_link_works_once(database: Database, settings: Settings, account: Account) -> None:
    with database.write() as session:
        accounts.mail_link(session, settings, "ANNA.BERG@brokers.example")
    token = _mailed_token(database)

    with database.read() as session:
        assert accounts.link_is_open(session, token)
        assert not accounts.link_is_open(session, token + "x")
    with database.write() as session:
        assert accounts.use_link(session, token).id == account.id
    with database.write() as session, pytest.raises(NotFoundError, match="used already"):
        accounts.use_link(session, token)


def test_a_mailed_link_is_too_old_after_ten_minutes(database: Database, settings: Settings, account: Account) -> None:
    with database.write() as session:
        accounts.mail_link(session, settings, account.email)
        row = session.exec(select(LoginToken)).one()
        assert row.expires_at - now(session) <= timedelta(minutes=10)
        row.expires_at = now(session) - timedelta(seconds=1)
        session.add(row)
    token = _mailed_token(database)

    with database.read() as session:
        assert not accounts.link_is_open(session, token)
    with database.write() as session, pytest.raises(NotFoundError):
        accounts.use_link(session, token)


def test_an_unknown_address_is_mailed_nothing(database: Database, settings: Settings, account: Account) -> None:
    with database.write() as session:
        accounts.mail_link(session, settings, "no@body.example")

    with database.read() as session:
        assert session.exec(select(Email)).all() == []
        assert session.exec(select(LoginToken)).all() == []


def test_of_many_clicks_on_one_link_at_once_one_wins(database: Database, settings: Settings, account: Account) -> None:
    with database.write() as session:
        accounts.mail_link(session, settings, account.email)
    token = _mailed_token(database)

    def click(_number: int) -> bool:
        try:
            with database.write() as session:
                accounts.use_link(session, token)
        except NotFoundError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(click, range(16))) == 1


def _whose(database: Database, token: str) -> int | None:
    with database.read() as session:
        account = accounts.signed_in(session, token)
        return account.id if account else None


def _mailed_token(database: Database) -> str:
    with database.read() as session:
        mail = session.exec(select(Email)).one()
    body = message_from_bytes(mail.message, policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content().split("/sign-in/link/")[1].split()[0])

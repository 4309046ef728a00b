"""Another password ends what the old one opened."""

from collections.abc import Callable

import pytest
from sqlmodel import Session

from broker.db import Database, now
from broker.domain import accounts, login_links, passwords, sign_ins, tokens
from broker.errors import NotFoundError
from broker.models import Account, LinkPurpose, Scope
from tests import factories

OLD, NEW = accounts.hash_password("correct horse battery"), accounts.hash_password("another long password")


@pytest.fixture
def account(database: Database) -> Account:
    with database.write() as session:
        return factories.make_account(session, password_hash=OLD)


def signed_in(database: Database, *tokens: str) -> list[bool]:
    with database.read() as session:
        return [sign_ins.signed_in(session, token, now(session)) is not None for token in tokens]


def test_a_changed_password_ends_every_session_but_this_and_every_link(database: Database, account: Account) -> None:
    with database.write() as session:
        this, other = sign_ins.sign_in(session, account), sign_ins.sign_in(session, account)
        link = login_links.make(session, database.settings, account, LinkPurpose.SIGN_IN).rpartition("/")[2]
    with database.write() as session:
        passwords.change(session, account, NEW, this, ends_tokens=False)

    assert signed_in(database, this, other) == [True, False]
    with database.read() as session:
        assert accounts.authenticate(session, account.email, "correct horse battery") is None
        assert accounts.authenticate(session, account.email, "another long password") is not None
        assert login_links.holder(session, link, LinkPurpose.SIGN_IN) is None


def test_tokens_end_with_a_reset_and_with_a_change_where_wanted(database: Database, account: Account) -> None:
    def alive_after(act: Callable[[Session], object]) -> bool:
        with database.write() as session:
            _, secret = tokens.create(session, account, "CRM", Scope.READ, 30)
        with database.write() as session:
            act(session)
        with database.read() as session:
            return tokens.owner(session, secret) is not None

    def reset(session: Session) -> None:
        link = login_links.make(session, database.settings, account, LinkPurpose.PASSWORD)
        passwords.reset(session, link.rpartition("/")[2], OLD)

    assert alive_after(lambda session: passwords.change(session, account, NEW, "", ends_tokens=False))
    assert not alive_after(lambda session: passwords.change(session, account, NEW, "", ends_tokens=True))
    assert not alive_after(reset)


def test_a_reset_ends_every_session_and_works_once(database: Database, account: Account) -> None:
    with database.write() as session:
        tokens = sign_ins.sign_in(session, account), sign_ins.sign_in(session, account)
        first, second = (
            login_links.make(session, database.settings, account, LinkPurpose.PASSWORD).rpartition("/")[2]
            for _ in range(2)
        )
    with database.write() as session:
        assert passwords.reset(session, first, NEW).id == account.id

    assert signed_in(database, *tokens) == [False, False]
    for used in (first, second):
        with database.write() as session, pytest.raises(NotFoundError, match="used already"):
            passwords.reset(session, used, OLD)
    with database.read() as session:
        assert accounts.authenticate(session, account.email, "another long password") is not None

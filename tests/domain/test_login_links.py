"""Mailed links: once, in time, for what they are for and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
from sqlmodel import select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import login_links
from broker.domain.digests import digest
from broker.errors import NotFoundError
from broker.models import Account, AuditEntry, Email, LinkPurpose, LoginToken
from tests import factories
from tests.domain.links import mailed_token

MAILS = {LinkPurpose.SIGN_IN: login_links.mail_sign_in, LinkPurpose.PASSWORD: login_links.mail_password}


@pytest.fixture
def account(database: Database) -> Account:
    with database.write() as session:
        return factories.make_account(session, email="anna.berg@brokers.example")


def make(database: Database, account: Account, purpose: LinkPurpose) -> str:
    with database.write() as session:
        return login_links.make(session, database.settings, account, purpose).rpartition("/")[2]


@pytest.mark.parametrize("purpose", MAILS)
def test_a_mailed_link_works_once(
    database: Database, settings: Settings, account: Account, purpose: LinkPurpose
) -> None:
    with database.write() as session:
        MAILS[purpose](session, settings, "ANNA.BERG@brokers.example")
    token = mailed_token(database, purpose.value, login_links.PATHS[purpose])

    with database.read() as session:
        assert login_links.holder(session, token, purpose) == account
        assert login_links.holder(session, token + "x", purpose) is None
        assert session.exec(select(LoginToken.token_hash)).all() == [digest(token)]
    with database.write() as session:
        assert login_links.use(session, token, purpose).id == account.id
    with database.write() as session, pytest.raises(NotFoundError, match="used already"):
        login_links.use(session, token, purpose)


@pytest.mark.parametrize(("made_for", "tried_for"), list(permutations(LinkPurpose, 2)))
def test_a_link_of_one_purpose_serves_no_other(
    database: Database, account: Account, made_for: LinkPurpose, tried_for: LinkPurpose
) -> None:
    token = make(database, account, made_for)

    with database.write() as session:
        assert login_links.holder(session, token, tried_for) is None
        with pytest.raises(NotFoundError):
            login_links.use(session, token, tried_for)
    with database.write() as session:
        assert login_links.use(session, token, made_for).id == account.id


@pytest.mark.parametrize(
    ("purpose", "longest"),
    [
        (LinkPurpose.SIGN_IN, timedelta(minutes=10)),
        (LinkPurpose.PASSWORD, timedelta(minutes=30)),
        (LinkPurpose.INVITATION, timedelta(days=7)),
    ],
)
def test_a_link_is_too_old_after_its_time(
    database: Database, account: Account, purpose: LinkPurpose, longest: timedelta
) -> None:
    token = make(database, account, purpose)
    with database.write() as session:
        row = session.exec(select(LoginToken)).one()
        assert longest - timedelta(seconds=30) < row.expires_at - now(session) <= longest
        row.expires_at = now(session) - timedelta(seconds=1)

    with database.write() as session:
        assert login_links.holder(session, token, purpose) is None
        with pytest.raises(NotFoundError, match="older than"):
            login_links.use(session, token, purpose)


def test_of_many_clicks_on_one_link_at_once_one_wins(database: Database, account: Account) -> None:
    token = make(database, account, LinkPurpose.SIGN_IN)

    def click(_number: int) -> bool:
        try:
            with database.write() as session:
                login_links.use(session, token, LinkPurpose.SIGN_IN)
        except NotFoundError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(click, range(16))) == 1


def test_a_deactivated_accounts_link_opens_nothing(database: Database, account: Account) -> None:
    token = make(database, account, LinkPurpose.PASSWORD)
    with database.write() as session:
        session.get_one(Account, account.id).active = False

    with database.write() as session, pytest.raises(NotFoundError):
        login_links.use(session, token, LinkPurpose.PASSWORD)


def test_revoking_ends_the_links_named_and_no_others(database: Database, account: Account) -> None:
    tokens = {purpose: make(database, account, purpose) for purpose in LinkPurpose}
    with database.write() as session:
        other = factories.make_account(session)
        others = login_links.make(session, database.settings, other, LinkPurpose.PASSWORD).rpartition("/")[2]
        login_links.revoke(session, account, LinkPurpose.PASSWORD)

    with database.read() as session:
        is_open = {purpose: bool(login_links.holder(session, token, purpose)) for purpose, token in tokens.items()}
        assert login_links.holder(session, others, LinkPurpose.PASSWORD) == other
    assert is_open == {LinkPurpose.SIGN_IN: True, LinkPurpose.PASSWORD: False, LinkPurpose.INVITATION: True}
    with database.write() as session:
        login_links.revoke(session, account)
        assert not any(login_links.holder(session, token, purpose) for purpose, token in tokens.items())


@pytest.mark.parametrize("purpose", MAILS)
def test_an_unknown_address_is_mailed_nothing(
    database: Database, settings: Settings, account: Account, purpose: LinkPurpose
) -> None:
    with database.write() as session:
        MAILS[purpose](session, settings, "no@body.example")
        MAILS[purpose](session, settings, "no address")

    with database.read() as session:
        for table in (Email, LoginToken, AuditEntry):
            assert session.exec(select(table)).all() == []

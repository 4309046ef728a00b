"""Sessions: whose they are, and how they end."""

from datetime import timedelta

import pytest
from sqlmodel import select

from broker.db import Database, now
from broker.domain import login_links, sign_ins, tokens
from broker.domain.digests import digest
from broker.models import Account, AuditEntry, LinkPurpose, Scope, SignIn
from tests import factories


@pytest.fixture
def account(database: Database) -> Account:
    with database.write() as session:
        return factories.make_account(session)


def whose(database: Database, token: str) -> int | None:
    with database.read() as session:
        account = sign_ins.signed_in(session, token, now(session))
        return account.id if account else None


def test_a_session_ends_by_signing_out_by_time_and_with_the_account(database: Database, account: Account) -> None:
    with database.write() as session:
        first, second, third = (sign_ins.sign_in(session, account) for _ in range(3))

    assert whose(database, first) == account.id
    assert whose(database, first + "x") is None
    with database.write() as session:
        sign_ins.sign_out(session, first)
        session.get_one(SignIn, digest(second)).expires_at = now(session) - timedelta(seconds=1)
    assert whose(database, first) is None
    assert whose(database, second) is None
    assert whose(database, third) == account.id
    with database.write() as session:
        session.get_one(Account, account.id).active = False
    assert whose(database, third) is None


def test_a_session_lasts_seven_days_at_the_most_and_its_token_is_kept_as_a_hash(
    database: Database, account: Account
) -> None:
    with database.write() as session:
        token = sign_ins.sign_in(session, account, "Firefox on Windows")

    with database.read() as session:
        row = session.exec(select(SignIn)).one()
        last = session.get_one(Account, account.id).last_sign_in_at
    assert (row.expires_at - row.created_at, last) == (timedelta(days=7), row.created_at)
    assert (row.device, row.token_hash) == ("Firefox on Windows", digest(token))
    assert len(token) == 43  # 256 bits


def test_everywhere_is_everywhere_but_only_for_this_account(database: Database, account: Account) -> None:
    with database.write() as session:
        other = factories.make_account(session)
        mine = [sign_ins.sign_in(session, account) for _ in range(3)]
        theirs = sign_ins.sign_in(session, other)
        link = login_links.make(session, database.settings, account, LinkPurpose.SIGN_IN).rpartition("/")[2]
        secrets = [tokens.create(session, who, "CRM", Scope.READ, 30)[1] for who in (account, other)]
    with database.write() as session:
        assert sign_ins.sign_out_everywhere(session, account, ends_tokens=False) == 3
        assert tokens.owner(session, secrets[0]) is not None
        assert login_links.holder(session, link, LinkPurpose.SIGN_IN) is None
        assert sign_ins.sign_out_everywhere(session, account, ends_tokens=True) == 0
        assert [tokens.owner(session, secret) is None for secret in secrets] == [True, False]

    assert [whose(database, token) for token in mine] == [None] * 3
    assert whose(database, theirs) == other.id
    with database.read() as session:
        actions = session.exec(select(AuditEntry.action).where(AuditEntry.subject == f"account {account.id}")).all()
    assert actions == ["account.sign-in"] * 3 + ["account.sign-out-everywhere"] * 2


def test_open_sessions_are_listed_newest_first_without_those_that_are_over(
    database: Database, account: Account
) -> None:
    with database.write() as session:
        old, over, new = (sign_ins.sign_in(session, account, name) for name in ("old", "over", "new"))
        session.get_one(SignIn, digest(over)).expires_at = now(session) - timedelta(seconds=1)
        session.get_one(SignIn, digest(old)).created_at = now(session) - timedelta(hours=1)
    with database.read() as session:
        assert [row.device for row in sign_ins.open_sign_ins(session, account)] == ["new", "old"]
    assert whose(database, new) == account.id

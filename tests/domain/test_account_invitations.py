"""Invitations: an account made by one person and taken over by another."""

from datetime import timedelta

import pytest
from sqlmodel import select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import account_invitations, accounts, login_links, sign_ins
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Account, AuditEntry, Email, LinkPurpose, Role
from tests.domain.links import mailed_token

PASSWORD = "correct horse battery"


@pytest.fixture
def invited(database: Database, settings: Settings) -> Account:
    with database.write() as session:
        return account_invitations.invite(session, settings, "Ada", "Bo@City.example", "Bo", Role.BROKER, "rome")


def token(database: Database) -> str:
    return mailed_token(database, "account_invitation", "/invitation/")


def accept(database: Database, with_token: str, name: str = "Bo Rossi", password: str | None = PASSWORD) -> str:
    with database.write() as session:
        password_hash = accounts.hash_password(password) if password else None
        return account_invitations.accept(session, with_token, name, password_hash, "Safari on Mac")[1]


def test_who_is_invited_takes_the_account_over_and_is_signed_in(database: Database, invited: Account) -> None:
    cookie = accept(database, token(database))

    with database.read() as session:
        account = sign_ins.signed_in(session, cookie, now(session))
        assert account is not None
        assert (account.id, account.name, account.role, account.city_code) == (
            invited.id,
            "Bo Rossi",
            Role.BROKER,
            "rome",
        )
        assert accounts.authenticate(session, "bo@city.example", PASSWORD) is not None
        actions = [(entry.action, entry.actor) for entry in session.exec(select(AuditEntry))]
    assert actions == [("account.invite", "Ada"), ("account.accept", f"Bo Rossi (account {invited.id})")]


def test_an_invitation_works_once(database: Database, invited: Account) -> None:
    used = token(database)
    accept(database, used)

    with pytest.raises(NotFoundError, match="used already"):
        accept(database, used)


def test_without_a_password_the_account_goes_on_with_mailed_links(database: Database, invited: Account) -> None:
    accept(database, token(database), password=None)

    with database.read() as session:
        assert session.get_one(Account, invited.id).password_hash is None
        assert accounts.authenticate(session, invited.email, "") is None


def test_the_mail_says_what_for_and_may_take_two_days_to_arrive(database: Database, invited: Account) -> None:
    with database.read() as session:
        mail = session.exec(select(Email)).one()
    text = mail.message.decode()
    assert (mail.kind, mail.to_address, mail.sme_id) == ("account_invitation", "bo@city.example", None)
    assert "as a broker of Rome" in text
    assert timedelta(hours=47) < mail.deadline - mail.created_at <= timedelta(days=2)


def test_an_invitation_sent_again_ends_the_older_one(database: Database, settings: Settings, invited: Account) -> None:
    first = token(database)
    with database.write() as session:
        account_invitations.resend(session, settings, "Ada", session.get_one(Account, invited.id))
    second = token(database)

    with database.read() as session:
        assert login_links.holder(session, first, LinkPurpose.INVITATION) is None
        assert login_links.holder(session, second, LinkPurpose.INVITATION) is not None


def test_nobody_is_invited_again_who_has_signed_in_or_is_deactivated(
    database: Database, settings: Settings, invited: Account
) -> None:
    with database.write() as session:
        session.get_one(Account, invited.id).active = False
    with database.write() as session, pytest.raises(ConflictError, match="deactivated"):
        account_invitations.resend(session, settings, "Ada", session.get_one(Account, invited.id))
    with database.write() as session:
        session.get_one(Account, invited.id).active = True
    accept(database, token(database))
    with database.write() as session, pytest.raises(ConflictError, match="signed in before"):
        account_invitations.resend(session, settings, "Ada", session.get_one(Account, invited.id))


@pytest.mark.parametrize(
    ("email", "name", "role", "city", "told"),
    [
        ("nobody", "Bo", Role.BROKER, "rome", "not an e-mail address"),
        ("new@city.example", " ", Role.BROKER, "rome", "1 to 120 characters"),
        ("new@city.example", "Bo", Role.BROKER, None, "a broker works for one"),
    ],
)
def test_nobody_is_invited_to_what_cannot_be(
    database: Database, settings: Settings, email: str, name: str, role: Role, city: str | None, told: str
) -> None:
    with database.write() as session, pytest.raises(InvalidError, match=told):
        account_invitations.invite(session, settings, "Ada", email, name, role, city)


def test_an_address_is_invited_once(database: Database, settings: Settings, invited: Account) -> None:
    with database.write() as session, pytest.raises(ConflictError, match=r"There is an account for bo@city\.example"):
        account_invitations.invite(session, settings, "Ada", "BO@city.example", "Bo", Role.ADMIN, None)

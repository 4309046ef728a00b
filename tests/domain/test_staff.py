"""What an administrator changes of accounts, and never of the own."""

import threading

import pytest

from broker.db import Database, now
from broker.domain import access, login_links, sign_ins, staff, tokens
from broker.errors import BrokerError, ConflictError, InvalidError, NotFoundError
from broker.models import Account, LinkPurpose, Role, Scope
from tests import factories


@pytest.fixture
def admin(database: Database) -> Account:
    with database.write() as session:
        return factories.make_account(session, Role.ADMIN)


@pytest.fixture
def broker(database: Database) -> Account:
    with database.write() as session:
        return factories.make_account(session)


def test_a_role_has_its_city_or_none(database: Database, admin: Account, broker: Account) -> None:
    def change(role: Role, city: str | None) -> tuple[Role, str | None]:
        with database.write() as session:
            row = access.account(session, admin, broker.id, lock=True)
            staff.change(session, admin, row, role, city)
            return row.role, row.city_code

    assert change(Role.BROKER, "pilsen") == (Role.BROKER, "pilsen")
    assert change(Role.ORGANISER, "pilsen") == (Role.ORGANISER, None)
    with pytest.raises(InvalidError, match="a broker works for one"):
        change(Role.BROKER, None)


def test_who_is_deactivated_is_out_at_once_and_comes_back_by_signing_in(
    database: Database, admin: Account, broker: Account
) -> None:
    with database.write() as session:
        cookie = sign_ins.sign_in(session, broker)
        link = login_links.make(session, database.settings, broker, LinkPurpose.SIGN_IN).rpartition("/")[2]
        _, secret = tokens.create(session, broker, "CRM", Scope.READ, 30)
        staff.deactivate(session, admin, access.account(session, admin, broker.id, lock=True))
    with database.write() as session:
        assert sign_ins.signed_in(session, cookie, now(session)) is None
        with pytest.raises(ConflictError, match="deactivated already"):
            staff.deactivate(session, admin, access.account(session, admin, broker.id, lock=True))
    with database.write() as session:
        staff.reactivate(session, admin, access.account(session, admin, broker.id, lock=True))

    with database.read() as session:
        assert session.get_one(Account, broker.id).active
        assert sign_ins.signed_in(session, cookie, now(session)) is None
        assert login_links.holder(session, link, LinkPurpose.SIGN_IN) is None
        assert tokens.owner(session, secret) is None


def test_nobody_deactivates_or_demotes_the_own_account(database: Database, admin: Account) -> None:
    for act in (
        lambda session, row: staff.deactivate(session, admin, row),
        lambda session, row: staff.change(session, admin, row, Role.BROKER, "rome"),
    ):
        with database.write() as session, pytest.raises(ConflictError, match="your own account"):
            act(session, access.account(session, admin, admin.id, lock=True))


def test_of_two_administrators_who_deactivate_each_other_at_once_one_stays(database: Database, admin: Account) -> None:
    with database.write() as session:
        other = factories.make_account(session, Role.ADMIN)
    together = threading.Barrier(2)
    refused: list[BrokerError] = []

    def deactivate(own: Account, target: Account) -> None:
        together.wait(10)
        try:
            with database.write() as session:
                staff.deactivate(session, own, access.account(session, own, target.id, lock=True))
        except NotFoundError as error:
            refused.append(error)

    threads = [threading.Thread(target=deactivate, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    with database.read() as session:
        active = [session.get_one(Account, one.id).active for one in (admin, other)]
    assert (sorted(active), len(refused)) == ([False, True], 1)

"""Every "may I" on rows: the own row, or as if there were none."""

from collections.abc import Callable

import pytest
from sqlmodel import Session

from broker.db import now
from broker.domain import access, sign_ins
from broker.domain.digests import digest
from broker.errors import NotFoundError
from broker.models import Account, Event, ImportFile, MatchRun, Role
from tests import factories


def test_a_broker_has_the_smes_of_the_own_city_and_an_administrator_all(session: Session) -> None:
    sme = factories.make_sme(session, city="berlin")
    own, other, admin = _broker(session, "berlin"), _broker(session, "pilsen"), _account(session, Role.ADMIN)

    assert access.sme(session, own, sme.id or 0) is sme
    assert access.sme(session, admin, sme.id or 0, lock=True) is sme
    assert (access.cities(own), access.cities(admin)) == ("berlin", None)
    _gone(lambda: access.sme(session, other, sme.id or 0))
    _gone(lambda: access.sme(session, own, 99_999))
    _gone(lambda: access.sme(session, _account(session, Role.ORGANISER), sme.id or 0))


def test_an_organiser_has_the_own_events_and_their_runs(session: Session) -> None:
    own, other, admin = (_account(session, role) for role in (Role.ORGANISER, Role.ORGANISER, Role.ADMIN))
    event = factories.make_event(session, organiser_id=own.id)
    nobodys = factories.make_event(session)
    run = _run(session, event)

    assert access.event(session, own, event.id or 0) is event
    assert access.event(session, admin, nobodys.id or 0) is nobodys
    assert access.run(session, own, event.id or 0, run.id or 0) is run
    _gone(lambda: access.event(session, other, event.id or 0))
    _gone(lambda: access.event(session, own, nobodys.id or 0))
    _gone(lambda: access.event(session, _broker(session, "berlin"), event.id or 0))
    _gone(lambda: access.run(session, other, event.id or 0, run.id or 0))
    _gone(lambda: access.run(session, admin, nobodys.id or 0, run.id or 0))


def test_an_uploaded_file_is_its_uploaders_alone(session: Session) -> None:
    own, colleague, admin = _broker(session, "berlin"), _broker(session, "berlin"), _account(session, Role.ADMIN)
    file = _file(session, own, "berlin")

    assert access.import_file(session, own, file.id or 0) is file
    _gone(lambda: access.import_file(session, colleague, file.id or 0))
    _gone(lambda: access.import_file(session, admin, file.id or 0))


def test_a_file_uploaded_for_another_city_or_for_all_is_gone_for_who_works_for_one(session: Session) -> None:
    mover, demoted = _broker(session, "berlin"), _account(session, Role.ADMIN)
    berlins, everywheres = _file(session, mover, "berlin"), _file(session, demoted, None)
    mover.city_code = "rome"
    assert access.import_file(session, demoted, everywheres.id) is everywheres
    demoted.role, demoted.city_code = Role.BROKER, "rome"

    _gone(lambda: access.import_file(session, mover, berlins.id))
    _gone(lambda: access.import_file(session, demoted, everywheres.id))
    mover.role = Role.ADMIN
    assert access.import_file(session, mover, berlins.id) is berlins


@pytest.mark.parametrize("role", [Role.BROKER, Role.ORGANISER])
def test_a_desk_is_its_role_s_and_the_administrator_s(session: Session, role: Role) -> None:
    account = _broker(session, "berlin") if role == Role.BROKER else _account(session, role)
    wrong = Role.ORGANISER if role == Role.BROKER else Role.BROKER

    assert access.desk(account, role) is account
    assert access.desk(_account(session, Role.ADMIN), role).role == Role.ADMIN
    _gone(lambda: access.desk(account, wrong))


def _gone(ask: Callable[[], object]) -> None:
    with pytest.raises(NotFoundError, match="does not exist, or it is not yours to see"):
        ask()


def _broker(session: Session, city: str) -> Account:
    return factories.make_account(session, Role.BROKER, city=city)


def _account(session: Session, role: Role) -> Account:
    return factories.make_account(session, role)


def _file(session: Session, account: Account, city: str | None) -> ImportFile:
    file = ImportFile(account_id=account.id, file_name="a.csv", content=b"a", city_code=city, uploaded_at=now(session))
    session.add(file)
    session.flush()
    return file


def _run(session: Session, event: Event) -> MatchRun:
    run = MatchRun(event_id=event.id or 0, created_at=now(session))
    session.add(run)
    session.flush()
    return run


def test_an_account_is_an_administrators_to_look_at_and_a_session_its_owners(session: Session) -> None:
    admin, own, other = _account(session, Role.ADMIN), _broker(session, "berlin"), _broker(session, "pilsen")
    handle = digest(sign_ins.sign_in(session, own))[: access.HANDLE]

    assert access.account(session, admin, own.id) is own
    assert access.account(session, admin, own.id, lock=True) is own
    for asker in (own, other, _account(session, Role.ORGANISER)):
        _gone(lambda asker=asker: access.account(session, asker, own.id))  # type: ignore[misc]
    _gone(lambda: access.account(session, admin, 99_999))
    assert access.sign_in(session, own, handle).account_id == own.id
    _gone(lambda: access.sign_in(session, other, handle))
    _gone(lambda: access.sign_in(session, admin, handle))
    for wrong in ("", handle[:-1], "%" * 16, "_" * 16, handle + "0"):
        _gone(lambda wrong=wrong: access.sign_in(session, own, wrong))  # type: ignore[misc]


def test_who_was_made_something_else_meanwhile_changes_no_account(session: Session) -> None:
    admin, other = _account(session, Role.ADMIN), _account(session, Role.ADMIN)
    stale = Account(**admin.model_dump())
    admin.role = Role.ORGANISER
    session.flush()

    _gone(lambda: access.account(session, stale, other.id, lock=True))

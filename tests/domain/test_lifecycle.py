"""From draft to published, paused and expired."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import lifecycle, wishes
from broker.domain.lifecycle import LIFE, MOVES, Step
from broker.errors import ConflictError
from broker.models import AuditEntry, Email, Sme, SmeStatus
from tests.factories import make_account, make_sme
from tests.races import behind


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("status", SmeStatus)
def test_a_step_is_taken_from_its_statuses_only(session: Session, step: Step, status: SmeStatus):
    sme = make_sme(session, status=status)
    if status in MOVES[step].before:
        lifecycle.move(session, "ann", sme, step)
        assert (sme.status, sme.version) == (MOVES[step].after, 2)
        entry = session.exec(select(AuditEntry)).one()
        assert (entry.actor, entry.action, entry.subject) == ("ann", f"profile {step}", f"sme:{sme.id}")
    else:
        with pytest.raises(ConflictError, match="somebody was faster"):
            lifecycle.move(session, "ann", sme, step)
        assert (sme.status, sme.version) == (status, 1)


def test_of_two_who_take_a_step_at_once_one_is_told(database: Database):
    with database.write() as session:
        sme_id = make_sme(session, status=SmeStatus.PUBLISHED).id

    def pause(session: Session) -> bool:
        sme = session.get_one(Sme, sme_id)
        try:
            lifecycle.move(session, "bea", sme, Step.PAUSE)
        except ConflictError:
            return False
        return True

    with Session(database.engine, expire_on_commit=False) as first:
        lifecycle.move(first, "ann", first.get_one(Sme, sme_id), Step.PAUSE)
        assert behind(database, first, pause) is False
    with database.read() as session:
        assert len(session.exec(select(AuditEntry)).all()) == 1


def test_publishing_and_renewing_give_a_year(session: Session):
    sme = make_sme(session, status=SmeStatus.REVIEWED)
    lifecycle.move(session, "ann", sme, Step.PUBLISH)
    assert sme.expires_at is not None
    assert timedelta(0) <= now(session) + LIFE - sme.expires_at < timedelta(minutes=1)
    sme.expires_at, sme.reminded_at = now(session) + timedelta(days=3), now(session)
    session.flush()
    assert lifecycle.is_due(sme, now(session))
    lifecycle.move(session, "ann", sme, Step.RENEW)
    assert (sme.expires_at > now(session) + timedelta(days=364), sme.reminded_at) == (True, None)
    assert not lifecycle.is_due(sme, now(session))


def test_an_expired_profile_that_lacks_something_is_a_draft_when_it_is_renewed(session: Session):
    sme = make_sme(session, status=SmeStatus.EXPIRED, email="")
    lifecycle.move(session, "ann", sme, Step.RENEW)
    assert sme.status is SmeStatus.DRAFT


@pytest.mark.parametrize("status", [SmeStatus.IN_REVIEW, SmeStatus.REVIEWED, SmeStatus.PUBLISHED])
def test_what_paused_itself_and_expired_is_renewed_as_what_it_was(session: Session, status: SmeStatus):
    sme = make_sme(session, status=status, expires_at=now(session) - timedelta(days=1))
    wishes.pause(session, sme)
    assert lifecycle.expire_due(session) == 1
    assert (sme.status, wishes.paused_itself(sme)) == (SmeStatus.EXPIRED, False)

    lifecycle.move(session, "ann", sme, Step.RENEW)

    assert (sme.status, sme.paused_from) == (status, None)


def test_what_is_over_expires_once_and_what_never_had_an_end_gets_one(session: Session):
    over = now(session) - timedelta(seconds=1)
    published = make_sme(session, expires_at=over)
    paused = make_sme(session, status=SmeStatus.PAUSED, expires_at=over)
    endless = make_sme(session)
    draft = make_sme(session, status=SmeStatus.DRAFT, expires_at=over)

    assert (lifecycle.expire_due(session), lifecycle.expire_due(session)) == (2, 0)

    for sme in (published, paused, endless, draft):
        session.refresh(sme)
    assert [sme.status for sme in (published, paused, endless, draft)] == [
        *(SmeStatus.EXPIRED, SmeStatus.EXPIRED, SmeStatus.PUBLISHED, SmeStatus.DRAFT),
    ]
    assert endless.expires_at is not None
    assert endless.expires_at > now(session) + timedelta(days=364)
    assert lifecycle.is_due(published, now(session))


def test_the_broker_of_the_city_is_reminded_once_a_year(session: Session, settings: Settings):
    soon = now(session) + timedelta(days=29)
    sme = make_sme(session, "Adler", city="pilsen", expires_at=soon)
    make_sme(session, "Later", city="pilsen", expires_at=now(session) + timedelta(days=31))
    make_sme(session, "Paused", city="pilsen", status=SmeStatus.PAUSED, expires_at=soon)
    assert lifecycle.remind_due(session, settings) == 0
    account = make_account(session, city="pilsen", name="Hana")
    make_account(session, city="berlin")

    assert (lifecycle.remind_due(session, settings), lifecycle.remind_due(session, settings)) == (1, 0)

    email = session.exec(select(Email)).one()
    assert (email.kind, email.to_address, email.sme_id, email.deadline) == ("expiry", account.email, sme.id, soon)
    assert email.subject == "Is the profile of Adler still true?"
    assert f"/smes/{sme.id}".encode() in email.message
    lifecycle.move(session, "Hana", sme, Step.RENEW)
    assert lifecycle.remind_due(session, settings) == 0
    sme.expires_at = soon + timedelta(hours=1)
    session.flush()
    assert lifecycle.remind_due(session, settings) == 1


def test_two_sweeps_at_once_write_one_reminder(database: Database):
    with database.write() as session:
        make_sme(session, expires_at=now(session) + timedelta(days=5))
        make_account(session)

    with Session(database.engine, expire_on_commit=False) as first:
        lifecycle.remind_due(first, database.settings)
        behind(database, first, lambda session: lifecycle.remind_due(session, database.settings))
    with database.read() as session:
        assert len(session.exec(select(Email)).all()) == 1

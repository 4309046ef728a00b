"""Unsubscribing by the mail program and by hand at the same moment is unsubscribing once."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import outbox, relay, subscriptions, suppressions
from broker.models import AuditEntry, Contact, Email, EmailStatus, Sme, Suppression
from tests.domain.mail_rows import add_mail
from tests.factories import make_event, make_sme
from tests.races import behind


def unsubscribe(session: Session, database: Database, sme: Sme, address: str) -> None:
    settings = database.settings
    token = subscriptions.link(settings, sme.id, address).rpartition("/")[2]
    subscriptions.unsubscribe(session, subscriptions.open_link(session, settings, token, lock=True))


def test_two_at_the_same_moment_are_one(database: Database) -> None:
    with database.write() as session:
        ada = make_sme(session, "Ada", email="ada@firm.example")
    with Session(database.engine) as first:
        unsubscribe(first, database, ada, "ada@firm.example")
        behind(database, first, lambda second: unsubscribe(second, database, ada, "ADA@firm.example"))
    with database.read() as session:
        assert [row.reason for row in session.exec(select(Suppression))] == ["unsubscribed"]
        assert session.exec(select(AuditEntry.action)).all() == ["consent withdrawn"]


def test_two_firms_with_one_address_at_the_same_moment(database: Database) -> None:
    with database.write() as session:
        ada, bea = (make_sme(session, name, email="both@firm.example") for name in ("Ada", "Bea"))
    with Session(database.engine) as first:
        unsubscribe(first, database, ada, "both@firm.example")
        behind(database, first, lambda second: unsubscribe(second, database, bea, "both@firm.example"))
    with database.read() as session:
        assert len(session.exec(select(Suppression)).all()) == 1
        for sme in (ada, bea):
            contact = session.exec(select(Contact).where(Contact.sme_id == sme.id)).one()
            assert not subscriptions.is_subscribed(session, contact)
        assert session.exec(select(Email).where(Email.status != EmailStatus.SUPPRESSED)).all() == []


def test_a_suppression_may_be_lifted_and_a_lifted_one_stays_lifted(session: Session) -> None:
    for _ in range(2):
        suppressions.suppress(session, " Ada@firm.example ", suppressions.UNSUBSCRIBED)
    assert suppressions.reason_of(session, "ada@FIRM.example") == "unsubscribed"
    for _ in range(2):
        suppressions.lift(session, "ada@firm.example")
    assert suppressions.reason_of(session, "ada@firm.example") is None


def contact_of(session: Session, sme: Sme) -> Contact:
    return session.exec(select(Contact).where(Contact.sme_id == sme.id)).one()


def held_mail(session: Session, sme: Sme, error: str) -> int:
    email = add_mail(session, make_event(session), sme, status=EmailStatus.HELD)
    email.to_address, email.error, email.message = "ada@firm.example", error, b"Good day"
    email.deadline = now(session) + timedelta(days=1)
    return email.id


@pytest.mark.parametrize("error", [outbox.STOPPED, relay.IN_DOUBT, ""])
def test_taking_it_back_lets_go_no_mail_that_was_held_before(database: Database, error: str) -> None:
    with database.write() as session:
        ada = make_sme(session, "Ada", email="ada@firm.example")
        held = held_mail(session, ada, error)
    with database.write() as session:
        subscriptions.unsubscribe(session, contact_of(session, ada))
    with database.write() as session:
        subscriptions.resubscribe(session, contact_of(session, ada))
    with database.read() as session:
        email = session.get_one(Email, held)
    assert (email.status, email.error) == (EmailStatus.HELD, error)


def test_a_held_mail_that_is_let_go_after_they_unsubscribed_is_not_sent(database: Database) -> None:
    with database.write() as session:
        ada = make_sme(session, "Ada", email="ada@firm.example")
        held = held_mail(session, ada, "")
        subscriptions.unsubscribe(session, contact_of(session, ada))
        outbox.retry(session, "ann", held)
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    with database.read() as session:
        assert session.get_one(Email, held).status == EmailStatus.SUPPRESSED

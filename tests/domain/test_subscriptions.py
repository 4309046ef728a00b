"""Unsubscribing by the mail program and by hand at the same moment is unsubscribing once."""

from sqlmodel import Session, select

from broker.db import Database
from broker.domain import subscriptions, suppressions
from broker.models import AuditEntry, Contact, Email, EmailStatus, Sme, Suppression
from tests.factories import make_sme
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

"""A mail that waits while its SME's address is corrected goes to the new one, under its Message-ID."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import letters, outbox, relay, subscriptions, suppressions
from broker.domain.claims import NO_ADDRESS
from broker.domain.reminders import ReminderLetter, reminder
from broker.domain.windows import Window
from broker.models import City, Contact, Email, EmailStatus, Sme
from tests.factories import make_event, make_sme, register

OLD, NEW = "ada@old.example", "ada@new.example"


@pytest.fixture
def waiting(database: Database) -> Email:
    """A reminder to Ada's old address that waits; her profile has the new one by now."""
    database.settings.secret_key = "a secret of this test only, long enough"
    with database.write() as session:
        sme, event = make_sme(session, "Spielwerk", email=OLD), make_event(session)
        register(session, event, sme)
        contact = session.exec(select(Contact)).one()
        contact.name = "Łucja, Söhne"
        letter = ReminderLetter(
            event=event,
            city=session.get_one(City, "berlin"),
            sme=sme,
            contact=contact,
            cards=[],
            link="https://match.example/s/1",
            reply_to=None,
            moment=event.created_at,
            window=Window(),
        )
        email = letters.write(session, database.settings, *reminder(database.settings, letter))
        session.flush()
        contact.email = NEW
    return email


def sent(database: Database) -> tuple[Email, EmailMessage]:
    with database.read() as session:
        email = session.exec(select(Email)).one()
    return email, cast(EmailMessage, message_from_bytes(email.message, policy=SMTP))


def test_it_goes_to_the_new_address_with_a_link_that_is_good_there(database: Database, waiting: Email) -> None:
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)
    email, message = sent(database)
    assert (email.to_address, email.domain, email.status) == (NEW, "new.example", EmailStatus.SENT)
    assert (email.message_id, message["Message-ID"]) == (waiting.message_id, waiting.message_id)
    assert [(one.display_name, one.addr_spec) for one in message["To"].addresses] == [("Łucja, Söhne", NEW)]
    assert OLD.encode() not in email.message
    link = subscriptions.link(database.settings, email.sme_id or 0, NEW)
    old_link = subscriptions.link(database.settings, email.sme_id or 0, OLD)
    assert message["List-Unsubscribe"] == f"<{link}>"
    before = cast(EmailMessage, message_from_bytes(waiting.message, policy=SMTP))
    for part, old in zip(message.iter_parts(), before.iter_parts(), strict=True):
        assert part.get_content() == old.get_content().replace(old_link, link)
        assert link in part.get_content()
        assert part.get_content_type() == old.get_content_type()
    assert [file.read_bytes() for file in database.settings.outbox_dir.glob("*.eml")] == [email.message]


@pytest.mark.parametrize("status", [EmailStatus.HELD, EmailStatus.FAILED])
def test_one_that_was_held_or_failed_goes_there_when_it_is_let_go(
    database: Database, waiting: Email, status: EmailStatus
) -> None:
    with database.write() as session:
        session.get_one(Email, waiting.id).status = status
        session.flush()
        outbox.retry(session, "ann", waiting.id)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)
    assert sent(database)[0].to_address == NEW


def test_a_new_address_that_is_suppressed_gets_nothing(database: Database, waiting: Email) -> None:
    with database.write() as session:
        suppressions.suppress(session, NEW, suppressions.BOUNCED)
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    email, _ = sent(database)
    assert (email.to_address, email.status) == (NEW, EmailStatus.SUPPRESSED)


def test_a_suppressed_old_address_keeps_nothing_from_the_new_one(database: Database, waiting: Email) -> None:
    with database.write() as session:
        suppressions.suppress(session, OLD, suppressions.BOUNCED)
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)


def test_where_the_address_was_taken_away_nothing_is_sent(database: Database, waiting: Email) -> None:
    with database.write() as session:
        session.exec(select(Contact)).one().email = ""
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    email, _ = sent(database)
    assert (email.status, email.error) == (EmailStatus.SUPPRESSED, NO_ADDRESS)


def test_mail_to_a_broker_about_an_sme_stays_the_brokers(session: Session, database: Database) -> None:
    database.settings.secret_key = "a secret of this test only, long enough"
    sme: Sme = make_sme(session, email=NEW)
    message = EmailMessage()
    message["To"], message["Subject"], message["Message-ID"] = "bo@city.example", "Not delivered", "<1@us.example>"
    outbox.write(session, message, "undelivered:1", "undelivered", None, sme.id)
    session.commit()
    assert relay.deliver_due(database, owner="w") == relay.Delivered(sent=1)
    assert sent(database)[0].to_address == "bo@city.example"


def test_a_reminder_that_was_let_go_after_the_last_call_is_not_sent(database: Database, waiting: Email) -> None:
    with database.write() as session:
        email = session.get_one(Email, waiting.id)
        session.add(
            Email(
                **email.model_dump(exclude={"id", "key", "kind", "message_id", "status"}),
                key="last_call:1:1",
                kind="last_call",
                message_id="<2@us.example>",
                status=EmailStatus.SENT,
            )
        )
    assert relay.deliver_due(database, owner="w") == relay.Delivered()
    with database.read() as session:
        email = session.get_one(Email, waiting.id)
    assert (email.status, email.error) == (EmailStatus.SUPPRESSED, outbox.LAST_CALLED)

"""The next mail is the oldest that is due and may still go; two workers never get the same one."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import consents, events, outbox, relay, suppressions
from broker.domain.claims import MINUTE, SUPPRESSED, TOO_LATE, WITHDRAWN, claim
from broker.domain.delivery import TemporaryFailure
from broker.models import (
    Answer,
    Email,
    EmailStatus,
    Event,
    Interest,
    Purpose,
    ShortlistStatus,
    Sme,
)
from tests import factories
from tests.domain.test_outbox import message


def add(session: Session, number: int, to: str = "ann@firm.example", kind: str = "test", **fields: Any) -> Email:
    sme_id = fields.pop("sme_id", None)
    email = outbox.write(session, message(number, to), f"test:{number}", kind, None, sme_id)
    for name, value in fields.items():
        setattr(email, name, value)
    session.flush()
    return email


def take(database: Database, moment: datetime | None = None) -> str | None:
    """The key of the mail that is claimed next, at another moment than now where one is given."""
    with database.write() as session:
        claimed = claim(session, database.settings, "w", moment or now(session))
        return claimed and session.exec(select(Email.key).where(Email.id == claimed.id)).one()


def ends(database: Database) -> list[tuple[str, EmailStatus, str]]:
    with database.read() as session:
        return [(email.key, email.status, email.error) for email in session.exec(select(Email).order_by(Email.key))]


def test_the_oldest_due_mail_is_next_and_of_two_the_one_written_first(database: Database) -> None:
    with database.write() as session:
        moment = now(session)
        for number, minutes in ((1, -5), (2, -7), (3, -7), (4, 5)):
            add(session, number, next_at=moment + timedelta(minutes=minutes))
    assert [take(database) for _ in range(4)] == ["test:2", "test:3", "test:1", None]


def test_many_workers_deliver_every_mail_once(database: Database) -> None:
    with database.write() as session:
        for number in range(30):
            add(session, number)
    sent: list[int] = []
    threads = [
        threading.Thread(target=lambda name=name: sent.append(relay.deliver_due(database, owner=name).sent))
        for name in ("a", "b", "c", "d")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 30
    with database.read() as session:
        assert {(email.status, email.attempts) for email in session.exec(select(Email))} == {(EmailStatus.SENT, 1)}


@pytest.fixture
def postgresql_only(postgresql_url: str, home: Path) -> Iterator[Database]:
    """On SQLite who writes is alone."""
    database = Database(Settings(home=home, database_url=postgresql_url))
    yield database
    database.dispose()


def test_a_mail_that_another_worker_looks_at_is_passed_over(postgresql_only: Database) -> None:
    with postgresql_only.write() as session:
        add(session, 1)
        add(session, 2)
    with postgresql_only.write() as one:
        assert claim(one, postgresql_only.settings, "one", now(one)) is not None
        assert take(postgresql_only) == "test:2"


def test_an_address_suppressed_since_it_was_written_to_is_not_mailed(database: Database) -> None:
    with database.write() as session:
        add(session, 1, "ann@firm.example")
        add(session, 2, "bea@firm.example")
        suppressions.suppress(session, "ANN@firm.example", "bounced")
    assert take(database) == "test:2"
    assert ends(database) == [("test:1", EmailStatus.SUPPRESSED, SUPPRESSED), ("test:2", EmailStatus.SENDING, "")]


def test_an_sme_that_took_its_consent_back_is_not_mailed_but_its_broker_is(database: Database) -> None:
    with database.write() as session:
        sme = factories.make_sme(session)
        add(session, 1, sme_id=sme.id)
        add(session, 2, sme_id=sme.id, kind="undelivered")
        consents.withdraw_consent(session, sme, [Purpose.MAILING], "test")
    assert take(database) == "test:2"
    assert ends(database) == [("test:1", EmailStatus.SUPPRESSED, WITHDRAWN), ("test:2", EmailStatus.SENDING, "")]


def test_consent_to_be_matched_is_no_consent_to_be_mailed_and_its_end_no_reason_not_to(database: Database) -> None:
    with database.write() as session:
        sme = factories.make_sme(session)
        add(session, 1, sme_id=sme.id)
        consents.withdraw_consent(session, sme, [Purpose.MATCHING], "test")
    assert take(database) == "test:1"


def test_the_mails_of_an_sme_that_is_gone_are_gone(database: Database) -> None:
    with database.write() as session:
        sme = factories.make_sme(session)
        add(session, 1, sme_id=sme.id)
        session.delete(sme)
    assert take(database) is None
    assert ends(database) == []


def test_a_mail_is_not_tried_after_its_deadline(database: Database) -> None:
    with database.write() as session:
        add(session, 1, deadline=now(session) - timedelta(seconds=1), error="451 later")
    assert take(database) is None
    assert ends(database) == [("test:1", EmailStatus.FAILED, f"{TOO_LATE} 451 later")]


BERLIN = {"zone": "Europe/Berlin", "opens": 8 * 60, "closes": 20 * 60}
BEFORE_CLOSING = datetime(2026, 3, 28, 18, 59, tzinfo=UTC)
"""19:59 in Berlin; in the night the clocks are put forward."""


def test_a_backlog_goes_on_at_the_next_opening_once_its_hours_are_over(database: Database) -> None:
    due = {"next_at": BEFORE_CLOSING - timedelta(hours=1), "deadline": BEFORE_CLOSING + timedelta(days=9)}
    with database.write() as session:
        for number in (1, 2, 3):
            add(session, number, **due, **BERLIN)
        add(session, 4, **due, **(BERLIN | {"zone": "Europe/Lisbon"}))
    assert take(database, BEFORE_CLOSING) == "test:1"
    assert take(database, BEFORE_CLOSING + timedelta(minutes=1)) == "test:4"  # an hour earlier there
    opening = datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    with database.read() as session:
        moved = session.exec(select(Email.next_at).where(Email.status == EmailStatus.QUEUED)).all()
        assert session.exec(select(Email.tried_at).where(Email.status == EmailStatus.QUEUED)).all() == [None, None]
    assert moved == [opening, opening]
    assert take(database, opening - timedelta(seconds=1)) is None
    assert take(database, opening) == "test:2"


def tried(database: Database, key: str, ago: timedelta) -> None:
    with database.write() as session:
        email = session.exec(select(Email).where(Email.key == key)).one()
        email.tried_at = now(session) - ago


def test_no_minute_has_more_attempts_than_the_cap(database: Database) -> None:
    database.settings.mails_per_minute = 2
    with database.write() as session:
        for number in range(4):
            add(session, number)
    assert [take(database) for _ in range(3)] == ["test:0", "test:1", None]
    tried(database, "test:0", MINUTE - timedelta(seconds=20))
    assert take(database) is None
    tried(database, "test:0", MINUTE + timedelta(seconds=1))
    assert [take(database) for _ in range(2)] == ["test:2", None]


def test_a_full_domain_does_not_hold_up_the_others(database: Database) -> None:
    database.settings.mails_per_domain = 1
    with database.write() as session:
        for number, to in enumerate(["a@big.example", "b@BIG.example", "c@big.example", "d@small.example"]):
            add(session, number, to)
    assert [take(database) for _ in range(3)] == ["test:0", "test:3", None]
    tried(database, "test:0", MINUTE + timedelta(seconds=1))
    assert [take(database) for _ in range(2)] == ["test:1", None]


def test_a_mail_counts_once_so_where_there_are_caps_it_is_tried_once_a_minute(database: Database) -> None:
    database.settings.mails_per_minute = 5
    with database.write() as session:
        add(session, 1, tried_at=now(session) - timedelta(seconds=30))
    assert take(database) is None
    tried(database, "test:1", MINUTE + timedelta(seconds=1))
    assert take(database) == "test:1"


def test_the_cap_holds_for_all_workers_together(database: Database) -> None:
    database.settings.mails_per_minute = 5
    with database.write() as session:
        for number in range(20):
            add(session, number)
    threads = [threading.Thread(target=lambda: relay.deliver_due(database, owner="w")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert len(session.exec(select(Email.id).where(col(Email.tried_at).is_not(None))).all()) == 5


def test_a_rehearsal_writes_what_would_be_sent_and_changes_nothing(database: Database) -> None:
    with database.write() as session:
        moment = now(session)
        sme = factories.make_sme(session, consents=(Purpose.MATCHING, Purpose.MAILING))
        add(session, 1)
        add(session, 2, "bea@firm.example")
        add(session, 3, sme_id=sme.id)
        add(session, 4, deadline=moment - timedelta(seconds=1))
        add(session, 5, next_at=moment + timedelta(hours=1))
        suppressions.suppress(session, "bea@firm.example", "bounced")
        consents.withdraw_consent(session, sme, [Purpose.MAILING], "test")
    folder = database.settings.home / "looked at"
    assert relay.rehearse(database, folder) == 1
    (file,) = folder.glob("*.eml")
    assert b"Subject: Mail 1" in file.read_bytes()
    assert {status for _, status, _ in ends(database)} == {EmailStatus.QUEUED}
    assert not database.settings.outbox_dir.exists()


def about(session: Session, number: int, event: Event, sme: Sme, kind: str) -> Email:
    email = add(session, number, f"{sme.id}@firm.example", kind, sme_id=sme.id)
    email.event_id = event.id
    return email


@pytest.mark.parametrize("status", [EmailStatus.FAILED, EmailStatus.HELD])
def test_a_shortlist_that_is_let_go_after_a_newer_one_was_written_is_not_sent(
    database: Database, status: EmailStatus
) -> None:
    with database.write() as session:
        event, ada, bea = factories.make_event(session), factories.make_sme(session), factories.make_sme(session)
        factories.register(session, event, ada, bea)
        old = about(session, 1, event, ada, "shortlist")
        old.status = status
        about(session, 2, event, bea, "shortlist")
        about(session, 3, event, ada, "shortlist").next_at = now(session) + timedelta(hours=1)
        outbox.retry(session, "ann", old.id)
    assert [take(database), take(database)] == ["test:2", None]
    assert ends(database)[0] == ("test:1", EmailStatus.SUPPRESSED, outbox.SUPERSEDED)


def test_a_shortlist_that_failed_for_now_while_a_newer_one_was_approved_is_not_tried_again(database: Database) -> None:
    with database.write() as session:
        event, ada = factories.make_event(session), factories.make_sme(session)
        factories.register(session, event, ada)
        about(session, 1, event, ada, "shortlist")
    with database.write() as session:
        sending = claim(session, database.settings, "w", now(session))
        assert sending is not None
        about(session, 2, event, ada, "shortlist")
    with database.write() as session:
        relay.settle(session, database.settings, sending, "w", TemporaryFailure("451 later"), now(session))
    in_a_minute = datetime.now(UTC) + timedelta(seconds=60)
    assert [take(database, in_a_minute), take(database, in_a_minute)] == ["test:2", None]


def test_who_answers_before_the_reminder_leaves_is_not_reminded(database: Database) -> None:
    with database.write() as session:
        event, ada, bea = factories.make_event(session), factories.make_sme(session), factories.make_sme(session)
        factories.register(session, event, ada, bea)
        for number, (sme, kind) in enumerate(((ada, "reminder"), (bea, "reminder"), (ada, "last_call"))):
            about(session, number, event, sme, kind)
        session.add(
            Interest(
                event_id=event.id,
                sme_id=ada.id,
                partner_id=bea.id,
                answer=Answer.INTERESTED,
                answered_at=now(session),
            )
        )
    assert [take(database), take(database), take(database)] == ["test:1", "test:2", None]
    assert ends(database)[0] == ("test:0", EmailStatus.SUPPRESSED, outbox.ANSWERED)


def test_a_shortlist_that_names_a_partner_who_left_is_not_sent(database: Database) -> None:
    with database.write() as session:
        event = factories.make_event(session)
        ada, bea, cyd = (factories.make_sme(session, name) for name in ("Ada", "Bea", "Cyd"))
        factories.register(session, event, ada, bea, cyd)
        for row in factories.make_shortlists(session, event, (ada, bea), (ada, cyd)).values():
            row.status = ShortlistStatus.APPROVED
        for number, sme in enumerate((ada, bea, cyd)):
            about(session, number, event, sme, "shortlist")
        consents.withdraw_consent(session, cyd, [Purpose.MATCHING], "ann")
    assert [take(database) for _ in range(3)] == ["test:1", "test:2", None]
    assert ends(database)[0] == ("test:0", EmailStatus.SUPPRESSED, outbox.PARTNER_LEFT)


def test_a_shortlist_that_names_a_partner_who_was_taken_off_is_not_sent(database: Database) -> None:
    with database.write() as session:
        event = factories.make_event(session)
        ada, bea, cyd = (factories.make_sme(session, name) for name in ("Ada", "Bea", "Cyd"))
        factories.register(session, event, ada, bea, cyd)
        factories.register(session, factories.make_event(session), cyd)
        for row in factories.make_shortlists(session, event, (ada, bea), (ada, cyd)).values():
            row.status = ShortlistStatus.APPROVED
        for number, sme in enumerate((ada, bea)):
            about(session, number, event, sme, "shortlist")
        about(session, 2, event, ada, "reminder")
        events.withdraw(session, "ann", event.id, cyd.id)
    assert [take(database) for _ in range(3)] == ["test:1", "test:2", None]
    assert ends(database)[0] == ("test:0", EmailStatus.SUPPRESSED, outbox.PARTNER_LEFT)


@pytest.mark.parametrize("kind", ["shortlist", "reminder", "last_call"])
def test_who_was_taken_off_gets_no_more_mails_with_the_link_to_its_page(database: Database, kind: str) -> None:
    with database.write() as session:
        event, ada, bea = factories.make_event(session), factories.make_sme(session), factories.make_sme(session)
        factories.register(session, event, ada, bea)
        for number, (sme, other) in enumerate(((ada, kind), (ada, "invitation"), (bea, kind))):
            about(session, number, event, sme, other)
        events.withdraw(session, "ann", event.id, ada.id)
    assert [take(database) for _ in range(3)] == ["test:1", "test:2", None]
    assert ends(database)[0] == ("test:0", EmailStatus.SUPPRESSED, outbox.LEFT)

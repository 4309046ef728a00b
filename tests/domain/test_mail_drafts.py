"""Mails of draft shortlists are written ahead; approving lets them go as they are, or writes anew what has changed."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from broker.db import Database, now
from broker.domain import approvals, claims, erasure, mail_drafts, mailings, subscriptions
from broker.domain.suppressions import BOUNCED, suppress
from broker.models import City, Contact, Email, EmailStatus, Event, Mailing, MailingKind, Registration, Sme
from tests.factories import make_event, make_shortlists, make_sme, register


@pytest.fixture
def event_id(database: Database) -> int:
    """An event with draft shortlists of three: Ada is on the lists of Bo and Cy, and both are on hers."""
    database.settings.secret_key = "a secret of this test only, long enough"
    with database.write() as session:
        event, *firms = make_event(session), *(make_sme(session, name) for name in ("Ada", "Bo", "Cy"))
        register(session, event, *firms)
        make_shortlists(session, event, (firms[0], firms[1]), (firms[0], firms[2]))
        return event.id


def mails(database: Database, *statuses: EmailStatus) -> dict[str, tuple[str, bytes]]:
    """By the SME's name: Message-ID and bytes of its mail in one of these states."""
    with database.read() as session:
        found = session.exec(
            select(Sme.name, Email.message_id, Email.message)
            .join(Sme, col(Sme.id) == Email.sme_id)
            .where(col(Email.status).in_(statuses))
        ).all()
    assert len({name for name, _, _ in found}) == len(found)
    return {name: (message_id, message) for name, message_id, message in found}


def approve(database: Database, event_id: int) -> None:
    with database.write() as session:
        approvals.approve(session, database.settings, "ann", event_id)


def test_what_was_drafted_is_what_is_sent_to_the_byte(database: Database, event_id: int) -> None:
    assert approvals.prepare(database, event_id) == 3
    drafted = mails(database, EmailStatus.DRAFT)
    assert sorted(drafted) == ["Ada", "Bo", "Cy"]
    assert mails(database, EmailStatus.QUEUED) == {}
    approve(database, event_id)
    assert mails(database, EmailStatus.QUEUED) == drafted
    assert mails(database, EmailStatus.DRAFT) == {}


def test_what_is_there_is_not_drafted_again(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    drafted = mails(database, EmailStatus.DRAFT)
    assert approvals.prepare(database, event_id) == 0
    assert mails(database, EmailStatus.DRAFT) == drafted


def test_approving_before_they_are_drafted_writes_them_itself(database: Database, event_id: int) -> None:
    approve(database, event_id)
    assert sorted(mails(database, EmailStatus.QUEUED)) == ["Ada", "Bo", "Cy"]
    assert approvals.prepare(database, event_id) == 0
    assert mails(database, EmailStatus.DRAFT) == {}


def _named(session: Session, name: str) -> Sme:
    return session.exec(select(Sme).where(Sme.name == name)).one()


def _contact_renamed(session: Session) -> None:
    bo = session.exec(select(Contact).where(Contact.sme_id == _named(session, "Bo").id)).one()
    bo.name = "Barbora Nová"


def _address_corrected(session: Session) -> None:
    bo = session.exec(select(Contact).where(Contact.sme_id == _named(session, "Bo").id)).one()
    bo.email = "new@bo.example"


def _link_revoked(session: Session) -> None:
    bo = _named(session, "Bo").id
    session.exec(select(Registration).where(Registration.sme_id == bo)).one().link_key = "f" * 32


def _partner_renamed(session: Session) -> None:
    _named(session, "Cy").name = "Cyan"


def _event_moved(session: Session) -> None:
    session.exec(select(Event)).one().answers_until += timedelta(hours=1)


@pytest.mark.parametrize(
    ("change", "rewritten"),
    [
        (_contact_renamed, ["Bo"]),
        (_address_corrected, ["Bo"]),
        (_link_revoked, ["Bo"]),
        (_partner_renamed, ["Ada", "Cyan"]),
        (_event_moved, ["Ada", "Bo", "Cy"]),
    ],
)
def test_what_has_changed_since_is_written_anew(
    database: Database, event_id: int, change: Callable[[Session], None], rewritten: Sequence[str]
) -> None:
    approvals.prepare(database, event_id)
    drafted = mails(database, EmailStatus.DRAFT)
    with database.write() as session:
        change(session)
    approve(database, event_id)
    queued = mails(database, EmailStatus.QUEUED)
    ids = {message_id for message_id, _ in drafted.values()}
    assert sorted(name for name, (message_id, _) in queued.items() if message_id not in ids) == rewritten
    assert len(queued) == 3
    assert mails(database, EmailStatus.DRAFT) == {}


def test_a_corrected_address_gets_the_mail(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    with database.write() as session:
        _address_corrected(session)
    approve(database, event_id)
    with database.read() as session:
        assert "new@bo.example" in session.exec(select(Email.to_address)).all()


def test_a_change_seen_by_preparing_again_replaces_the_draft(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    with database.write() as session:
        _contact_renamed(session)
    assert approvals.prepare(database, event_id) == 1
    assert sorted(mails(database, EmailStatus.DRAFT)) == ["Ada", "Bo", "Cy"]
    assert b"Barbora" in mails(database, EmailStatus.DRAFT)["Bo"][1]


def test_drafts_of_lists_that_were_built_again_go(database: Database, event_id: int) -> None:
    """And what was composed for the older lists while that happened is not written."""
    with database.read() as reading:
        event = reading.get_one(Event, event_id)
        plan = approvals.foretell(reading, event_id)
        older = mail_drafts.of_shortlists(reading, database.settings, event, plan.to_mail)
        with database.write() as session:
            make_shortlists(session, event, (_named(session, "Ada"), _named(session, "Bo")))
        assert mail_drafts.write(database, event_id, older, reading) == 0
    assert mails(database, EmailStatus.DRAFT) == {}


def test_a_draft_takes_no_place_of_a_mail_that_waits(database: Database, event_id: int) -> None:
    """The lists were approved for a later date; then others are built, but nobody approves them."""
    approve(database, event_id)
    with database.write() as session:
        event = session.get_one(Event, event_id)
        make_shortlists(session, event, (_named(session, "Bo"), _named(session, "Cy")))
    assert approvals.prepare(database, event_id) == 2
    with database.write() as session:
        taken = [claims.claim(session, database.settings, "worker", now(session)) for _ in range(3)]
    assert sorted(email.moot for email in taken if email) == ["", "", ""]


def test_a_draft_stays_good_while_what_it_says_is_the_same(database: Database, event_id: int) -> None:
    """The sweep sets when a profile expires; a broker saves one as it was."""
    approvals.prepare(database, event_id)
    drafted = mails(database, EmailStatus.DRAFT)
    with database.write() as session:
        for sme in session.exec(select(Sme)):
            sme.expires_at, sme.version = now(session) + timedelta(days=365), sme.version + 1
        session.get_one(Event, event_id).venue = "Another hall"
    assert approvals.prepare(database, event_id) == 0
    approve(database, event_id)
    assert mails(database, EmailStatus.QUEUED) == drafted


def test_who_wants_no_more_since_the_draft_gets_none(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    with database.write() as session:
        bo = session.exec(select(Contact).where(Contact.sme_id == _named(session, "Bo").id)).one()
        subscriptions.unsubscribe(session, bo)
    approve(database, event_id)
    assert sorted(mails(database, EmailStatus.QUEUED)) == ["Ada", "Cy"]
    assert mails(database, EmailStatus.DRAFT, EmailStatus.SUPPRESSED) == {}


def test_a_suppressed_address_gets_none_though_its_draft_is_there(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    with database.write() as session:
        bo = session.exec(select(Contact).where(Contact.sme_id == _named(session, "Bo").id)).one()
        suppress(session, bo.email.upper(), BOUNCED)
    approve(database, event_id)
    assert sorted(mails(database, EmailStatus.QUEUED)) == ["Ada", "Cy"]
    assert sorted(mails(database, EmailStatus.SUPPRESSED)) == ["Bo"]


def test_an_erasure_leaves_no_draft_that_names_the_sme(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    assert any(b". Cy (" in message for _, message in mails(database, EmailStatus.DRAFT).values())
    with database.write() as session:
        erasure.erase(session, "ann", _named(session, "Cy").id)
    assert mails(database, EmailStatus.DRAFT) == {}
    assert approvals.prepare(database, event_id) == 2
    approve(database, event_id)
    # As it stands in a card: the two letters alone may stand in a link by chance.
    found = [message for _, message in mails(database, EmailStatus.QUEUED).values()]
    assert [(b". Cy (" in message, b">Cy<" in message) for message in found] == [(False, False)] * 2


def test_released_drafts_leave_by_the_date_and_hours_of_the_plan(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    with database.write() as session:
        due = now(session) + timedelta(days=1)
        session.add(Mailing(event_id=event_id, kind=MailingKind.SHORTLIST, due_at=due))
    approve(database, event_id)
    with database.read() as session:
        event = session.get_one(Event, event_id)
        queued = session.exec(select(Email)).all()
        cities = {sme.id: session.get_one(City, sme.city_code) for sme in session.exec(select(Sme))}
        assert len(queued) == 3
        for email in queued:
            hours = mailings.window(event, cities[email.sme_id or 0])
            assert (email.status, email.made_of, email.deadline) == (EmailStatus.QUEUED, "", event.answers_until)
            assert (email.zone, email.opens, email.closes) == (hours.zone, hours.opens, hours.closes)
            assert email.next_at >= due


def test_released_drafts_of_a_stopped_mailing_are_held(database: Database, event_id: int) -> None:
    approvals.prepare(database, event_id)
    with database.write() as session:
        mailings.stop(session, "ann", event_id, MailingKind.SHORTLIST)
    approve(database, event_id)
    assert sorted(mails(database, EmailStatus.HELD)) == ["Ada", "Bo", "Cy"]

"""The organiser's mail page: how late, how many, why not, and what can be done about it."""

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, col, select

from broker.db import Database, now
from broker.domain import pulses, suppressions
from broker.models import AuditEntry, Email, EmailStatus
from broker.web.pages import duration
from tests.web.world import World, send_mail

Browse = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def sent(database: Database, world: World) -> None:
    """The event has one mail, and it went out."""
    with database.write() as session:
        send_mail(session, world)


def add_mail(session: Session, world: World, status: EmailStatus, error: str = "", number: int = 1) -> Email:
    """Another mail of the event."""
    moment = now(session)
    email = Email(
        **sent_mail_fields(session, world),
        key=f"introduction:{world.event.id}:{number}:{status}",
        message_id=f"<{number}-{status}@service.example>",
        status=status,
        error=error,
        created_at=moment,
        next_at=moment - timedelta(minutes=3),
        deadline=moment + timedelta(days=1),
    )
    session.add(email)
    session.flush()
    return email


def sent_mail_fields(session: Session, world: World) -> dict[str, object]:
    sent = session.get_one(Email, world.event_email.id)
    names = ("event_id", "sme_id", "to_address", "subject", "message")
    return {"kind": "introduction"} | {name: getattr(sent, name) for name in names}


def told(page: str) -> str:
    """The page's words."""
    body = page[page.index("<main") : page.index("</main>")]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_failure_is_told_in_words_with_what_the_server_said(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        mail = add_mail(session, world, EmailStatus.FAILED)
        mail.error = f"550 5.1.1 <{mail.to_address.upper()}> no such user"
        pulses.beat(session, "sweep")

    words = told(browse("organiser").get(f"/events/{world.event.id}/mail").text)

    assert "Retry all 1 failed mail" in words
    assert (
        "Spielwerk Introduction Failed The mail server refused it for good: most often the address is wrong."
        " 550 5.1.1 <the address> no such user" in words
    )


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (EmailStatus.FAILED, "451 greylisted", "The mail server put it off again and again until its time was over."),
        (
            EmailStatus.FAILED,
            "SMTP connection: ConnectionRefusedError",
            "The mail server could not be reached or used until its time was over.",
        ),
        (EmailStatus.FAILED, "ENOSPC at /outbox", "It could not be delivered until its time was over."),
        (EmailStatus.HELD, "restored from a backup", "Held until somebody releases it. restored from a backup"),
        (EmailStatus.HELD, "in doubt", "The mail server may have taken it already: nobody heard its answer."),
        (EmailStatus.SUPPRESSED, "", "This address is not mailed: it was taken off the list."),
        (EmailStatus.QUEUED, "451 later", "It did not go out yet and is tried again. 451 later"),
    ],
)
def test_each_state_has_its_reason(
    browse: Browse, database: Database, world: World, status: EmailStatus, error: str, reason: str
) -> None:
    with database.write() as session:
        add_mail(session, world, status, error).in_doubt = error == "in doubt"

    page = browse("organiser").get(f"/events/{world.event.id}/mail?status={status}").text

    assert reason in told(page)


def test_a_suppressed_mail_tells_why_its_address_is_not_mailed(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        email = add_mail(session, world, EmailStatus.SUPPRESSED)
        suppressions.suppress(session, email.to_address, "it was returned")

    assert "This address is not mailed: it was returned." in told(
        browse("organiser").get(f"/events/{world.event.id}/mail").text
    )


def test_retrying_all_queues_the_failed_mails_of_this_event_only(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        numbers = [add_mail(session, world, EmailStatus.FAILED, "451", number).id for number in (1, 2)]
        held = add_mail(session, world, EmailStatus.HELD).id
        foreign = session.get_one(Email, world.email.id)
        foreign.status = EmailStatus.FAILED

    client = browse("organiser")
    answer = client.post(f"/events/{world.event.id}/mail/retry")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/events/{world.event.id}/mail")
    with database.read() as session:
        queued = session.exec(select(Email.id).where(Email.status == EmailStatus.QUEUED).order_by(col(Email.id)))
        assert queued.all() == numbers
        assert session.get_one(Email, held).status == EmailStatus.HELD
        assert session.get_one(Email, world.email.id).status == EmailStatus.FAILED
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "email.retry")).all()
        assert [entry.subject for entry in entries] == [f"email {number}" for number in numbers]


def test_one_mail_is_held_and_released(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        email_id = add_mail(session, world, EmailStatus.QUEUED).id
    client = browse("organiser")
    path = f"/events/{world.event.id}/mail"

    client.post(f"{path}/{email_id}/hold")
    held = told(client.get(path).text)
    client.post(f"{path}/{email_id}/retry")

    assert "The mail is held. It stays here until somebody releases it." in held
    assert "Spielwerk Introduction Held Held until somebody releases it." in held
    with database.read() as session:
        assert session.get_one(Email, email_id).status == EmailStatus.QUEUED
        actions = session.exec(select(AuditEntry.action).where(col(AuditEntry.action).startswith("email."))).all()
        assert actions == ["email.hold", "email.retry"]


def test_the_list_is_cut_into_pages_and_filtered_by_state(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        for number in range(51):
            add_mail(session, world, EmailStatus.FAILED, "451", number)
    client = browse("organiser")

    first = client.get(f"/events/{world.event.id}/mail?status=failed").text
    second = client.get(f"/events/{world.event.id}/mail?status=failed&page=2").text
    sent = client.get(f"/events/{world.event.id}/mail?status=sent").text

    assert [page.count("<tr><th") for page in (first, second, sent)] == [51, 2, 2]  # with the table's head
    assert "Page 1 of 2" in first
    assert client.get(f"/events/{world.event.id}/mail?status=lost").status_code == 422


def test_a_silent_worker_is_said_only_while_mail_waits(browse: Browse, database: Database, world: World) -> None:
    client = browse("organiser")
    path = f"/events/{world.event.id}/mail"
    nothing_waits = told(client.get(path).text)
    with database.write() as session:
        add_mail(session, world, EmailStatus.QUEUED)
    waits = told(client.get(path).text)
    with database.write() as session:
        pulses.beat(session, "sweep")
    works = told(client.get(path).text)

    assert "No mail leaves" not in nothing_waits
    assert "No mail leaves at the moment. No worker has run yet. Nothing is lost: mails wait here." in waits
    assert "No mail leaves" not in works
    assert "3 minutes" in works


def test_without_mail_or_trouble_that_is_said(browse: Browse, world: World) -> None:
    assert "All is well" in told(browse("organiser").get(f"/events/{world.event.id}/mail").text)
    assert "No mail yet" in told(browse("other organiser").get(f"/events/{world.other_event.id}/mail").text)
    assert "None in this state" in told(browse("admin").get("/mail?status=held").text)


def test_an_administrator_sees_all_mails_but_not_what_is_in_them(browse: Browse, world: World) -> None:
    page = browse("admin").get("/mail?status=queued").text

    assert "An account Sign-in link Waiting" in told(page)
    assert "link.example" not in page
    assert world.email.to_address not in page


def test_the_page_takes_the_same_number_of_queries_however_many_mails(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    client = browse("organiser")

    def look() -> object:
        return client.get(f"/events/{world.event.id}/mail")

    with database.write() as session:
        add_mail(session, world, EmailStatus.SUPPRESSED)
    few = queries_of(look)
    with database.write() as session:
        for number in range(2, 12):
            add_mail(session, world, EmailStatus.SUPPRESSED, number=number)

    assert queries_of(look) == few


def test_the_events_page_leads_there(browse: Browse, world: World) -> None:
    assert f'href="/events/{world.event.id}/mail"' in browse("organiser").get(f"/events/{world.event.id}").text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (3600, "1 hour"), (90_000, "1 day")],
)
def test_how_long_something_takes_in_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words

"""A mail that came back has failed, once, and only where a mail server says so of a mail of ours."""

import os
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import select

from broker.config import Settings
from broker.db import Database
from broker.domain import bounce_reports, letters
from broker.domain.bounces import return_path
from broker.models import Email, EmailStatus, Suppression
from tests.factories import make_account, make_event, make_sme

REPORT = """\
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

This is the mail system at host mx.example.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Sat, 21 Nov 2026 09:00:00 +0000

Final-Recipient: rfc822; sme@firm.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <sme@firm.example>: Recipient address rejected

--B
Content-Type: {returned}

Message-ID: {message_id}
Subject: Your shortlist

--B--
"""


@pytest.fixture
def settings(database: Database) -> Settings:
    database.settings.bounce_address = "bounces@match.example"
    return database.settings


@pytest.fixture
def email(database: Database, settings: Settings) -> Email:
    """A mail to an SME, sent."""
    with database.write() as session:
        sme, event = make_sme(session, "Ada", email="sme@firm.example"), make_event(session)
        account = make_account(session)
        email = letters.sign_in(session, settings, account, "https://x.example/")
        email.sme_id, email.event_id, email.to_address = sme.id, event.id, "sme@firm.example"
        email.kind = "shortlist"
        email.status = EmailStatus.SENT
        return email


def drop(settings: Settings, content: str | bytes, name: str = "new/1.M1.mx") -> Path:
    path = settings.bounces_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def report(to: str = "x@match.example", action: str = "failed", status: str = "5.1.1", **given: str) -> str:
    parts = {"returned": "text/rfc822-headers", "message_id": "<other@elsewhere.example>"} | given
    return REPORT.format(to=to, action=action, status=status, **parts)


def stored(database: Database, email: Email) -> tuple[EmailStatus, str]:
    with database.read() as session:
        row = session.get_one(Email, email.id)
        return row.status, row.error


def suppressed(database: Database) -> list[str]:
    with database.read() as session:
        return [row.reason for row in session.exec(select(Suppression))]


@pytest.mark.parametrize("name", ["new/1.M1.mx", "dropped"])
@pytest.mark.parametrize("how", ["return path", "message id in headers", "message id in the whole mail"])
def test_a_mail_that_came_back_has_failed_and_its_address_is_suppressed_where_the_return_path_proves_it(
    database: Database, settings: Settings, email: Email, how: str, name: str
) -> None:
    content = {
        "return path": report(f"<{return_path(settings, email).upper()}>"),
        "message id in headers": report(message_id=email.message_id),
        "message id in the whole mail": report(message_id=email.message_id, returned="message/rfc822"),
    }[how]
    path = drop(settings, content, name)
    os.utime(path, (time.time() - 60, time.time() - 60))

    counts = bounce_reports.read_folder(database)

    assert counts == {"failed": 1, "nothing": 0, "later": 0, "unread": 0}
    assert stored(database, email) == (
        EmailStatus.FAILED,
        "bounced: 5.1.1 550 5.1.1 Recipient address rejected",
    )
    assert suppressed(database) == (["bounced"] if how == "return path" else [])
    assert not path.exists()
    drop(settings, content)  # the worker died before it could delete the file, or the server says it twice
    assert bounce_reports.read_folder(database)["nothing"] == 1


@pytest.mark.parametrize(
    ("status", "reasons"),
    [
        ("5.1.1", ["bounced"]),
        ("5.1.10", ["bounced"]),
        ("5.2.1", ["bounced"]),
        ("5.0.0", ["bounced"]),
        ("5.1.8", []),
        ("5.2.2", []),
        ("5.3.2", []),
        ("5.7.1", []),
        ("5.7.26", []),
    ],
)
def test_only_a_bad_address_is_suppressed(
    database: Database, settings: Settings, email: Email, status: str, reasons: list[str]
) -> None:
    drop(settings, report(return_path(settings, email), status=status))

    bounce_reports.read_folder(database)

    assert stored(database, email)[0] is EmailStatus.FAILED
    assert suppressed(database) == reasons


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("failed", "4.2.2"), ("relayed", "2.0.0")])
def test_what_is_only_late_or_went_on_is_nothing(
    database: Database, settings: Settings, email: Email, action: str, status: str
) -> None:
    path = drop(settings, report(return_path(settings, email), action, status))

    assert bounce_reports.read_folder(database)["nothing"] == 1
    assert stored(database, email) == (EmailStatus.SENT, "")
    assert not path.exists()


def answer(settings: Settings, email: Email, **headers: str) -> bytes:
    message = EmailMessage()
    message["To"] = return_path(settings, email)
    message["Subject"] = "Re: Your shortlist"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("I am away until Monday. Status: 5.1.1 Action: failed")
    return message.as_bytes()


def test_an_out_of_office_reply_is_nothing_and_a_persons_reply_waits_for_a_person(
    database: Database, settings: Settings, email: Email
) -> None:
    drop(settings, answer(settings, email, Auto_Submitted="auto-replied"), "new/a")
    drop(settings, answer(settings, email, X_Autoreply="yes"), "new/b")
    drop(settings, answer(settings, email), "new/c")

    assert bounce_reports.read_folder(database) == {"failed": 0, "nothing": 2, "later": 0, "unread": 1}
    assert stored(database, email) == (EmailStatus.SENT, "")
    assert [path.name for path in (settings.bounces_dir / "unread").iterdir()] == ["c"]


def test_forged_unknown_and_oversized_files_are_set_aside(
    database: Database, settings: Settings, email: Email, caplog: pytest.LogCaptureFixture
) -> None:
    local, _, host = return_path(settings, email).partition("@")
    forged = f"{local[:-1]}{'0' if local[-1] != '0' else '1'}@{host}"
    drop(settings, report(forged), "new/a")
    drop(settings, report(message_id=f"<{'0' * 32}@127.0.0.1>"), "new/b")
    drop(settings, report(return_path(settings, email)) + "x" * bounce_reports.MOST_BYTES, "new/c")
    drop(settings, report(return_path(settings, email), message_id=f"<{'0' * 32}@127.0.0.1>"), "new/d")
    caplog.set_level("INFO")

    assert bounce_reports.read_folder(database)["unread"] == 4
    assert stored(database, email) == (EmailStatus.SENT, "")
    assert suppressed(database) == []
    assert sorted(path.name for path in (settings.bounces_dir / "unread").iterdir()) == ["a", "b", "c", "d"]
    assert "4 files not understood" in caplog.text
    assert "@" not in caplog.text
    assert bounce_reports.read_folder(database)["unread"] == 0


def test_what_comes_back_for_an_sme_that_was_erased_is_deleted_with_what_it_says_of_it(
    database: Database, settings: Settings, email: Email
) -> None:
    with database.write() as session:
        session.delete(session.get_one(Email, email.id))
    path = drop(settings, report(return_path(settings, email)))

    assert bounce_reports.read_folder(database)["nothing"] == 1
    assert not path.exists()
    assert not (settings.bounces_dir / "unread").exists()


def test_a_mail_that_is_being_sent_waits_and_a_suppressed_one_stays(
    database: Database, settings: Settings, email: Email
) -> None:
    for status, verdict in ((EmailStatus.SENDING, "later"), (EmailStatus.SUPPRESSED, "nothing")):
        with database.write() as session:
            session.get_one(Email, email.id).status = status
        drop(settings, report(return_path(settings, email)))
        assert bounce_reports.read_folder(database)[verdict] == 1
        assert stored(database, email)[0] is status


def test_an_accounts_address_is_not_suppressed_for_it_could_not_sign_in_again(
    database: Database, settings: Settings, email: Email
) -> None:
    with database.write() as session:
        session.get_one(Email, email.id).kind = "undelivered"
    drop(settings, report(return_path(settings, email)))

    assert bounce_reports.read_folder(database)["failed"] == 1
    assert suppressed(database) == []


def test_half_written_files_links_and_folders_are_left_alone_and_no_folder_is_no_bounce(
    database: Database, settings: Settings, email: Email
) -> None:
    assert sum(bounce_reports.read_folder(database).values()) == 0
    content = report(return_path(settings, email))
    fresh, hidden = drop(settings, content, "fresh"), drop(settings, content, "new/.hidden")
    kept = drop(settings, content, "cur/read")
    outside = settings.home / "secret"
    outside.write_text(content)
    (settings.bounces_dir / "new" / "link").symlink_to(outside)

    assert sum(bounce_reports.read_folder(database).values()) == 0
    assert all(path.exists() for path in (fresh, hidden, kept, outside))
    assert stored(database, email) == (EmailStatus.SENT, "")


def test_a_sweep_reads_a_bounded_number_of_files(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounce_reports, "MOST_FILES", 3)
    for number in range(5):
        drop(settings, "x", f"new/{number}")

    assert bounce_reports.read_folder(database)["unread"] == 3
    assert bounce_reports.read_folder(database)["unread"] == 2


NESTED = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(3_000))
HOSTILE = {
    "mails within mails": "Content-Type: message/rfc822\n\n" * 5_000,
    "parts within parts": NESTED,
    "parts within parts, and many lines": NESTED[:15_000] + "\n" * 200_000,
    "a header without end": f'Content-Type: multipart/report; a="{";" * 200_000}\n\nx',
    "a folded header without end": f'Content-Type: multipart/report; a="{(";" * 60 + chr(10) + " ") * 3_000}\n\nx',
    "a Message-ID that no database looks for": report(message_id="<a\0b@match.example>"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_made_to_break_the_parser_is_set_aside_and_those_behind_it_are_read(
    database: Database, settings: Settings, email: Email, what: str
) -> None:
    drop(settings, HOSTILE[what], "new/a")
    drop(settings, report(return_path(settings, email)), "new/b")

    assert bounce_reports.read_folder(database) == {"failed": 1, "nothing": 0, "later": 0, "unread": 1}
    assert [path.name for path in (settings.bounces_dir / "unread").iterdir()] == ["a"]


def test_a_sweep_reads_for_a_bounded_time(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounce_reports, "MOST_SECONDS", 0.0)
    for number in range(2):
        drop(settings, "x", f"new/{number}")

    assert [bounce_reports.read_folder(database)["unread"] for _ in range(3)] == [1, 1, 0]


PIECES = st.sampled_from([*REPORT.splitlines(keepends=True), "\n", "\0", "Content-Type: message/delivery-status\n\n"])


@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=60).map(lambda s: "".join(s).encode())))
def test_whatever_is_dropped_no_other_mail_fails(
    database: Database, settings: Settings, email: Email, content: bytes
) -> None:
    path = drop(settings, content)

    counts = bounce_reports.read_folder(database)

    assert (sum(counts.values()), counts["failed"]) == (1, 0)
    assert stored(database, email) == (EmailStatus.SENT, "")
    assert not path.exists()


def test_a_file_that_cannot_be_moved_keeps_no_other_from_being_read(
    database: Database, settings: Settings, email: Email
) -> None:
    drop(settings, "no report", "new/1")
    drop(settings, report(return_path(settings, email)), "new/2")
    (settings.bounces_dir / "unread").write_text("where the folder should be")

    assert bounce_reports.read_folder(database) == {"failed": 1, "nothing": 0, "later": 0, "unread": 0}
    assert stored(database, email)[0] == EmailStatus.FAILED


def test_what_nobody_looked_at_in_a_month_is_deleted(database: Database, settings: Settings) -> None:
    unread = settings.bounces_dir / "unread"
    unread.mkdir(parents=True)
    for name, days in (("old", 31), ("new", 29)):
        (unread / name).write_text("Subject: hello\n")
        os.utime(unread / name, (time.time() - days * 86400,) * 2)
    bounce_reports.read_folder(database)
    assert [path.name for path in unread.iterdir()] == ["new"]

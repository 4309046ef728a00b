"""Mails to deliver, and what became of them."""

import time
from collections import Counter
from datetime import datetime
from email.message import EmailMessage

from sqlmodel import Session, select

from broker.db import Database
from broker.domain import outbox
from broker.models import Email, EmailStatus
from tests.waiting import until

DONE = {EmailStatus.SENT, EmailStatus.FAILED, EmailStatus.HELD, EmailStatus.SUPPRESSED}


def write_mail(
    session: Session, number: int, address: str = "", deadline: datetime | None = None, **when: object
) -> Email:
    """One mail of the size of a short letter."""
    message = EmailMessage()
    message["From"], message["To"] = "Us <us@broker.example>", address or f"sme{number}@firm{number % 50}.example"
    message["Subject"], message["Message-ID"] = f"Your shortlist {number}", f"<{number}@broker.example>"
    message.set_content("Four partners for you.\n" * 60)
    return outbox.write(session, message, f"fault:{number}", "test", None, None, deadline, **when)  # type: ignore[arg-type]


def write_mails(database: Database, count: int) -> set[str]:
    """So many mails in one transaction; their Message-IDs."""
    with database.write() as session:
        return {write_mail(session, number).message_id for number in range(count)}


def statuses(database: Database) -> Counter[EmailStatus]:
    """How many mails stand where."""
    with database.read() as session:
        return Counter(session.exec(select(Email.status)).all())


def drained(database: Database, seconds: float) -> float:
    """Wait until every mail has come to an end; the seconds it took."""
    began = time.monotonic()
    until(lambda: set(statuses(database)) <= DONE, seconds, f"all mails done; {statuses(database)}")
    return time.monotonic() - began

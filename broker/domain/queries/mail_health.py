"""What the organiser's mail page reads: the mails of an event (or of all) and what became of them."""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from broker.domain.queries.shortlists import place
from broker.domain.suppressions import address_hash
from broker.models import WEBHOOK, Email, EmailStatus, Event, Sme, Suppression

PAGE_SIZE = 50
ATTENTION = (EmailStatus.FAILED, EmailStatus.HELD, EmailStatus.SUPPRESSED)
"""The states a person looks at."""
KINDS = {
    "shortlist": "Shortlist",
    "introduction": "Introduction",
    "invitation": "Invitation",
    "sign_in": "Sign-in link",
    "account_invitation": "Invitation to an account",
    "password": "Password link",
    "token_made": "Notice of an API token",
    "fresh_link": "Fresh link",
    "undelivered": "Notice that a mail came back",
    "expiry": "Notice that a profile expires",
    "reminder": "Reminder",
    "last_call": "Last call",
    "summary": "Summary for the broker",
}
IN_DOUBT = "The mail server may have taken it already: nobody heard its answer. Released, it might arrive twice."
_IS_MAIL = col(Email.kind) != WEBHOOK
"""Calls of webhooks are looked at by who asked for them."""
ANSWER = re.compile(r"([245])\d\d[ -]")
"""How an answer of a mail server starts."""


@dataclass(frozen=True, slots=True)
class MailRow:
    """One mail in the list: to whom, for what, and why it is where it is."""

    email: Email
    sme: str
    event: Event | None
    kind: str
    reason: str
    said: str
    """What was noted of the last attempt, word for word but for the address, which an SME may not have disclosed."""


@dataclass(frozen=True, slots=True)
class MailPage:
    """One page of the list."""

    rows: list[MailRow]
    page: int
    pages: int
    total: int


def mail_page(session: Session, event_id: int | None, status: EmailStatus | None, page: int = 1) -> MailPage:
    """The mails of an event (None: of all) in one state, or else those a person should look at, newest first."""
    wanted: list[ColumnElement[bool]] = [_IS_MAIL, col(Email.status).in_([status] if status else ATTENTION)]
    if event_id is not None:
        wanted.append(col(Email.event_id) == event_id)
    total = session.exec(select(func.count()).select_from(Email).where(*wanted)).one()
    page, pages, first = place(page, total, PAGE_SIZE)
    found = session.exec(
        select(Email, Sme.name, Event)
        .join(Sme, col(Sme.id) == Email.sme_id, isouter=True)
        .join(Event, col(Event.id) == Email.event_id, isouter=True)
        .where(*wanted)
        .options(defer(Email.message))  # type: ignore[arg-type]  # the bytes are not for a list
        .order_by(col(Email.id).desc())
        .offset(first)
        .limit(PAGE_SIZE)
    ).all()
    why = _suppressed_for(session, [email for email, _, _ in found if email.status == EmailStatus.SUPPRESSED])
    rows = [
        MailRow(
            email,
            name or "",
            event,
            KINDS.get(email.kind, email.kind.replace("_", " ").capitalize()),
            reason(email, why.get(address_hash(email.to_address), "")),
            re.sub(re.escape(email.to_address), "the address", email.error, flags=re.IGNORECASE),
        )
        for email, name, event in found
    ]
    return MailPage(rows, page, pages, total)


def _suppressed_for(session: Session, emails: list[Email]) -> dict[str, str]:
    hashes = [address_hash(email.to_address) for email in emails]
    query = select(Suppression.address_hash, Suppression.reason).where(col(Suppression.address_hash).in_(hashes))
    return dict(session.exec(query).all()) if hashes else {}


def failed(session: Session, event_id: int | None) -> list[int]:
    """The failed mails of an event (None: of all), oldest first."""
    query = select(Email.id).where(_IS_MAIL, Email.status == EmailStatus.FAILED).order_by(col(Email.id))
    return list(session.exec(query if event_id is None else query.where(Email.event_id == event_id)))


def reason(email: Email, suppressed_for: str = "") -> str:
    """Why a mail is where it is, in a sentence; empty where nothing is the matter."""
    if email.status == EmailStatus.SUPPRESSED:
        return f"This address is not mailed: {suppressed_for or 'it was taken off the list'}."
    if email.status == EmailStatus.HELD:
        return IN_DOUBT if email.in_doubt else "Held until somebody releases it."
    if email.status == EmailStatus.FAILED:
        return _why_failed(email.error)
    return "It did not go out yet and is tried again." if email.error and email.status == EmailStatus.QUEUED else ""


def _why_failed(error: str) -> str:
    answer = ANSWER.match(error)
    if answer and answer[1] == "5":
        return "The mail server refused it for good: most often the address is wrong."
    if answer:
        return "The mail server put it off again and again until its time was over."
    if error.startswith("SMTP"):
        return "The mail server could not be reached or used until its time was over."
    return "It could not be delivered until its time was over."

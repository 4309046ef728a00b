"""Mail as it stands in the outbox of a test, and a clock that a test can set."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from broker.models import Email, EmailStatus, Event, Mailing, MailingKind, Shortlist, ShortlistStatus, Sme
from tests.factories import make_event, make_shortlists, make_sme, register

_numbers = itertools.count(1)
Clock = Callable[[datetime], None]


def utc(text: str) -> datetime:
    """A moment such as "2027-03-20 09:00" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """What planning, writing and queueing of mails take for the database's clock."""
    for module in (
        "mailings.plan",
        "mailings.writing",
        "outbox",
        "interests",
        "approvals",
        "queries.mailings",
        "mailings.asking",
        "withdrawals",
    ):
        monkeypatch.setattr(f"broker.domain.{module}.now", lambda _session: moment)


def add_mail(
    session: Session,
    event: Event,
    sme: Sme,
    kind: str = "shortlist",
    status: EmailStatus = EmailStatus.SENT,
    sent_at: datetime | None = None,
) -> Email:
    """A mail about an event to an SME. Its key is like none the service makes: of no run, of no count of reminders."""
    number = next(_numbers)
    moment = sent_at or utc("2027-01-01 00:00")
    email = Email(
        key=f"test:{kind}:{event.id}:{sme.id}:{-number}",
        kind=kind,
        event_id=event.id,
        sme_id=sme.id,
        to_address=f"sme{sme.id}@firm.example",
        subject="Mail",
        message_id=f"<{number}@test>",
        message=b"",
        status=status,
        created_at=moment,
        next_at=moment,
        deadline=moment + timedelta(days=30),
        sent_at=moment if status == EmailStatus.SENT else None,
    )
    session.add(email)
    session.flush()
    return email


def workshop(session: Session) -> Event:
    """In Berlin on 30 March 2027 at 9:30; summer time begins on the 28th."""
    starts = utc("2027-03-30 07:30")
    return make_event(
        session, starts_at=starts, ends_at=starts + timedelta(hours=8), answers_until=starts, created_at=starts
    )


def plan(session: Session, event: Event, kind: MailingKind, due: datetime, stopped: bool = False) -> Mailing:
    """A planned mailing."""
    row = Mailing(event_id=event.id, kind=kind, due_at=due, stopped_at=due if stopped else None)
    session.add(row)
    session.flush()
    return row


def approved_lists(session: Session, event: Event, *pairs: tuple[Sme, Sme]) -> dict[int, Shortlist]:
    """Approved lists on which each pair stands."""
    lists = make_shortlists(session, event, *pairs)
    for shortlist in lists.values():
        shortlist.status = ShortlistStatus.APPROVED
    session.flush()
    return lists


def mailed_pair(session: Session, event: Event, cities: tuple[str, str] = ("berlin", "berlin")) -> tuple[Sme, Sme]:
    """Two SMEs of these cities with approved lists, mailed on 15 March."""
    ada, bea = make_sme(session, "Ada", city=cities[0]), make_sme(session, "Bea", city=cities[1])
    register(session, event, ada, bea)
    approved_lists(session, event, (ada, bea))
    for sme in (ada, bea):
        add_mail(session, event, sme, sent_at=utc("2027-03-15 09:00"))
    return ada, bea


def written(session: Session, kind: MailingKind) -> list[Email]:
    """The mails of a kind that were written by date, in the order of their writing."""
    return list(session.exec(select(Email).where(Email.kind == kind.value, Email.message != b"").order_by("id")))

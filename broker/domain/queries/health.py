"""How well the service does, in figures without a name in them: for /health, /metrics, `broker doctor` and pages."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import pulses
from broker.models import WEBHOOK, Email, EmailStatus, MatchRun, Registration, RunStatus, Sme, SmeStatus

SWEEP_LATE = timedelta(seconds=60)
"""Workers sweep every few seconds: without one for so long, none is at work."""
MAIL_LATE = timedelta(minutes=5)
"""A mail that may leave and still waits after so long has met a fault, or a cap that is too low."""

_IS_MAIL = col(Email.kind) != WEBHOOK
"""By its kind: that is in the index they are counted in, and whoever asks about health should not have 100,000s of
mails read."""


@dataclass(frozen=True, slots=True)
class Health:
    """Of the whole service, or of the mails of one event."""

    now: datetime
    oldest_due: datetime | None
    """Since when the mail that has waited longest could have left."""
    pulses: dict[str, datetime]
    mails: dict[EmailStatus, int]

    @property
    def mail_is_late(self) -> bool:
        """Whether a mail waits longer than it should."""
        return self.oldest_due is not None and self.now - self.oldest_due > MAIL_LATE

    @property
    def has_worker(self) -> bool:
        """Whether a worker has been at work of late."""
        swept = self.pulses.get("sweep")
        return swept is not None and self.now - swept <= SWEEP_LATE

    def count(self, *statuses: EmailStatus) -> int:
        """How many mails are in any of these states."""
        return sum(self.mails.get(status, 0) for status in statuses)

    def seconds_since(self, moment: datetime | None) -> int | None:
        """Whole seconds from then to now; None for never."""
        return None if moment is None else max(0, int((self.now - moment).total_seconds()))


def health(session: Session, event_id: int | None = None) -> Health:
    """The state of the mails, of all or of one event, and of those who deliver them."""
    moment = now(session)
    oldest = select(func.min(Email.next_at)).where(
        col(Email.webhook_id).is_(None), Email.status == EmailStatus.QUEUED, Email.next_at <= moment
    )
    counts = select(Email.status, func.count()).where(_IS_MAIL).group_by(Email.status)
    if event_id is not None:
        oldest, counts = oldest.where(Email.event_id == event_id), counts.where(Email.event_id == event_id)
    return Health(
        now=moment,
        oldest_due=session.exec(oldest).one(),
        pulses=pulses.last(session),
        mails={EmailStatus(status): count for status, count in session.exec(counts)},
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is, by state and kind."""

    mails: dict[tuple[str, str], int]
    """By kind and status."""
    calls: dict[str, int]
    """Of webhooks, by status."""
    attempts_last_minute: int
    runs: dict[str, int]
    smes: dict[str, int]
    registrations: int


def figures(session: Session) -> Figures:
    """The counts that metrics are made of."""
    since = now(session) - timedelta(minutes=1)
    mails = select(Email.kind, Email.status, func.count()).where(_IS_MAIL).group_by(Email.kind, Email.status)
    calls = select(Email.status, func.count()).where(~_IS_MAIL).group_by(Email.status)
    return Figures(
        mails={(kind, EmailStatus(status).value): count for kind, status, count in session.exec(mails)},
        calls={EmailStatus(status).value: count for status, count in session.exec(calls)},
        attempts_last_minute=session.exec(select(func.count()).where(_IS_MAIL, col(Email.tried_at) > since)).one(),
        runs=_by_status(session, MatchRun.status, RunStatus),
        smes=_by_status(session, Sme.status, SmeStatus),
        registrations=session.exec(select(func.count()).select_from(Registration)).one(),
    )


def _by_status(session: Session, column: Any, kind: type[RunStatus] | type[SmeStatus]) -> dict[str, int]:
    """How many rows are in each state, those without any included."""
    counted = Counter({kind(status).value: count for status, count in session.exec(_counted(column))})
    return {status.value: counted[status.value] for status in kind}


def _counted(column: Any) -> Any:
    return select(column, func.count()).group_by(column)

"""An event's plan: when the mails of each kind go out, at which hours of their recipients, and which are stopped."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, literal, update
from sqlmodel import Session, col, select

from broker.db import UTCDateTime, now, wake
from broker.domain import audit
from broker.domain.outbox import STOPPED, SUPERSEDED
from broker.domain.windows import Window, next_open
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import City, Email, EmailStatus, Event, Mailing, MailingKind, Sme
from broker.models.mail import DAY

TITLES = {
    MailingKind.SHORTLIST: "Shortlist",
    MailingKind.REMINDER: "Reminder",
    MailingKind.LAST_CALL: "Last call",
    MailingKind.SUMMARY: "Summary",
}
DAYS_BEFORE = {
    MailingKind.SHORTLIST: 14,
    MailingKind.REMINDER: 7,
    MailingKind.LAST_CALL: 2,
    MailingKind.SUMMARY: 1,
}
"""What the form proposes."""
NOT_PLANNED = "No mail of this kind is planned."


@dataclass(frozen=True, slots=True)
class Plan:
    """When each kind goes out (none: not at all; shortlists: as they are approved), and the send hours."""

    dates: Mapping[MailingKind, datetime]
    opens: int
    closes: int


def lock(session: Session, event_id: int) -> Event:
    """The event, its plan ours until the end of the transaction; NotFoundError. Answers are not kept waiting."""
    event = session.get(Event, event_id, with_for_update={"key_share": True})
    if event is None:
        raise NotFoundError(f"There is no event {event_id}.")
    return event


def by_kind(session: Session, event_id: int) -> dict[MailingKind, Mailing]:
    """The mailings an organiser planned."""
    return {row.kind: row for row in session.exec(select(Mailing).where(Mailing.event_id == event_id))}


def window(event: Event, city: City) -> Window:
    """The hours of an event's mails where their recipient is."""
    return Window(city.timezone, event.opens, event.closes)


def propose(event: Event, city: City, moment: datetime, *, with_shortlist: bool = True) -> Plan:
    """A plan that suits the event's start: a date that has passed is left out."""
    zone = ZoneInfo(city.timezone)
    first = event.starts_at.astimezone(zone).date()
    hour = time(*divmod(min(event.opens + 60, event.closes - 1), 60))
    dates = {
        kind: datetime.combine(first - timedelta(days=days), hour, zone).astimezone(UTC)
        for kind, days in DAYS_BEFORE.items()
        if with_shortlist or kind != MailingKind.SHORTLIST
    }
    future = {kind: due for kind, due in dates.items() if moment < due < event.answers_until}
    return Plan(future, event.opens, event.closes)


def filled(plan: Plan, city: City) -> dict[str, str]:
    """The fields of the form, as `save` reads them."""
    zone = ZoneInfo(city.timezone)
    fields = {kind.value: f"{due.astimezone(zone):%Y-%m-%dT%H:%M}" for kind, due in plan.dates.items()}
    hours = {"opens": plan.opens, "closes": plan.closes % DAY}
    return dict.fromkeys(MailingKind, "") | fields | {name: _clock(minutes) for name, minutes in hours.items()}


def _clock(minutes: int) -> str:
    return "{:02}:{:02}".format(*divmod(minutes, 60))


def parse(fields: Mapping[str, str], event: Event, city: City, standing: Mapping[MailingKind, datetime]) -> Plan:
    """The plan in the fields of the form, dates in the city's time; InvalidError says which field."""
    dates = {kind: _date(kind, text, city) for kind in MailingKind if (text := fields.get(kind, "").strip())}
    opens, closes = (_minutes(fields, name) for name in ("opens", "closes"))
    closes = closes or DAY
    if closes - opens < 60:
        raise InvalidError("Send hours: the end must be at least an hour after the beginning.")
    for kind, due in dates.items():
        # A summary is of use to a broker after the answers are in, too.
        end, what = (
            (event.ends_at, "the event ends")
            if kind == MailingKind.SUMMARY
            else (event.answers_until, "the answers close")
        )
        if due >= end and due != standing.get(kind):
            local = end.astimezone(ZoneInfo(city.timezone))
            raise InvalidError(f"{TITLES[kind]}: must be before {what}, {local:%-d %B %Y, %H:%M}.")
    ordered = list(dates)
    for earlier, later in pairwise(ordered):
        if dates[later] <= dates[earlier]:
            raise InvalidError(f"{TITLES[later]}: must be later than the {TITLES[earlier].lower()}.")
    return Plan(dates, opens, closes)


def _date(kind: MailingKind, text: str, city: City) -> datetime:
    try:
        moment = datetime.fromisoformat(text).replace(second=0, microsecond=0)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(city.timezone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidError(f"{TITLES[kind]}: expected a date and time such as 2027-03-10T09:00.") from None


def _minutes(fields: Mapping[str, str], name: str) -> int:
    try:
        moment = time.fromisoformat(fields.get(name, "").strip())
    except ValueError:
        raise InvalidError("Send hours: expected two times such as 08:00 and 20:00.") from None
    return moment.hour * 60 + moment.minute


def save(session: Session, actor: str, event_id: int, fields: Mapping[str, str]) -> Plan:
    """Set dates and hours as the form says; mails that wait already move along. InvalidError says which field."""
    event, moment = lock(session, event_id), now(session)
    city = session.get_one(City, event.city_code)
    there = by_kind(session, event_id)
    plan = parse(fields, event, city, {kind: row.due_at for kind, row in there.items()})
    for kind in MailingKind:
        _set(session, event_id, kind, there.get(kind), plan.dates.get(kind), moment)
    event.opens, event.closes = plan.opens, plan.closes
    session.flush()
    move(session, event)
    dates = {kind.value: due.isoformat() for kind, due in plan.dates.items()}
    audit.record(session, actor, "mailings.plan", f"event {event_id}", opens=plan.opens, closes=plan.closes, **dates)
    return plan


def _set(
    session: Session, event_id: int, kind: MailingKind, row: Mailing | None, due: datetime | None, moment: datetime
) -> None:
    """Plan one kind, or leave it out."""
    if due is None:
        if row is not None and row.stopped_at:
            raise InvalidError(f"{TITLES[kind]}: it is stopped. Resume it before you leave its date out.")
        if row is not None:
            session.delete(row)
        return
    if row is not None and row.due_at == due:
        return
    if due < moment.replace(second=0, microsecond=0):  # a form knows no seconds
        raise InvalidError(f"{TITLES[kind]}: that time has passed.")
    row = row or Mailing(event_id=event_id, kind=kind, due_at=due)
    row.due_at = due
    session.add(row)


def stop(session: Session, actor: str, event_id: int, kind: MailingKind) -> None:
    """Hold what waits, and write no more of this kind until it is resumed. ConflictError where none is planned.

    Shortlists can be stopped without a date, too: they may wait in a long queue."""
    lock(session, event_id)
    mailing = by_kind(session, event_id).get(kind)
    if mailing is None and kind == MailingKind.SHORTLIST:
        # Whole minutes, as the form knows no others: it must come back from there as it is.
        mailing = Mailing(event_id=event_id, kind=kind, due_at=now(session).replace(second=0, microsecond=0))
    if mailing is None:
        raise ConflictError(NOT_PLANNED)
    if mailing.stopped_at is None:
        mailing.stopped_at = now(session)
        session.add(mailing)
        session.flush()  # from here on no sweep writes any more, so that what it wrote before is there to be held
        held = hold(session, event_id, kind)
        audit.record(session, actor, "mailing.stop", f"event {event_id}", kind=kind, held=held)


def resume(session: Session, actor: str, event_id: int, kind: MailingKind) -> None:
    """Queue what the stop holds again, for the date and hours of the plan. ConflictError where none is planned."""
    event = lock(session, event_id)
    mailing = by_kind(session, event_id).get(kind)
    if mailing is None:
        raise ConflictError(NOT_PLANNED)
    if mailing.stopped_at is not None:
        mailing.stopped_at = None
        session.add(mailing)
        waiting = _update(session, event_id, kind, is_stopped(), status=EmailStatus.QUEUED, error="")
        move(session, event)
        audit.record(session, actor, "mailing.resume", f"event {event_id}", kind=kind, queued=waiting)


def hold(session: Session, event_id: int, kind: MailingKind) -> int:
    """Hold the mails of a stopped mailing that are queued; how many. One that is being sent is sent."""
    return _update(session, event_id, kind, _queued(), status=EmailStatus.HELD, error=STOPPED)


def is_stopped() -> ColumnElement[bool]:
    """Of a mail: a stop holds it, and resuming will queue it again."""
    return (col(Email.status) == EmailStatus.HELD) & (col(Email.error) == STOPPED)


def _queued() -> ColumnElement[bool]:
    return col(Email.status) == EmailStatus.QUEUED


def supersede(session: Session, event_id: int, unchanged: Collection[int]) -> int:
    """Let no shortlist mail leave that still waits while a newer list is approved, but for these SMEs; how many."""
    stale = (_queued() | is_stopped()) & col(Email.sme_id).not_in(unchanged)
    changes = {"status": EmailStatus.SUPPRESSED, "error": SUPERSEDED}
    return _update(session, event_id, MailingKind.SHORTLIST, stale, **changes)


def move(session: Session, event: Event) -> None:
    """Give the waiting mails of an event the date and hours of its plan; a retry does not come sooner by it."""
    mailings, moment = by_kind(session, event.id), now(session)
    for kind, mailing in mailings.items():
        for zone in set(session.exec(select(City.timezone))):
            theirs = select(Sme.id).join(City, col(City.code) == Sme.city_code).where(City.timezone == zone)
            here = col(Email.sme_id).in_(theirs) | (col(Email.sme_id).is_(None) & (col(Email.zone) == zone))
            _leave(session, event, kind, Window(zone, event.opens, event.closes), max(moment, mailing.due_at), here)
    if MailingKind.SHORTLIST not in mailings:
        _leave(session, event, MailingKind.SHORTLIST, Window(), moment, _queued())
    wake(session, "outbox.deliver")


def _leave(
    session: Session, event: Event, kind: MailingKind, hours: Window, due: datetime, whose: ColumnElement[bool]
) -> None:
    at = literal(next_open(due, hours), UTCDateTime)
    backs_off = (col(Email.attempts) > 0) & (col(Email.next_at) > at)
    changes = {"zone": hours.zone, "opens": hours.opens, "closes": hours.closes}
    next_at = case((backs_off, col(Email.next_at)), else_=at)
    _update(session, event.id, kind, _queued() & whose, next_at=next_at, **changes)


def _update(session: Session, event_id: int, kind: MailingKind, whose: ColumnElement[bool], **changes: object) -> int:
    """Change mails of one kind, in the database and in the rows at hand; how many."""
    mails = update(Email).where(col(Email.event_id) == event_id, col(Email.kind) == kind.value, whose)
    return session.connection().execute(mails.values(**changes)).rowcount

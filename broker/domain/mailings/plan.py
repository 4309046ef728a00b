"""An event's plan: when the mails of each kind go out, at which hours of their recipients, and which are stopped."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, literal
from sqlmodel import Session, col, select

from broker.db import UTCDateTime, now, wake
from broker.domain import audit, zones
from broker.domain.outbox import SUPERSEDED
from broker.domain.stops import change, hold, is_queued, is_stopped, lock
from broker.domain.windows import Window, next_open
from broker.errors import ConflictError, InvalidError
from broker.models import DATED, City, Email, EmailStatus, Event, Mailing, MailingKind, Sme
from broker.models.mail import DAY

TITLES = {
    MailingKind.SHORTLIST: "Shortlist",
    MailingKind.REMINDER: "Reminder",
    MailingKind.LAST_CALL: "Last call",
    MailingKind.SUMMARY: "Summary",
    MailingKind.INTRODUCTION: "Introduction",
}
DAYS_BEFORE = {
    MailingKind.SHORTLIST: 14,
    MailingKind.REMINDER: 7,
    MailingKind.LAST_CALL: 2,
    MailingKind.SUMMARY: 1,
}
"""What the form proposes."""
UNDATED = (MailingKind.SHORTLIST, MailingKind.INTRODUCTION)
"""Those that can leave without a date, and so be stopped without one."""
NOT_PLANNED = "No mail of this kind is planned."


@dataclass(frozen=True, slots=True)
class Plan:
    """When each kind goes out (none: not at all; shortlists: as they are approved), and the send hours."""

    dates: Mapping[MailingKind, datetime]
    opens: int
    closes: int
    zone: str
    """The one the dates are shown and typed in; the hours are those of each recipient."""


def by_kind(session: Session, event_id: int) -> dict[MailingKind, Mailing]:
    """The mailings an organiser planned."""
    return {row.kind: row for row in session.exec(select(Mailing).where(Mailing.event_id == event_id))}


def window(event: Event, city: City) -> Window:
    """The hours of an event's mails where their recipient is."""
    return Window(city.timezone, event.opens, event.closes)


def standing(event: Event, mailings: Mapping[MailingKind, Mailing]) -> Plan:
    """The plan as it was saved."""
    dates = {kind: mailings[kind].due_at for kind in DATED if kind in mailings}
    return Plan(dates, event.opens, event.closes, event.zone)


def propose(event: Event, moment: datetime, *, with_shortlist: bool = True) -> Plan:
    """A plan that suits the event's start: a date that has passed is left out."""
    zone = ZoneInfo(event.zone)
    first = event.starts_at.astimezone(zone).date()
    hour = time(*divmod(min(event.opens + 60, event.closes - 1), 60))
    dates = {
        kind: datetime.combine(first - timedelta(days=days), hour, zone).astimezone(UTC)
        for kind, days in DAYS_BEFORE.items()
        if with_shortlist or kind != MailingKind.SHORTLIST
    }
    future = {kind: due for kind, due in dates.items() if moment < due < event.answers_until}
    return Plan(future, event.opens, event.closes, event.zone)


def filled(plan: Plan) -> dict[str, str]:
    """The fields of the form, as `save` reads them."""
    dates = {kind.value: _typed(due, plan.zone) for kind, due in plan.dates.items()}
    hours = {"opens": _clock(plan.opens), "closes": _clock(plan.closes % DAY)}
    return dict.fromkeys(DATED, "") | dates | hours | {"zone": plan.zone}


def _typed(due: datetime, zone: str) -> str:
    return f"{due.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def _clock(minutes: int) -> str:
    return "{:02}:{:02}".format(*divmod(minutes, 60))


def parse(fields: Mapping[str, str], event: Event, there: Plan, moment: datetime) -> Plan:
    """The plan in the fields of the form, dates in the zone they name; InvalidError says which field.

    there: the plan that stands. What has passed, and is as it was, is not looked at again."""
    zone = fields.get("zone", "").strip() or there.zone
    zone = zone if zone == there.zone else zones.checked(zone)
    dates = {kind: _date(kind, text, zone, there, moment) for kind in DATED if (text := fields.get(kind, "").strip())}
    opens, closes = (_minutes(fields, name) for name in ("opens", "closes"))
    closes = closes or DAY
    if closes - opens < 60:
        raise InvalidError("Send hours: the end must be at least an hour after the beginning.")
    plan = Plan(dates, opens, closes, zone)
    _check_ends(plan, event, there)
    open_dates = [kind for kind, due in dates.items() if due > moment or due != there.dates.get(kind)]
    for earlier, later in pairwise(open_dates):
        if dates[later] <= dates[earlier]:
            raise InvalidError(f"{TITLES[later]}: must be later than the {TITLES[earlier].lower()}.")
    return plan


def _check_ends(plan: Plan, event: Event, there: Plan) -> None:
    for kind, due in plan.dates.items():
        # A summary is of use to a broker after the answers are in, too.
        end, what = (
            (event.ends_at, "the event ends")
            if kind == MailingKind.SUMMARY
            else (event.answers_until, "the answers close")
        )
        if due >= end and due != there.dates.get(kind):
            local = end.astimezone(ZoneInfo(plan.zone))
            raise InvalidError(f"{TITLES[kind]}: must be before {what}, {local:%-d %B %Y, %H:%M}.")


def _date(kind: MailingKind, text: str, zone: str, there: Plan, moment: datetime) -> datetime:
    due = there.dates.get(kind)
    if due is not None and due <= moment and text == _typed(due, there.zone):
        return due  # it has passed, and another zone does not make it pass again
    try:
        typed = datetime.fromisoformat(text).replace(second=0, microsecond=0)
        return (typed if typed.tzinfo else typed.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
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
    there = by_kind(session, event_id)
    before = standing(event, there)
    plan = parse(fields, event, before, moment)
    for kind in DATED:
        _set(session, event_id, kind, there.get(kind), plan.dates.get(kind), moment)
    event.opens, event.closes, event.zone = plan.opens, plan.closes, plan.zone
    session.flush()
    if _leave_differs(before, plan):
        _refuse_to_strand(session, event)
    move(session, event)
    detail = {kind.value: due.isoformat() for kind, due in plan.dates.items()} | {"zone": plan.zone}
    audit.record(session, actor, "mailings.plan", f"event {event_id}", opens=plan.opens, closes=plan.closes, **detail)
    return plan


def _leave_differs(before: Plan, plan: Plan) -> bool:
    """Whether shortlist mails leave at other times by this plan."""
    one, other = ((it.dates.get(MailingKind.SHORTLIST), it.opens, it.closes) for it in (before, plan))
    return one != other


def _refuse_to_strand(session: Session, event: Event) -> None:
    waiting = select(Email.sme_id).where(
        Email.event_id == event.id, Email.kind == MailingKind.SHORTLIST, is_queued(), col(Email.sme_id).is_not(None)
    )
    try:
        refuse_shut(session, event, [sme_id for sme_id in session.exec(waiting) if sme_id is not None])
    except ConflictError as error:
        raise InvalidError(f"Shortlists wait already. {error}") from error


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

    Shortlists can be stopped without a date, too: they may wait in a long queue; introductions have none."""
    lock(session, event_id)
    mailing = by_kind(session, event_id).get(kind)
    if mailing is None and kind in UNDATED:
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
        waiting = change(session, event_id, kind, is_stopped(), status=EmailStatus.QUEUED, error="")
        move(session, event)
        audit.record(session, actor, "mailing.resume", f"event {event_id}", kind=kind, queued=waiting)


def supersede(session: Session, event_id: int, unchanged: Collection[int]) -> int:
    """Let no shortlist mail leave that still waits while a newer list is approved, but for these SMEs; how many."""
    stale = (is_queued() | is_stopped()) & col(Email.sme_id).not_in(unchanged)
    changes = {"status": EmailStatus.SUPPRESSED, "error": SUPERSEDED}
    return change(session, event_id, MailingKind.SHORTLIST, stale, **changes)


def refuse_shut(session: Session, event: Event, sme_ids: Collection[int]) -> None:
    """ConflictError where the shortlist mails of these SMEs have a date, and no send hours are left from it until the
    answers close: what is written then would never leave."""
    mailing = by_kind(session, event.id).get(MailingKind.SHORTLIST)
    if mailing is None:
        return
    start = max(now(session), mailing.due_at)
    homes = select(City).where(col(City.code).in_(select(Sme.city_code).where(col(Sme.id).in_(sme_ids))))
    shut = [
        city.name
        for city in session.exec(homes.order_by(City.name))
        if next_open(start, window(event, city)) > event.answers_until
    ]
    if shut:
        raise ConflictError(
            f"The send hours do not open again before the answers close, in: {', '.join(shut)}. Widen them, or leave "
            "the date of the shortlists empty, so that they go at once."
        )


def move(session: Session, event: Event) -> None:
    """Give the waiting mails of an event the date and hours of its plan; a retry does not come sooner by it.

    Introductions have neither: they leave at once, as somebody has just answered."""
    mailings, moment = by_kind(session, event.id), now(session)
    mailings.pop(MailingKind.INTRODUCTION, None)
    for kind, mailing in mailings.items():
        for zone in set(session.exec(select(City.timezone))):
            theirs = select(Sme.id).join(City, col(City.code) == Sme.city_code).where(City.timezone == zone)
            here = col(Email.sme_id).in_(theirs) | (col(Email.sme_id).is_(None) & (col(Email.zone) == zone))
            _leave(session, event, kind, Window(zone, event.opens, event.closes), max(moment, mailing.due_at), here)
    if MailingKind.SHORTLIST not in mailings:
        _leave(session, event, MailingKind.SHORTLIST, Window(), moment, is_queued())
    wake(session, "outbox.deliver")


def _leave(
    session: Session, event: Event, kind: MailingKind, hours: Window, due: datetime, whose: ColumnElement[bool]
) -> None:
    at = literal(next_open(due, hours), UTCDateTime)
    backs_off = (col(Email.attempts) > 0) & (col(Email.next_at) > at)
    changes = {"zone": hours.zone, "opens": hours.opens, "closes": hours.closes}
    next_at = case((backs_off, col(Email.next_at)), else_=at)
    change(session, event.id, kind, is_queued() & whose, next_at=next_at, **changes)

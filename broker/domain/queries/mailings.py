"""What the organiser's pages read about an event's plan of mails, and previews of mails not yet written."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy import func
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import approvals, cards, letters, mailings, places, zones
from broker.domain.letters import Letter
from broker.domain.mailings import Batch, Recipient, recipients
from broker.domain.newcomers import newcomers
from broker.domain.queries import introduced
from broker.domain.windows import next_open
from broker.domain.zones import Zone
from broker.errors import NotFoundError
from broker.models import (
    DATED,
    Account,
    City,
    Email,
    EmailStatus,
    Event,
    Introduction,
    Mailing,
    MailingKind,
    ShortlistStatus,
)

STAND_IN = "preview"
"""Instead of an SME's secret link: who looks at a preview must not be able to answer for it."""

Whose = Recipient | tuple[Account, City] | Introduction
"""What the letter of an addressee is made of."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One kind of mail on the page: its date, whether it is stopped, and its mails by state."""

    kind: MailingKind
    title: str
    mailing: Mailing | None
    mails: dict[EmailStatus, int]

    @property
    def can_stop(self) -> bool:
        """Whether there is something to stop: a date, mails that wait, or any that an answer may bring."""
        if self.mailing is not None and self.mailing.stopped_at is not None:
            return False
        is_open = self.mailing is not None or self.kind == MailingKind.INTRODUCTION
        return is_open or EmailStatus.QUEUED in self.mails


@dataclass(frozen=True, slots=True)
class PlanView:
    """An event's plan, and what its form holds."""

    rows: list[PlanRow]
    opens: int
    closes: int
    is_planned: bool
    fields: dict[str, str]
    zone: Zone
    """The one its dates are in."""
    zones: list[tuple[str, str]]
    """(zone, words) that can be chosen."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody who would get a mail: an SME or a broker."""

    id: int
    name: str
    city: City = field(compare=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as it would be written now to one of those who would get it; none where nobody would."""

    addressees: list[Addressee]
    chosen: Addressee | None
    leaves_at: datetime | None
    message: EmailMessage | None
    is_sample: bool = False
    """Whether what it tells has not happened: an introduction of two who have not both said yes."""


def plan_view(session: Session, event: Event) -> PlanView:
    """The plan of an event; where there is none yet, the form holds a proposal."""
    cities = places.cities(session)
    city = next(one for one in cities if one.code == event.city_code)
    planned = mailings.by_kind(session, event.id)
    plan = mailings.standing(event, planned)
    is_planned = bool(plan.dates)
    counted = _counts(session, event.id)
    rows = [PlanRow(kind, mailings.TITLES[kind], planned.get(kind), counted.get(kind, {})) for kind in MailingKind]
    if not is_planned:
        plan = mailings.propose(event, now(session), with_shortlist=not set(counted) & set(DATED))
    fields, zone = mailings.filled(plan), zones.of_event(event, city)
    return PlanView(rows, event.opens, event.closes, is_planned, fields, zone, zones.choices(cities, event.zone))


def _counts(session: Session, event_id: int) -> dict[str, dict[EmailStatus, int]]:
    mails = (
        select(Email.kind, Email.status, func.count())
        .where(Email.event_id == event_id, col(Email.kind).in_([kind.value for kind in MailingKind]))
        .where(Email.status != EmailStatus.DRAFT)
        .group_by(Email.kind, Email.status)
    )
    counted: dict[str, dict[EmailStatus, int]] = {}
    for kind, status, count in session.exec(mails):
        counted.setdefault(kind, {})[EmailStatus(status)] = count
    return counted


def preview(session: Session, settings: Settings, event: Event, kind: MailingKind, to: int | None = None) -> Preview:
    """The mail of this kind to `to`, or to the first who would get it; composed, and stored nowhere.

    NotFoundError where `to` would not get it."""
    people = _people(session, event, kind)
    addressees = list(people)
    chosen = addressees[0] if addressees and to is None else next((one for one in addressees if one.id == to), None)
    if to is not None and chosen is None:
        raise NotFoundError("Nobody by this number would get this mail.")
    mailing, moment = mailings.by_kind(session, event.id).get(kind), now(session)
    if chosen is None:
        return Preview([], None, None, None)
    has_date = mailing is not None and kind in DATED
    due = next_open(max(moment, mailing.due_at), mailings.window(event, chosen.city)) if mailing and has_date else None
    whose = people[chosen]
    envelope, context = _letter(session, settings, event, kind, (chosen.id, whose), due or moment)
    if envelope.sme_id is not None:
        context = context | {"unsubscribe": f"{settings.public_url}/u/{STAND_IN}"}
    # Of nobody: whatever link a mail holds that acts for its SME, a preview holds none.
    message = letters.compose(session, settings, replace(envelope, sme_id=None), context)
    return Preview(addressees, chosen, due, message, isinstance(whose, Introduction) and whose.id is None)


def _people(session: Session, event: Event, kind: MailingKind) -> dict[Addressee, Whose]:
    if kind == MailingKind.SUMMARY:
        return dict(_brokers(session, event))
    if kind == MailingKind.INTRODUCTION:
        return {Addressee(sme.id, sme.name, city): pair for sme, city, pair in introduced.pairs(session, event)}
    return dict(_smes(session, event, kind))


def _brokers(session: Session, event: Event) -> dict[Addressee, tuple[Account, City]]:
    found = recipients.brokers(session, event)
    return {Addressee(account.id, account.name, home): (account, home) for account, home in found}


def _smes(session: Session, event: Event, kind: MailingKind) -> dict[Addressee, Recipient]:
    """By the approved lists; a shortlist mail by the drafts, and all by the drafts before the first approval."""
    cities = {city.code: city for city in session.exec(select(City))}
    drafts = recipients.expected(session, event, kind, ShortlistStatus.DRAFT)
    found = recipients.expected(session, event, kind, ShortlistStatus.APPROVED)
    if drafts and (kind == MailingKind.SHORTLIST or not found):
        mailed = approvals.foretell(session, event.id).mailed
        found = [row for row in drafts if row.sme.id in mailed]
    return {Addressee(row.sme.id, row.sme.name, cities[row.sme.city_code]): row for row in found}


def _letter(
    session: Session,
    settings: Settings,
    event: Event,
    kind: MailingKind,
    addressed: tuple[int, Whose],
    moment: datetime,
) -> Letter:
    to, whose = addressed
    if isinstance(whose, Introduction):
        return introduced.letter(session, settings, event, whose, to)
    if isinstance(whose, tuple):
        return mailings.summary_letter(session, settings, event, *whose)
    link = f"{settings.public_url}/s/{STAND_IN}"
    if kind != MailingKind.SHORTLIST:
        batch = Batch(event, kind, [whose], moment, lambda _registration: link)
        return mailings.reminder_letters(session, settings, batch)[0]
    new = newcomers(session, event.id, [whose.shortlist])
    letter = letters.ShortlistLetter(
        event=event,
        city=session.get_one(City, event.city_code),
        sme=whose.sme,
        contact=whose.contact,
        cards=cards.for_shortlists(session, [whose.shortlist])[whose.sme.id],
        link=link,
        reply_to=letters.reply_addresses(session).get(whose.sme.city_code),
        run_id=whose.shortlist.run_id,
        replaces=whose.sme.id in new,
        new=new.get(whose.sme.id, ()),
    )
    return letters.shortlist(settings, letter)

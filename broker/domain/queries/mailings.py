"""What the organiser's pages read about an event's plan of mails, and previews of mails not yet written."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy import func
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import approvals, cards, letters, mailings
from broker.domain.letters import Letter
from broker.domain.mailings import Batch, Plan, Recipient, recipients
from broker.domain.windows import next_open
from broker.errors import NotFoundError
from broker.models import Account, City, Email, EmailStatus, Event, Mailing, MailingKind, ShortlistStatus

STAND_IN = "preview"
"""Instead of an SME's secret link: who looks at a preview must not be able to answer for it."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One kind of mail on the page: its date, whether it is stopped, and its mails by state."""

    kind: MailingKind
    title: str
    mailing: Mailing | None
    mails: dict[EmailStatus, int]

    @property
    def can_stop(self) -> bool:
        """Whether there is something to stop: a date, or mails that wait."""
        is_stopped = self.mailing is not None and self.mailing.stopped_at is not None
        return not is_stopped and (self.mailing is not None or EmailStatus.QUEUED in self.mails)


@dataclass(frozen=True, slots=True)
class PlanView:
    """An event's plan, and what its form holds."""

    rows: list[PlanRow]
    opens: int
    closes: int
    is_planned: bool
    fields: dict[str, str]


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


def plan_view(session: Session, event: Event) -> PlanView:
    """The plan of an event; where there is none yet, the form holds a proposal."""
    city = session.get_one(City, event.city_code)
    planned = mailings.by_kind(session, event.id)
    plan = Plan({kind: row.due_at for kind, row in planned.items()}, event.opens, event.closes)
    counted = _counts(session, event.id)
    rows = [PlanRow(kind, mailings.TITLES[kind], planned.get(kind), counted.get(kind, {})) for kind in MailingKind]
    if not planned:
        plan = mailings.propose(event, city, now(session), with_shortlist=not counted)
    return PlanView(rows, event.opens, event.closes, bool(planned), mailings.filled(plan, city))


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
    people = _brokers(session, event) if kind == MailingKind.SUMMARY else _smes(session, event, kind)
    addressees = list(people)
    chosen = addressees[0] if addressees and to is None else next((one for one in addressees if one.id == to), None)
    if to is not None and chosen is None:
        raise NotFoundError("Nobody by this number would get this mail.")
    mailing, moment = mailings.by_kind(session, event.id).get(kind), now(session)
    if chosen is None:
        return Preview([], None, None, None)
    due = next_open(max(moment, mailing.due_at), mailings.window(event, chosen.city)) if mailing else None
    envelope, context = _letter(session, settings, event, kind, people[chosen], due or moment)
    # Of nobody: whatever link a mail holds that acts for its SME, a preview holds none.
    message = letters.compose(session, settings, replace(envelope, sme_id=None), context)
    return Preview(addressees, chosen, due, message)


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
    whose: Recipient | tuple[Account, City],
    moment: datetime,
) -> Letter:
    if isinstance(whose, tuple):
        return mailings.summary_letter(session, settings, event, *whose)
    link = f"{settings.public_url}/s/{STAND_IN}"
    if kind != MailingKind.SHORTLIST:
        batch = Batch(event, kind, [whose], moment, lambda _registration: link)
        return mailings.reminder_letters(session, settings, batch)[0]
    letter = letters.ShortlistLetter(
        event=event,
        city=session.get_one(City, event.city_code),
        sme=whose.sme,
        contact=whose.contact,
        cards=cards.for_shortlists(session, [whose.shortlist])[whose.sme.id],
        link=link,
        reply_to=letters.reply_addresses(session).get(whose.sme.city_code),
        run_id=whose.shortlist.run_id,
    )
    return letters.shortlist(settings, letter)

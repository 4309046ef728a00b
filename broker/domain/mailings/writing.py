"""The writing of reminders, last calls and summaries when they are due: each once, a few in one transaction."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from sqlalchemy import exists
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from broker.config import Settings
from broker.db import now
from broker.domain import cards, interests, letters, reminders
from broker.domain.letters import Letter
from broker.domain.mailings import recipients
from broker.domain.mailings.naming import REMINDERS
from broker.domain.mailings.plan import window
from broker.domain.mailings.recipients import Recipient
from broker.domain.mailings.summaries import summary_letter
from broker.domain.outbox import PARTNER_LEFT, TO_REWRITE
from broker.domain.reminders import ReminderLetter
from broker.domain.stops import hold, stopped_at
from broker.domain.windows import is_open
from broker.models import City, Email, EmailStatus, Event, Mailing, MailingKind, Registration

log = logging.getLogger(__name__)
BATCH = 50
"""Mails of one transaction: about half a second, for which SQLite lets nobody else write."""
LinkOf = Callable[[Registration], str]
_UNTRUE = col(Email.status) == EmailStatus.SUPPRESSED, col(Email.error) == TO_REWRITE


@dataclass(frozen=True, slots=True)
class Batch:
    """Recipients of one kind of mail with the moment and the link their letters speak of."""

    event: Event
    kind: MailingKind
    recipients: Collection[Recipient]
    moment: datetime
    link_of: LinkOf


def write_due(session: Session, settings: Settings, limit: int = BATCH) -> int:
    """Write at most `limit` mails that are due; how many. With fewer than `limit`, nothing more is due but
    what could not be written: the next call tries that again.

    A mail is written when its recipient's send hours are on, so that it speaks of the answers there are then. Two at
    once do not meet: each passes over the mailings that the other has locked."""
    moment = now(session)
    written = _rewrite(session, settings, moment, limit)
    for mailing, event in _due(session, moment) if written < limit else ():
        if mailing.stopped_at:
            hold(session, event.id, mailing.kind)  # one that was being sent when it was stopped, and failed
        elif mailing.kind == MailingKind.SUMMARY:
            written += _write_summaries(session, settings, event, moment, limit - written)
        elif mailing.kind in recipients.NOT_AFTER:
            written += _write_reminders(session, settings, event, mailing.kind, moment, limit - written)
        if written >= limit:
            break
    return written


def _rewrite(session: Session, settings: Settings, moment: datetime, limit: int) -> int:
    """Write reminders again that named a partner who left before they did, whoever had asked for them; how many.

    While their kind is stopped they wait for that to be resumed."""
    written = 0
    for event, kind in product(session.exec(to_rewrite(moment)).all(), (MailingKind.REMINDER, MailingKind.LAST_CALL)):
        # Before any mail: an undone withdrawal has the event first, and then waits for mails.
        if stopped_at(session, event.id, kind) is not None:
            continue
        last = 0
        while written < limit and (mails := _untrue(session, event, kind, last, limit - written)):
            last = mails[-1].id
            written += _rewrite_some(session, settings, event, kind, mails, moment)
    return written


def to_rewrite(moment: datetime) -> SelectOfScalar[Event]:
    """Events that are not over, with mails to be written again. By the index of an event's mails, one event after the
    other: joined, SQLite would read every mail there is at each sweep."""
    waiting = exists().where(col(Email.event_id) == Event.id, col(Email.kind).in_(REMINDERS), *_UNTRUE)
    return select(Event).where(Event.ends_at >= moment, waiting).order_by(col(Event.id))


def _untrue(session: Session, event: Event, kind: MailingKind, after: int, limit: int) -> Sequence[Email]:
    mails = select(Email).where(Email.event_id == event.id, Email.kind == kind.value, *_UNTRUE, col(Email.id) > after)
    return session.exec(mails.order_by(col(Email.id)).limit(limit).with_for_update(skip_locked=True)).all()


def _rewrite_some(
    session: Session, settings: Settings, event: Event, kind: MailingKind, mails: Sequence[Email], moment: datetime
) -> int:
    """How many are written. Where nobody is left to answer about, a mail stays ended; what cannot be written, or has
    nobody to go to just now, is tried again by the next sweep."""
    by_sme = {mail.sme_id: mail for mail in mails if mail.sme_id is not None}
    is_open_still = moment <= event.answers_until
    asked = recipients.asked(session, event, by_sme, kind) if is_open_still else set()
    for sme_id in by_sme.keys() - asked:
        by_sme[sme_id].error = PARTNER_LEFT
        session.add(by_sme[sme_id])
    session.flush()
    found = recipients.unanswered(session, event, asked, kind) if asked else []
    if found:
        settings.require_secret()
    batch = Batch(event, kind, found, moment, lambda registration: interests.link(settings, registration))
    written = 0
    for envelope, context in reminder_letters(session, settings, batch) if found else ():
        mail = by_sme[envelope.sme_id or 0]
        letter = replace(envelope, key=mail.key), context
        written += _write_one(session, settings, letter, instead_of=mail)
    return written


def _due(session: Session, moment: datetime) -> list[tuple[Mailing, Event]]:
    answers_open = col(Event.answers_until) >= moment
    until_the_end = col(Mailing.kind).in_((MailingKind.SUMMARY, MailingKind.INTRODUCTION))
    query = (
        select(Mailing, Event)
        .join(Event, col(Event.id) == Mailing.event_id)
        .where(
            (col(Mailing.due_at) <= moment) | col(Mailing.stopped_at).is_not(None),
            answers_open | (until_the_end & (col(Event.ends_at) >= moment)),
        )
        .order_by(col(Mailing.due_at), col(Mailing.id))
        .with_for_update(of=Mailing, skip_locked=True)
    )
    return list(session.exec(query))


def _write_reminders(
    session: Session, settings: Settings, event: Event, kind: MailingKind, moment: datetime, limit: int
) -> int:
    hours = [city.code for city in session.exec(select(City)) if is_open(moment, window(event, city))]
    found = recipients.due(session, event, kind, moment, hours, limit)
    batch = Batch(event, kind, found, moment, lambda registration: interests.link(settings, registration))
    if found:
        settings.require_secret()
    return sum(_write_one(session, settings, letter) for letter in reminder_letters(session, settings, batch))


def _write_one(session: Session, settings: Settings, letter: Letter, instead_of: Email | None = None) -> bool:
    """Whether the mail is written. One that cannot be, whatever the reason, keeps no other from being so."""
    try:
        with session.begin_nested():
            if instead_of is not None:
                session.delete(instead_of)
                session.flush()
            letters.write(session, settings, *letter)
    except Exception as error:
        log.error("mail %s cannot be written: %s", letter[0].key, type(error).__name__)
        return False
    return True


def reminder_letters(session: Session, settings: Settings, batch: Batch) -> list[Letter]:
    """The reminder or last call of each recipient, with the partners that wait for its answer."""
    lists = [recipient.shortlist for recipient in batch.recipients]
    shown = cards.for_shortlists(session, lists)
    waiting = recipients.waiting_partners(session, batch.event, lists)
    cities = {city.code: city for city in session.exec(select(City))}
    replies = letters.reply_addresses(session)
    compose = reminders.reminder if batch.kind == MailingKind.REMINDER else reminders.last_call
    return [
        compose(
            settings,
            ReminderLetter(
                event=batch.event,
                city=cities[batch.event.city_code],
                sme=recipient.sme,
                contact=recipient.contact,
                cards=[card for card in shown[recipient.sme.id] if (recipient.sme.id, card.partner_id) in waiting],
                link=batch.link_of(recipient.registration),
                reply_to=replies.get(recipient.sme.city_code),
                moment=batch.moment,
                window=window(batch.event, cities[recipient.sme.city_code]),
            ),
        )
        for recipient in batch.recipients
    ]


def _write_summaries(session: Session, settings: Settings, event: Event, moment: datetime, limit: int) -> int:
    written = set(session.exec(select(Email.key).where(Email.event_id == event.id, Email.kind == MailingKind.SUMMARY)))
    todo = [
        (account, home)
        for account, home in recipients.brokers(session, event)
        if is_open(moment, window(event, home)) and f"{MailingKind.SUMMARY}:{event.id}:{account.id}" not in written
    ]
    return sum(
        _write_one(session, settings, summary_letter(session, settings, event, account, home))
        for account, home in todo[:limit]
    )

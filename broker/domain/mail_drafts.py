"""The mails of draft shortlists, written ahead as drafts: approving then only lets them go (law 5)."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import delete
from sqlmodel import Session, col, select

from broker.config import TEMPLATES, Settings
from broker.db import Database
from broker.domain import cards, interests, letters, mailings, outbox
from broker.domain.letters import Letter
from broker.domain.newcomers import newcomers
from broker.models import (
    City,
    Contact,
    Email,
    EmailStatus,
    Event,
    MailingKind,
    Registration,
    Shortlist,
    ShortlistStatus,
    Sme,
)

BATCH = 50
"""So many are written in a transaction: nobody waits long for the database."""


def of_shortlists(session: Session, settings: Settings, event: Event, lists: Sequence[Shortlist]) -> list[Letter]:
    """What the shortlist mails of these SMEs are made of, by SME; those without a contact have none."""
    cities = {city.code: city for city in session.exec(select(City))}
    mailing = mailings.by_kind(session, event.id).get(MailingKind.SHORTLIST)
    shown = cards.for_shortlists(session, lists)
    rows = session.exec(
        select(Shortlist, Sme, Registration, Contact)
        .join(Sme, col(Sme.id) == Shortlist.sme_id)
        .join(Registration, (col(Registration.sme_id) == Sme.id) & (col(Registration.event_id) == event.id))
        .join(Contact, col(Contact.sme_id) == Sme.id)
        .where(col(Shortlist.id).in_([shortlist.id for shortlist in lists]))
        .order_by(col(Sme.id))
    ).all()
    replies = letters.reply_addresses(session)
    new = newcomers(session, event.id, lists)
    return [
        letters.shortlist(
            settings,
            letters.ShortlistLetter(
                event=event,
                city=cities[event.city_code],
                sme=sme,
                contact=contact,
                cards=shown[sme.id],
                link=interests.link(settings, registration),
                reply_to=replies.get(sme.city_code),
                run_id=shortlist.run_id,
                not_before=mailing.due_at if mailing else None,
                # With no date they go at once, at any hour: somebody sits there and wants it so.
                window=mailings.window(event, cities[sme.city_code]) if mailing else None,
                replaces=sme.id in new,
                new=new.get(sme.id, frozenset()),
            ),
        )
        for shortlist, sme, registration, contact in rows
    ]


def write(database: Database, event_id: int, found: Sequence[Letter], session: Session) -> int:
    """Write these letters as drafts, a few in a transaction, until their lists are drafts no more; how many.

    session: the one they were read with, in which they are composed, so that nobody waits for that."""
    there, settings, written = _made_of(session, event_id), database.settings, 0
    lacking = [letter for letter in found if there.get(letter[0].key) != fingerprint(settings, letter)]
    for first in range(0, len(lacking), BATCH):
        batch = lacking[first : first + BATCH]
        composed = [(letter, letters.compose(session, settings, *letter)) for letter in batch]
        with database.write() as writing:
            mailings.lock(writing, event_id)
            if not _are_drafts(writing, event_id, {letters.run_of(envelope.key) for envelope, _ in batch}):
                return written
            drop(writing, event_id, [envelope.key for envelope, _ in batch])
            for letter, message in composed:
                outbox.draft(writing, message, letter[0], fingerprint(settings, letter))
        written += len(batch)
    return written


def release(session: Session, settings: Settings, event: Event, found: Sequence[Letter]) -> None:
    """Queue these letters in the caller's transaction: as they were drafted where nothing they say has changed
    since, else written anew. All other drafts of the event go."""
    there = _made_of(session, event.id)
    ready = [letter for letter in found if there.get(letter[0].key) == fingerprint(settings, letter)]
    drop(session, event.id, there.keys() - {envelope.key for envelope, _ in ready})
    outbox.release(session, [envelope for envelope, _ in ready])
    keys = {envelope.key for envelope, _ in ready}
    for letter in found:
        if letter[0].key not in keys:
            letters.write(session, settings, *letter)


def drop(session: Session, event_id: int, keys: Sequence[str] | set[str] | None = None) -> None:
    """Delete drafts of an event; by default all: what they say, or whom they name, may be so no more."""
    drafts = (col(Email.event_id) == event_id) & (col(Email.status) == EmailStatus.DRAFT)
    if keys is not None:
        drafts &= col(Email.key).in_(keys)
    session.connection().execute(delete(Email).where(drafts))


def fingerprint(settings: Settings, letter: Letter) -> str:
    """A hash of all that the text and headers of a mail are made of."""
    envelope, context = letter
    service = settings.mail_from, settings.public_url, settings.secret_key, _templates()
    headers = envelope.key, envelope.to_name, envelope.to_address, envelope.reply_to
    return hashlib.sha256(repr((service, headers, sorted(context.items()))).encode()).hexdigest()


@lru_cache(maxsize=1)
def _templates() -> str:
    """A hash of the templates of mails: a newer version of the service may word them differently."""
    digest = hashlib.sha256()
    for file in sorted((TEMPLATES / "emails").rglob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _made_of(session: Session, event_id: int) -> Mapping[str, str]:
    drafts = select(Email.key, Email.made_of).where(Email.event_id == event_id, Email.status == EmailStatus.DRAFT)
    return dict(session.exec(drafts).all())


def _are_drafts(session: Session, event_id: int, run_ids: set[int]) -> bool:
    """Whether there are draft shortlists, of this run only."""
    drafts = select(Shortlist.run_id).where(Shortlist.event_id == event_id, Shortlist.status == ShortlistStatus.DRAFT)
    return set(session.exec(drafts.distinct())) == run_ids

"""An organiser approves draft shortlists: from then on they are mailed and answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from broker.config import Settings
from broker.domain import audit, cards, events, interests, letters
from broker.errors import ConflictError
from broker.models import (
    City,
    Consent,
    Contact,
    Purpose,
    Registration,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
)


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval came to: mails written, and SMEs (names) that none could be written to, with the reason."""

    mails: int
    unchanged: int
    not_mailed: dict[str, str]


def approve(session: Session, settings: Settings, actor: str, event_id: int) -> Approved:
    """Approve the drafts of an event and write one mail per SME, in one transaction.

    ConflictError where there is no draft: a second click finds nothing left to approve. An SME whose partners are
    the same as in the shortlist it was sent before gets no second mail."""
    settings.require_secret()
    event = events.get(session, event_id)
    drafts = session.exec(
        select(Shortlist)
        .where(Shortlist.event_id == event_id, Shortlist.status == ShortlistStatus.DRAFT)
        .order_by(col(Shortlist.sme_id))
        .with_for_update()
    ).all()
    if not drafts:
        raise ConflictError("There are no draft shortlists to approve. Build them first.")
    before = _partners(session, _replace_approved(session, event_id))
    for draft in drafts:
        draft.status = ShortlistStatus.APPROVED
    session.flush()
    partners = _partners(session, drafts)
    changed = [draft for draft in drafts if partners.get(draft.sme_id) != before.get(draft.sme_id)]
    written, not_mailed = _write_mails(session, settings, event_id, changed)
    unchanged = len(drafts) - len(changed)
    audit.record(session, actor, "shortlists.approve", f"event {event.id}", mails=written, unchanged=unchanged)
    return Approved(written, unchanged, not_mailed)


def _replace_approved(session: Session, event_id: int) -> Sequence[Shortlist]:
    rows = session.exec(
        select(Shortlist).where(Shortlist.event_id == event_id, Shortlist.status == ShortlistStatus.APPROVED)
    ).all()
    for row in rows:
        row.status = ShortlistStatus.REPLACED
    return rows


def _partners(session: Session, shortlists: Sequence[Shortlist]) -> dict[int, set[int]]:
    """Partner ids by SME id, for these shortlists."""
    sme_of = {row.id: row.sme_id for row in shortlists}
    partners: dict[int, set[int]] = {shortlist.sme_id: set() for shortlist in shortlists}
    entries = select(ShortlistEntry).where(col(ShortlistEntry.shortlist_id).in_(sme_of))
    for entry in session.exec(entries):
        partners[sme_of[entry.shortlist_id]].add(entry.partner_id)
    return partners


def _write_mails(
    session: Session, settings: Settings, event_id: int, shortlists: Sequence[Shortlist]
) -> tuple[int, dict[str, str]]:
    event = events.get(session, event_id)
    city = session.get_one(City, event.city_code)
    by_sme = cards.for_shortlists(session, shortlists)
    rows = session.exec(
        select(Sme, Registration, Contact, Consent)
        .join(Registration, (col(Registration.sme_id) == Sme.id) & (col(Registration.event_id) == event_id))
        .outerjoin(Contact, col(Contact.sme_id) == Sme.id)
        .outerjoin(Consent, (col(Consent.sme_id) == Sme.id) & (col(Consent.purpose) == Purpose.MAILING))
        .where(col(Sme.id).in_(by_sme))
        .order_by(col(Sme.id))
    ).all()
    runs = {shortlist.sme_id: shortlist.run_id for shortlist in shortlists}
    replies = letters.reply_addresses(session)
    written, not_mailed = 0, {}
    for sme, registration, contact, consent in rows:
        shown = by_sme[sme.id]
        if not shown:
            not_mailed[sme.name] = "no partner was found"
        elif contact is None or not contact.email:
            not_mailed[sme.name] = "no e-mail address"
        elif consent is None or consent.withdrawn_at is not None:
            not_mailed[sme.name] = "has not agreed to be mailed"
        else:
            letters.shortlist(
                session,
                settings,
                letters.ShortlistLetter(
                    event=event,
                    city=city,
                    sme=sme,
                    contact=contact,
                    cards=shown,
                    link=interests.link(settings, registration),
                    reply_to=replies.get(sme.city_code),
                    revision=runs[sme.id],
                ),
            )
            written += 1
    return written, not_mailed

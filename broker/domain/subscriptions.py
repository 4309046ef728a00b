"""An SME says itself, by the link in each of its mails, that it wants no more of them, and may take that back."""

import hashlib
import hmac

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now, wake
from broker.domain import audit, consents
from broker.domain.suppressions import UNSUBSCRIBED, address_hash, lift, reason_of, suppress
from broker.errors import ConflictError, NotFoundError
from broker.models import (
    TO_STAFF,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Purpose,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
    Suppression,
)

STOPPED = "The SME wants no more mail."
NOT_SENT = ("", "This address is not mailed any more.", "The SME took back its consent to be mailed.")
"""How else the outbox and its relay say that this was why a mail was not sent; other reasons stay."""
NO_LINK = "This link does not work any more: no mail goes from this profile to the address it was sent to."
NOT_YOURS = "Your consent was not taken back with this link, so it cannot be given with it. Tell your broker."
RETURNED = "Mails to this address came back, so none are sent. Your broker can enter another one."


def link(settings: Settings, sme_id: int, address: str) -> str:
    """The signed address of the page where an SME unsubscribes; good as long as `address` is its contact. It has no
    end (RFC 8058): an old mail must still be able to stop the next one, and it opens nothing else."""
    return f"{settings.public_url}/u/{_token(settings, sme_id, address)}"


def _token(settings: Settings, sme_id: int, address: str) -> str:
    key = settings.secret_key.encode()
    digest = hmac.new(key, b"unsubscribe:" + address.strip().casefold().encode(), hashlib.sha256).hexdigest()[:32]
    return str(_signer(settings).dumps([sme_id, digest]))


def _is_token(settings: Settings, contact: Contact, token: str) -> bool:
    # As bytes: the signer passes over letters that are not ASCII, and text with such cannot be compared.
    return hmac.compare_digest(_token(settings, contact.sme_id, contact.email).encode(), token.encode())


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_key, salt="unsubscribe", signer_kwargs={"digest_method": hashlib.sha256})


def open_link(session: Session, settings: Settings, token: str, *, lock: bool = False) -> Contact:
    """The contact a link stands for. NotFoundError when it is not ours or the contact has another address by now."""
    try:
        sme_id, _ = _signer(settings).loads(token)
    except (BadData, TypeError, ValueError):
        sme_id = None
    query = select(Contact).where(Contact.sme_id == sme_id)
    contact = session.exec(query.with_for_update() if lock else query).first() if isinstance(sme_id, int) else None
    if contact is None or not _is_token(settings, contact, token):
        raise NotFoundError(NO_LINK)
    return contact


def unsubscribe(session: Session, contact: Contact) -> None:
    """Send nothing more to this contact, not even what waits; a second time changes nothing.

    What a person or a stop holds stays held, and is not sent when it is let go: marked here, it would be queued by
    `resubscribe`, though the organiser stopped it or it may have been sent already."""
    suppress(session, contact.email, UNSUBSCRIBED)
    sme = session.get_one(Sme, contact.sme_id)
    if consents.stands(session, sme, Purpose.MAILING):
        consents.withdraw_consent(session, sme, [Purpose.MAILING], f"sme {sme.id}")
    waiting = col(Email.status) == EmailStatus.QUEUED
    stopped = session.connection().execute(
        update(Email)
        .where(_mails_to(contact), waiting)
        .values(status=EmailStatus.SUPPRESSED, error=STOPPED, owner=None, lease_until=None)
    )
    if stopped.rowcount:
        audit.record(session, f"sme {sme.id}", "mails.stop", f"sme:{sme.id}", mails=stopped.rowcount)


def resubscribe(session: Session, contact: Contact) -> None:
    """Take it back: consent again, and what was stopped and is still of use goes out.

    ConflictError where nothing is sent for another reason (see `why_not_undone`)."""
    if is_subscribed(session, contact):
        return
    if reason := why_not_undone(session, contact):
        raise ConflictError(reason)
    sme = session.get_one(Sme, contact.sme_id)
    lift(session, contact.email)
    consents.record_consent(session, sme, [Purpose.MAILING], f"sme {sme.id}")
    why = col(Email.error).in_([STOPPED, *NOT_SENT])
    stopped = (col(Email.status) == EmailStatus.SUPPRESSED) & why & (col(Email.message) != b"")
    mails = session.exec(select(Email).where(_mails_to(contact), stopped, col(Email.deadline) > now(session)))
    revived = [email.id for email in mails.all() if not _is_old_list(session, email)]
    session.connection().execute(
        update(Email).where(col(Email.id).in_(revived), stopped).values(status=EmailStatus.QUEUED, error="")
    )
    wake(session, "outbox.deliver")


def why_not_undone(session: Session, contact: Contact) -> str:
    """Why the link cannot take it back, in a sentence; "" where it can: what was stopped by the link and no more.

    Whoever was sent a mail on has its link, and must not give a consent that the SME took back with its broker."""
    stopped = session.get(Suppression, address_hash(contact.email))
    if stopped is not None and stopped.reason != UNSUBSCRIBED:
        return RETURNED
    mailing = Consent.sme_id == contact.sme_id, Consent.purpose == Purpose.MAILING
    consent = session.exec(select(Consent).where(*mailing)).first()
    if stopped is None or consent is None:
        return NOT_YOURS
    return NOT_YOURS if consent.withdrawn_at is not None and consent.withdrawn_at < stopped.since else ""


def contact_of(session: Session, sme: Sme) -> Contact | None:
    """Whom an SME's mails go to, if anybody."""
    return session.exec(select(Contact).where(Contact.sme_id == sme.id)).one_or_none()


def is_subscribed(session: Session, contact: Contact) -> bool:
    """Whether this contact gets mails: it agreed to, and its address is not suppressed."""
    sme = session.get_one(Sme, contact.sme_id)
    return consents.stands(session, sme, Purpose.MAILING) and reason_of(session, contact.email) is None


def _mails_to(contact: Contact) -> ColumnElement[bool]:
    """What is mailed to SMEs at this address: another SME may have the same, and the address is what is suppressed."""
    same_address = func.lower(Email.to_address) == contact.email.strip().lower()
    to_an_sme = col(Email.sme_id).is_not(None) & col(Email.kind).not_in(TO_STAFF)
    return to_an_sme & (same_address | (col(Email.sme_id) == contact.sme_id))


def _is_old_list(session: Session, email: Email) -> bool:
    """Whether this is a shortlist mail, and a list with other partners was approved while none could be mailed."""
    if email.kind != "shortlist":
        return False
    of_it = Shortlist.run_id == int(email.key.rpartition(":")[2])
    lists = session.exec(
        select(Shortlist.id).where(
            Shortlist.event_id == email.event_id,
            Shortlist.sme_id == email.sme_id,
            of_it | (Shortlist.status == ShortlistStatus.APPROVED),
        )
    )
    partners = select(ShortlistEntry.partner_id)
    return len({frozenset(session.exec(partners.where(ShortlistEntry.shortlist_id == found))) for found in lists}) > 1

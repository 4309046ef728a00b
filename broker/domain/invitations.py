"""SMEs are asked by mail, hub by hub, whether they take part in an event; the link in the mail is where they say so."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import exists, func
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now, wake
from broker.domain import audit, consents, events
from broker.domain.involvement import EVENT, WITHDRAWN
from broker.domain.suppressions import address_hash
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    INACTIVE,
    AuditEntry,
    Consent,
    Contact,
    Event,
    Hub,
    Invitation,
    Purpose,
    Registration,
    Sme,
    Suppression,
)

WORDS = 1000
MOST_A_DAY = 2_000
"""SMEs that one organiser invites within 24 hours, to all events together: a whole network, and no mass mailer."""
NO_LINK = "This link does not work any more. Your broker can tell you why."
CLOSED = "Registration for this workshop is closed. Your broker can still help you."
TAKEN_OFF = (
    "The organiser has taken your firm off this workshop, so this link cannot register it again. "
    "If you would like to come, please ask your broker."
)
NOT_MATCHED = "Your firm took its consent to be matched back. Tell your broker if that is to change."


@dataclass(frozen=True, slots=True)
class Invitee:
    """An active SME of a city and how it stands to an event: `registered`, `yes`, `no`, `asked`, `could` be invited,
    or `unreachable` (no address, no consent to be mailed, or none of it wanted)."""

    sme_id: int
    hub_id: int
    hub: str
    state: str


def closes_at(event: Event) -> datetime:
    """Until when invitations are sent and answered."""
    return event.register_until or event.starts_at


def invitees(session: Session, event: Event, city_code: str) -> list[Invitee]:
    """Every active SME of a city that has not withdrawn from matching, by hub and id."""
    mailing = exists().where(
        col(Consent.sme_id) == Sme.id, col(Consent.purpose) == Purpose.MAILING, col(Consent.withdrawn_at).is_(None)
    )
    left = exists().where(
        col(Consent.sme_id) == Sme.id, col(Consent.purpose) == Purpose.MATCHING, col(Consent.withdrawn_at).is_not(None)
    )
    rows = session.exec(
        select(Sme.id, Hub.id, Hub.name, Contact.email, mailing, Registration.id, Invitation)  # type: ignore[call-overload]
        .outerjoin(Hub, col(Hub.id) == Sme.hub_id)
        .outerjoin(Contact, col(Contact.sme_id) == Sme.id)
        .outerjoin(Registration, (col(Registration.sme_id) == Sme.id) & (col(Registration.event_id) == event.id))
        .outerjoin(Invitation, (col(Invitation.sme_id) == Sme.id) & (col(Invitation.event_id) == event.id))
        .where(Sme.city_code == city_code, col(Sme.status).not_in(INACTIVE), ~left)
        .order_by(Hub.name, col(Sme.id))
    ).all()
    unwanted = _suppressed(session, [address for _, _, _, address, *_ in rows if address])
    return [
        Invitee(
            sme_id,
            hub_id or 0,
            hub or "",
            _state(invitation, registration, bool(address) and agreed, address in unwanted),
        )
        for sme_id, hub_id, hub, address, agreed, registration, invitation in rows
    ]


def _state(invitation: Invitation | None, registration: int | None, may_mail: bool, unwanted: bool) -> str:
    if invitation is not None and invitation.takes_part is not None:
        return "yes" if registration else "no"
    if registration:
        return "registered"
    if invitation is not None:
        return "asked"
    return "could" if may_mail and not unwanted else "unreachable"


def _suppressed(session: Session, addresses: Sequence[str]) -> set[str]:
    hashes = {address_hash(address): address for address in addresses}
    found = session.exec(select(Suppression.address_hash).where(col(Suppression.address_hash).in_(hashes))).all()
    return {address for address in addresses if address_hash(address) in set(found)}


def set_words(session: Session, actor: str, event_id: int, words: str) -> None:
    """The organiser's own words in the invitations still to be made. InvalidError where they are too long."""
    words = words.replace("\r\n", "\n").strip()
    if len(words) > WORDS:
        raise InvalidError(f"Your words: expected at most {WORDS} letters, not {len(words)}.")
    event = events.lock(session, event_id)
    if event.invitation != words:
        event.invitation = words
        session.add(event)
        audit.record(session, actor, "event.invitation", f"event {event_id}", letters=len(words))


def invite(session: Session, actor: str, event_id: int, city_code: str, hub_ids: Collection[int]) -> int:
    """Invite every SME of these hubs of a city that can be, once each; how many. A worker writes the mails.

    hub_ids: 0 stands for no hub. ConflictError once registration is closed, and for too many in a day."""
    event = events.lock(session, event_id)
    moment = now(session)
    if moment > closes_at(event):
        raise ConflictError("Registration is closed: who is invited now could not say yes. Set a later date first.")
    chosen = [one for one in invitees(session, event, city_code) if one.state == "could" and one.hub_id in set(hub_ids)]
    _check_number(session, event, moment, len(chosen))
    session.add_all(
        Invitation(event_id=event_id, sme_id=one.sme_id, invited_at=moment, words=event.invitation) for one in chosen
    )
    session.flush()
    if chosen:
        hubs = sorted({one.hub for one in chosen})
        audit.record(session, actor, "event.invite", f"event {event_id}", city=city_code, hubs=hubs, count=len(chosen))
        wake(session, "invitations.write")
    return len(chosen)


def _check_number(session: Session, event: Event, moment: datetime, new: int) -> None:
    """ConflictError where the event's organiser would invite more than the day's number."""
    theirs = col(Event.organiser_id) == event.organiser_id if event.organiser_id else col(Event.id) == event.id
    sent = select(func.count()).select_from(Invitation).join(Event, col(Event.id) == Invitation.event_id)
    before = session.exec(sent.where(theirs, col(Invitation.invited_at) > moment - timedelta(days=1))).one()
    if before + new > MOST_A_DAY:
        raise ConflictError(
            f"These are {new:,} SMEs, and {before:,} were invited in the last 24 hours: at most {MOST_A_DAY:,} can be "
            "together. Nobody was invited now. Choose fewer hubs, or go on tomorrow."
        )


def link(settings: Settings, invitation: Invitation) -> str:
    """The signed address of the page where an SME says whether it takes part."""
    return f"{settings.public_url}/i/{_token(settings, invitation)}"


def _token(settings: Settings, invitation: Invitation) -> str:
    return str(_signer(settings).dumps([invitation.id, invitation.link_key]))


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_key, salt="invitation", signer_kwargs={"digest_method": hashlib.sha256})


def open_link(session: Session, settings: Settings, token: str, *, lock: bool = False) -> Invitation:
    """The invitation a link stands for. NotFoundError when it is not ours, or its event is over."""
    try:
        number, _ = _signer(settings).loads(token)
    except (BadData, TypeError, ValueError):
        number = None
    found = session.get(Invitation, number, with_for_update=lock or None) if isinstance(number, int) else None
    # Equal to the letter, as bytes: as of the links to shortlists (see interests.open_link).
    if found is None or not compare_digest(_token(settings, found).encode(), token.encode()):
        raise NotFoundError(NO_LINK)
    if now(session) > session.get_one(Event, found.event_id).ends_at:
        raise NotFoundError(NO_LINK)
    return found


def answer(session: Session, invitation: Invitation, takes_part: bool) -> None:
    """An SME says whether it takes part: it is registered, or no more. The newest word counts.

    ConflictError once registration is closed, where it does not want to be matched, or where the organiser took it
    off since: who was taken off comes back by the organiser only."""
    event = session.get_one(Event, invitation.event_id)
    sme = session.get_one(Sme, invitation.sme_id)
    if now(session) > closes_at(event):
        raise ConflictError(CLOSED)
    there = session.exec(
        select(Registration).where(Registration.event_id == event.id, Registration.sme_id == sme.id)
    ).one_or_none()
    if takes_part == (there is not None) and invitation.takes_part == takes_part:
        return
    was_taken_off = there is None and is_taken_off(session, invitation)
    if takes_part and was_taken_off:
        raise ConflictError(TAKEN_OFF)
    if takes_part and there is None:
        _agree(session, sme)
        session.add(Registration(event_id=event.id, sme_id=sme.id, registered_at=now(session)))
    elif not takes_part and there is not None:
        session.delete(there)
    invitation.takes_part = takes_part
    if not was_taken_off:  # else a no, and a yes after it, would overrule the organiser all the same
        invitation.answered_at = now(session)
    session.add(invitation)
    session.flush()
    audit.record(session, f"sme {sme.id}", "invitation.answer", f"event {event.id}", takes_part=takes_part)


def is_taken_off(session: Session, invitation: Invitation) -> bool:
    """Whether the organiser took the SME off the event after it was invited, or after what it said last."""
    withdrawn = select(AuditEntry.id).where(
        AuditEntry.subject == f"{EVENT}{invitation.event_id}",
        AuditEntry.action == WITHDRAWN,
        AuditEntry.at >= (invitation.answered_at or invitation.invited_at),
        AuditEntry.detail["sme"].as_integer() == invitation.sme_id,
    )
    return standing(session, invitation) is not True and session.exec(withdrawn).first() is not None


def standing(session: Session, invitation: Invitation) -> bool | None:
    """Whether the SME takes part as things stand; None where nobody has said so and it is not registered."""
    query = select(Registration.id).where(
        Registration.event_id == invitation.event_id, Registration.sme_id == invitation.sme_id
    )
    if session.exec(query).first() is not None:
        return True
    return None if invitation.takes_part is None else False


def _agree(session: Session, sme: Sme) -> None:
    """To take part is to be matched, and the page says so; a consent once taken back is not given by a mere link."""
    found = session.exec(select(Consent).where(Consent.sme_id == sme.id, Consent.purpose == Purpose.MATCHING)).first()
    if sme.status in INACTIVE or (found is not None and found.withdrawn_at is not None):
        raise ConflictError(NOT_MATCHED)
    if found is None:
        consents.record_consent(session, sme, [Purpose.MATCHING], f"sme {sme.id}")


def of_city(session: Session, city_code: str) -> list[tuple[Event, Sme, Invitation]]:
    """Which SMEs of a city were invited to events still to come, for their broker; the next event first."""
    query = (
        select(Event, Sme, Invitation)
        .join(Invitation, col(Invitation.event_id) == Event.id)
        .join(Sme, col(Sme.id) == Invitation.sme_id)
        .where(Sme.city_code == city_code, Event.ends_at > now(session))
        .order_by(col(Event.starts_at), Sme.name)
    )
    return list(session.exec(query).all())

"""An SME's answers about the partners it was shown, and the introduction when both said yes."""

import hashlib
from collections.abc import Collection
from hmac import compare_digest

from itsdangerous import BadData, URLSafeSerializer
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import audit, events, letters, stops, webhooks
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    INACTIVE,
    Answer,
    Consent,
    Event,
    Interest,
    Introduction,
    MailingKind,
    Purpose,
    Registration,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
)

MAX_REASON = 300
NO_LINK = (
    "This link does not work any more: its workshop is over, a newer link took its place, or a part of it got lost."
)


def link(settings: Settings, registration: Registration) -> str:
    """The signed address of an SME's page at an event, for its mail."""
    return f"{settings.public_url}/s/{_token(settings, registration)}"


def _token(settings: Settings, registration: Registration) -> str:
    return str(_signer(settings).dumps([registration.id, registration.link_key]))


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(
        settings.secret_key, salt="shortlist page", signer_kwargs={"digest_method": hashlib.sha256}
    )


def open_link(session: Session, settings: Settings, token: str) -> Registration:
    """The registration a link stands for. NotFoundError when it is not ours, or its event is over."""
    try:
        registration_id, _ = _signer(settings).loads(token)
    except (BadData, TypeError, ValueError):
        registration_id = None
    registration = session.get(Registration, registration_id) if isinstance(registration_id, int) else None
    # Equal to the letter: the signature's encoding would allow a few spellings of it, and the key may have changed.
    # As bytes: it would allow letters that are not ASCII, too, and text with such cannot be compared.
    is_ours = registration is not None and compare_digest(_token(settings, registration).encode(), token.encode())
    if registration is None or not is_ours or is_over(session, registration):
        raise NotFoundError(NO_LINK)
    return registration


def is_over(session: Session, registration: Registration) -> bool:
    """Whether the event of a registration has ended, and its link with it."""
    return now(session) > session.get_one(Event, registration.event_id).ends_at


def can_answer(session: Session, event: Event) -> bool:
    """Whether answers can still be given or changed."""
    return now(session) <= event.answers_until


def who_left(session: Session, event_id: int, sme_ids: Collection[int]) -> set[int]:
    """Of these SMEs, those that do not take part any more: not registered, paused, expired, or without consent."""
    taking_part = (
        select(Registration.sme_id)
        .join(Sme, col(Sme.id) == Registration.sme_id)
        .join(Consent, col(Consent.sme_id) == Sme.id)
        .where(Registration.event_id == event_id, col(Sme.id).in_(sme_ids), col(Sme.status).not_in(INACTIVE))
        .where(Consent.purpose == Purpose.MATCHING, col(Consent.withdrawn_at).is_(None))
    )
    there = session.exec(taking_part).all()
    return set(sme_ids).difference(there)


def express(
    session: Session,
    settings: Settings,
    registration: Registration,
    partner_id: int,
    answer: Answer,
    reason: str | None = None,
) -> Introduction | None:
    """Write or change an SME's answer; the introduction where it makes the yes mutual, else None.

    reason: why; None leaves that of the same answer as it is, and another answer has none yet. It comes with the
    answer it was written under: where that was changed meanwhile, nothing is written, as a later click counts more.
    NotFoundError if the partner is not on its approved shortlist, ConflictError after the deadline or if the partner
    left meanwhile, InvalidError if the reason is too long."""
    event = events.get(session, registration.event_id)
    _lock_pair(session, registration, partner_id)
    if not can_answer(session, event):
        raise ConflictError("Answers for this workshop are closed. Your broker can still help you.")
    if who_left(session, event.id, [partner_id]):
        raise ConflictError("This firm does not take part any more, so there is nothing to answer.")
    mine = _find(session, event, registration.sme_id, partner_id)
    if _checked(reason) is not None and mine is not None and mine.answer != answer:
        return None
    _keep(session, registration, partner_id, answer, _checked(reason))
    theirs = _find(session, event, partner_id, registration.sme_id)
    if answer == Answer.INTERESTED and theirs is not None and theirs.answer == Answer.INTERESTED:
        return _introduce(session, settings, event, registration.sme_id, partner_id)
    return None


def _checked(reason: str | None) -> str | None:
    """A reason on one line, as it is kept."""
    if reason is None:
        return None
    line = " ".join(reason.split())
    if len(line) > MAX_REASON:
        raise InvalidError(f"Your reason is {len(line)} letters long. Say it in at most {MAX_REASON}.")
    return line


def _keep(session: Session, registration: Registration, partner_id: int, answer: Answer, reason: str | None) -> None:
    """The newest answer counts; the same one again changes nothing."""
    event = events.get(session, registration.event_id)
    mine = _find(session, event, registration.sme_id, partner_id)
    if mine is not None and mine.answer == answer and reason in (None, mine.reason):
        return
    mine = mine or Interest(
        event_id=registration.event_id,
        sme_id=registration.sme_id,
        partner_id=partner_id,
        answer=answer,
        answered_at=now(session),
    )
    mine.reason = reason or ""  # another answer needs a reason of its own
    mine.answer, mine.answered_at = answer, now(session)
    session.add(mine)
    session.flush()
    actor, subject = f"sme {registration.sme_id}", f"event {event.id}"
    # Not the reason's words: the record outlives an erasure.
    audit.record(session, actor, "interest.express", subject, partner=partner_id, answer=answer)


def _lock_pair(session: Session, registration: Registration, partner_id: int) -> None:
    """Hold both registrations until the end of the transaction: of two yeses at once, one must see the other.

    NotFoundError if the partner is not on the approved shortlist."""
    both = select(Registration.id).where(
        Registration.event_id == registration.event_id,
        col(Registration.sme_id).in_([registration.sme_id, partner_id]),
    )
    session.exec(both.order_by(col(Registration.id)).with_for_update()).all()
    listed = session.exec(
        select(ShortlistEntry.id)
        .join(Shortlist, col(Shortlist.id) == ShortlistEntry.shortlist_id)
        .where(
            Shortlist.event_id == registration.event_id,
            Shortlist.sme_id == registration.sme_id,
            Shortlist.status == ShortlistStatus.APPROVED,
            ShortlistEntry.partner_id == partner_id,
        )
    ).one_or_none()
    if listed is None:
        raise NotFoundError("This firm is not on your shortlist.")


def _find(session: Session, event: Event, sme_id: int, partner_id: int) -> Interest | None:
    return session.exec(
        select(Interest).where(
            Interest.event_id == event.id, Interest.sme_id == sme_id, Interest.partner_id == partner_id
        )
    ).one_or_none()


def _introduce(session: Session, settings: Settings, event: Event, sme_id: int, partner_id: int) -> Introduction | None:
    """Disclose contacts and write one mail to each, held where they are stopped; None if that was done before."""
    a_id, b_id = sorted((sme_id, partner_id))
    there = select(Introduction).where(
        Introduction.event_id == event.id, Introduction.a_id == a_id, Introduction.b_id == b_id
    )
    if session.exec(there).one_or_none() is not None:
        return None
    introduction = Introduction(event_id=event.id, a_id=a_id, b_id=b_id, made_at=now(session))
    session.add(introduction)
    session.flush()
    audit.record(session, f"sme {sme_id}", "introduction.make", f"event {event.id}", a=a_id, b=b_id)
    stopped = stops.stopped_at(session, event.id, MailingKind.INTRODUCTION)
    for letter in letters.introductions(session, settings, event, introduction):
        letters.write(session, settings, *letter)
    if stopped:
        stops.hold(session, event.id, MailingKind.INTRODUCTION)
    webhooks.interest_mutual(session, introduction)
    return introduction

"""What SMEs agreed to: recorded by whom, refused, taken back."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session, select

from broker.db import now
from broker.domain import audit
from broker.models import Consent, Purpose, Sme

GIVEN = "given"
REFUSED = "refused"
PARTLY = "partly"
UNKNOWN = ""


def consent_state(consents: Mapping[Purpose, Consent]) -> str:
    """GIVEN for every purpose, REFUSED (or withdrawn) for every one, PARTLY withdrawn, or UNKNOWN."""
    standing = [purpose in consents and consents[purpose].withdrawn_at is None for purpose in Purpose]
    withdrawn = [consent.withdrawn_at is not None for consent in consents.values()]
    if all(standing):
        return GIVEN
    if not any(withdrawn):
        return UNKNOWN
    return REFUSED if all(withdrawn) and len(withdrawn) == len(Purpose) else PARTLY


def record_consent(session: Session, sme: Sme, purposes: Collection[Purpose], recorded_by: str) -> None:
    """Note that the SME agreed to the purposes; one that was withdrawn is given anew. What stands stays."""
    moment = now(session)
    for purpose in purposes:
        consent = _consent(session, sme, purpose)
        if consent is None:
            assert sme.id is not None  # noqa: S101 - it is in the database
            consent = Consent(
                sme_id=sme.id, purpose=purpose, given_at=moment, recorded_by=recorded_by[:120], withdrawn_at=None
            )
        elif consent.withdrawn_at is not None:
            consent.given_at, consent.withdrawn_at, consent.recorded_by = moment, None, recorded_by[:120]
        session.add(consent)
    audit.record(session, recorded_by, "consent recorded", f"sme:{sme.id}", purposes=[*purposes])


def withdraw_consent(session: Session, sme: Sme, purposes: Collection[Purpose], actor: str) -> None:
    """Note that the SME takes its consent back; no import gives it again."""
    for purpose in purposes:
        consent = _consent(session, sme, purpose)
        if consent is not None and consent.withdrawn_at is None:
            consent.withdrawn_at = now(session)
            session.add(consent)
    audit.record(session, actor, "consent withdrawn", f"sme:{sme.id}", purposes=[*purposes])


def _consent(session: Session, sme: Sme, purpose: Purpose) -> Consent | None:
    return session.exec(select(Consent).where(Consent.sme_id == sme.id, Consent.purpose == purpose)).first()


def save_consents(
    session: Session,
    answers: Iterable[tuple[int, Mapping[Purpose, Consent], bool]],
    recorded_by: str,
    moment: datetime,
) -> None:
    """Write imported answers (SME id, what is on record, agreed or not) in one round trip.

    A refusal is kept as a consent withdrawn at once, so that a later file cannot pass over it.
    """
    fresh = []
    for sme_id, consents, agreed in answers:
        for purpose in Purpose:
            if purpose not in consents:
                withdrawn = None if agreed else moment
                fresh.append({"sme_id": sme_id, "purpose": purpose, "given_at": moment, "withdrawn_at": withdrawn})
            elif not agreed and consents[purpose].withdrawn_at is None:
                consents[purpose].withdrawn_at = moment
    if fresh:
        session.execute(insert(Consent), [row | {"recorded_by": recorded_by[:120]} for row in fresh])

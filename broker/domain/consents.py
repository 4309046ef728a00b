"""What SMEs agreed to: recorded by whom, refused, taken back."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit
from broker.models import Consent, Purpose, Sme

GIVEN = "given"
REFUSED = "refused"
PARTLY = "partly"
UNKNOWN = ""


def consent_state(withdrawn: Mapping[Purpose, bool]) -> str:
    """GIVEN for every purpose, REFUSED (or withdrawn) for every one, PARTLY withdrawn, or UNKNOWN."""
    if not any(withdrawn.values()):
        return GIVEN if len(withdrawn) == len(Purpose) else UNKNOWN
    return REFUSED if all(withdrawn.values()) and len(withdrawn) == len(Purpose) else PARTLY


def record_consent(session: Session, sme: Sme, purposes: Collection[Purpose], recorded_by: str) -> None:
    """Note that the SME agreed to the purposes; one that was withdrawn is given anew. What stands stays."""
    moment = now(session)
    changed = False
    for purpose in purposes:
        consent = _consent(session, sme, purpose)
        if consent is not None and consent.withdrawn_at is None:
            continue
        changed = True
        if consent is None:
            assert sme.id is not None  # noqa: S101 - it is in the database
            consent = Consent(
                sme_id=sme.id, purpose=purpose, given_at=moment, recorded_by=recorded_by[:120], withdrawn_at=None
            )
        else:
            consent.given_at, consent.withdrawn_at, consent.recorded_by = moment, None, recorded_by[:120]
        session.add(consent)
    _raise_version(session, sme, changed)
    audit.record(session, recorded_by, "consent recorded", f"sme:{sme.id}", purposes=[*purposes])


def withdraw_consent(session: Session, sme: Sme, purposes: Collection[Purpose], actor: str) -> None:
    """Note that the SME takes its consent back; no import gives it again."""
    changed = False
    for purpose in purposes:
        consent = _consent(session, sme, purpose)
        if consent is not None and consent.withdrawn_at is None:
            consent.withdrawn_at = now(session)
            session.add(consent)
            changed = True
    _raise_version(session, sme, changed)
    audit.record(session, actor, "consent withdrawn", f"sme:{sme.id}", purposes=[*purposes])


def stands(session: Session, sme: Sme, purpose: Purpose) -> bool:
    """Whether the SME agreed to the purpose and has not taken it back."""
    consent = _consent(session, sme, purpose)
    return consent is not None and consent.withdrawn_at is None


def _raise_version(session: Session, sme: Sme, changed: bool) -> None:
    """A form opened before a consent changed must not be saved over it unseen."""
    if changed:
        sme.version += 1
        session.add(sme)
        session.flush()


def _consent(session: Session, sme: Sme, purpose: Purpose) -> Consent | None:
    return session.exec(select(Consent).where(Consent.sme_id == sme.id, Consent.purpose == purpose)).first()


def save_consents(
    session: Session,
    answers: Sequence[tuple[int, Mapping[Purpose, bool], bool]],
    recorded_by: str,
    moment: datetime,
) -> None:
    """Write imported answers: SME id, the purposes on record with whether they are withdrawn, agreed or not.

    A refusal is kept as a consent withdrawn at once, so that a later file cannot pass over it.
    """
    fresh = [
        {"sme_id": sme_id, "purpose": purpose, "given_at": moment, "withdrawn_at": None if agreed else moment}
        for sme_id, on_record, agreed in answers
        for purpose in Purpose
        if purpose not in on_record
    ]
    if fresh:
        rows = [row | {"recorded_by": recorded_by[:120]} for row in fresh]
        session.execute(insert(Consent), rows, execution_options={"render_nulls": True})
    refused = [sme_id for sme_id, on_record, agreed in answers if not agreed and not all(on_record.values())]
    for start in range(0, len(refused), 500):
        standing = col(Consent.sme_id).in_(refused[start : start + 500]), col(Consent.withdrawn_at).is_(None)
        session.execute(update(Consent).where(*standing).values(withdrawn_at=moment))

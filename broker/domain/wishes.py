"""What an SME decides about itself by its link: to be left out of new shortlists for a while, and to be erased."""

from sqlmodel import Session

from broker.db import now
from broker.domain import audit
from broker.domain.completeness import status_of
from broker.domain.records import load_record
from broker.errors import ConflictError
from broker.models import INACTIVE, Sme, SmeStatus

NOT_YOURS = "You were not paused with this link, so it cannot take you up again. Your broker can."


def pause(session: Session, sme: Sme) -> None:
    """Leave the SME out of new shortlists until it takes up again; a second time changes nothing."""
    if sme.status in INACTIVE:
        return
    _change(session, sme, SmeStatus.PAUSED, paused_from=sme.status)
    audit.record(session, f"sme {sme.id}", "sme.pause", f"sme:{sme.id}")


def paused_itself(sme: Sme) -> bool:
    """Whether it can take up again by itself: what its broker paused or what expired, its broker looks at first."""
    return sme.status is SmeStatus.PAUSED and sme.paused_from is not None


def resume(session: Session, sme: Sme) -> None:
    """Take up again as what it was, or as a draft if its profile lost something meanwhile.

    ConflictError where somebody else paused it; an SME that is not paused stays as it is."""
    if sme.status not in INACTIVE:
        return
    if sme.paused_from is None or not paused_itself(sme):
        raise ConflictError(NOT_YOURS)
    _change(session, sme, status_of(sme.paused_from, load_record(session, sme).facts), paused_from=None)
    audit.record(session, f"sme {sme.id}", "sme.resume", f"sme:{sme.id}")


def _change(session: Session, sme: Sme, status: SmeStatus, *, paused_from: SmeStatus | None) -> None:
    """A form opened before must not be saved over it unseen, so this is a version of the profile, too."""
    sme.status, sme.paused_from, sme.updated_at = status, paused_from, now(session)
    sme.version += 1
    session.add(sme)
    session.flush()


def ask_erasure(session: Session, sme: Sme) -> None:
    """Ask the broker to erase the SME; a second time changes nothing."""
    if sme.erasure_asked_at is not None:
        return
    sme.erasure_asked_at = now(session)
    session.add(sme)
    session.flush()
    audit.record(session, f"sme {sme.id}", "erasure.ask", f"sme:{sme.id}")


def take_back_erasure(session: Session, actor: str, sme: Sme) -> None:
    """Do not ask any more; where nothing is asked, nothing changes."""
    if sme.erasure_asked_at is None:
        return
    sme.erasure_asked_at = None
    session.add(sme)
    session.flush()
    audit.record(session, actor, "erasure.take_back", f"sme:{sme.id}")

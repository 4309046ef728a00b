"""The append-only record of who changed what."""

from typing import Any

from sqlmodel import Session

from broker.db import now
from broker.models import AuditEntry

PROGRAM = "token"
"""Under this name a session's `info` holds the id of the API token in whose hands it is, and so do its entries."""


def record(session: Session, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Add an entry in the transaction of the change itself. `actor` names a person or a command, never an address."""
    token = {PROGRAM: session.info[PROGRAM]} if PROGRAM in session.info else {}
    session.add(
        AuditEntry(at=now(session), actor=actor[:120], action=action, subject=subject[:120], detail=detail | token)
    )

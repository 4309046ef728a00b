"""Addresses that are never mailed again, kept as hashes.

The hash has no key: mails are written where no settings are at hand, and a changed key must not lift a suppression.
So it keeps an address out of sight, and does not hide it from somebody who guesses it."""

import hashlib

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from broker.db import now
from broker.models import Suppression

UNSUBSCRIBED = "unsubscribed"
BOUNCED = "bounced"
ERASED = "erased"


def address_hash(address: str) -> str:
    """The name of an address in the suppression list: what differs only by case is one address."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


def reason_of(session: Session, address: str) -> str | None:
    """Why this address is never mailed; None where it may be."""
    found = session.get(Suppression, address_hash(address))
    return found.reason if found else None


def is_suppressed(session: Session, address: str) -> bool:
    """Whether this address must not be mailed."""
    return reason_of(session, address) is not None


def suppress(session: Session, address: str, reason: str) -> None:
    """Never mail this address again. The first reason stays, but that somebody was erased counts more than all."""
    found = session.get(Suppression, address_hash(address))
    if found is None:
        try:
            with session.begin_nested():
                session.add(Suppression(address_hash=address_hash(address), reason=reason, since=now(session)))
        except IntegrityError:  # the same at the same moment, e.g. by the mail program and by hand
            found = session.get(Suppression, address_hash(address))
    if found is not None and reason == ERASED:
        found.reason = reason
        session.add(found)


def lift(session: Session, address: str) -> None:
    """Mail this address again."""
    found = session.get(Suppression, address_hash(address))
    if found is not None:
        session.delete(found)
        session.flush()

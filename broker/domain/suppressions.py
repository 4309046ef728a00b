"""Addresses that are never mailed again, kept as hashes.

The hash has no key: mails are written where no settings are at hand, and a changed key must not lift a suppression.
So it keeps an address out of sight, and does not hide it from somebody who guesses it."""

import hashlib

from sqlalchemy import update
from sqlmodel import Session, col

from broker.db import insert, now
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
    """Never mail this address again; two at the same time do no harm. The first reason stays, but that somebody was
    erased counts more than all."""
    row = {"address_hash": address_hash(address), "reason": reason[:60], "since": now(session)}
    session.connection().execute(insert(session, Suppression).values(row).on_conflict_do_nothing())
    if reason == ERASED:
        named = col(Suppression.address_hash) == row["address_hash"]
        session.connection().execute(update(Suppression).where(named).values(reason=reason))


def lift(session: Session, address: str) -> None:
    """Mail this address again."""
    found = session.get(Suppression, address_hash(address))
    if found is not None:
        session.delete(found)
        session.flush()

"""Addresses that are never mailed again, kept as hashes.

The hash has no key: mails are written where no settings are at hand, and a changed key must not lift a suppression.
So it keeps an address out of sight, and does not hide it from somebody who guesses it."""

import hashlib

from sqlmodel import Session

from broker.db import insert, now
from broker.models import Suppression


def address_hash(address: str) -> str:
    """The name of an address in the suppression list: what differs only by case is one address."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


def is_suppressed(session: Session, address: str) -> bool:
    """Whether this address must not be mailed."""
    return session.get(Suppression, address_hash(address)) is not None


def suppress(session: Session, address: str, reason: str) -> None:
    """Never mail this address again; two at the same time do no harm, and the first reason stays."""
    row = {"address_hash": address_hash(address), "reason": reason[:60], "since": now(session)}
    session.connection().execute(insert(session, Suppression).values(row).on_conflict_do_nothing())

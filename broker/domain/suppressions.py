"""Addresses that are never mailed again, kept as hashes.

The hash has no key: mails are written where no settings are at hand, and a changed key must not lift a suppression.
So it keeps an address out of sight, and does not hide it from somebody who guesses it."""

import hashlib
from collections.abc import Collection

from sqlalchemy import update
from sqlmodel import Session, col, select

from broker.db import insert, now
from broker.models import Suppression

AT_ONCE = 10_000
"""Hashes in one statement; the databases take some 30,000."""
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


def among(session: Session, addresses: Collection[str]) -> set[str]:
    """Those of these addresses that must not be mailed."""
    hashes = {address: address_hash(address) for address in addresses}
    ordered, found = sorted(hashes.values()), set[str]()
    for first in range(0, len(ordered), AT_ONCE):
        some = col(Suppression.address_hash).in_(ordered[first : first + AT_ONCE])
        found.update(session.exec(select(Suppression.address_hash).where(some)))
    return {address for address, digest in hashes.items() if digest in found}


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

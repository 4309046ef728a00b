"""Accounts: who they are, what they may be, and whether a password is theirs."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from email_validator import EmailNotValidError
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit
from broker.domain.fields import ascii_address
from broker.errors import ConflictError, InvalidError
from broker.models import Account, City, Role

Result = TypeVar("Result")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
# OWASP's minimum for argon2id (Password Storage Cheat Sheet): about 20 ms and 19 MiB each.
_passwords = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
_nobody = _passwords.hash(secrets.token_urlsafe(16))
# Threads of its own, not only turns: the C library keeps the 19 MiB of a hash for each thread that ever made one, and
# with those that answer requests a burst of sign-ins took 700 MB for good.
_hashing = ThreadPoolExecutor(4, "hashing")
PATIENCE = 10.0
"""Seconds to wait for a turn."""
LONGEST_ACTOR = 120
"""What the records of runs and exports hold of it."""


def actor(account: Account) -> str:
    """How the record of changes names an account; a very long name is cut, never its number."""
    return account.name[: LONGEST_ACTOR - len(number(account))] + number(account)


def number(account: Account) -> str:
    """How every record of this account ends, whatever its name was then."""
    return f" (account {account.id})"


def normal_address(email: str) -> str:
    """An address in the one form we store; InvalidError if it cannot be one."""
    try:
        return ascii_address(email.strip()).lower()
    except EmailNotValidError as error:
        raise InvalidError(f"email: {email!r} is not an e-mail address. {error}") from error


def normal_name(name: str) -> str:
    """A person's name as we store it; InvalidError for none or an endless one."""
    if not 0 < len(name.strip()) <= 120:
        raise InvalidError("name: expected 1 to 120 characters")
    return name.strip()


def city_of(session: Session, role: Role, city_code: str | None) -> str | None:
    """The city such an account has: a broker's, else none. InvalidError for a broker of no city of ours."""
    if role != Role.BROKER:
        return None
    if city_code is None:
        raise InvalidError("city: a broker works for one of the network's cities, so choose one")
    if session.get(City, city_code) is None:
        raise InvalidError(f"city: a broker works for one of the network's cities, not {city_code!r}")
    return city_code


def create(
    session: Session,
    *,
    email: str,
    name: str,
    role: Role,
    city_code: str | None = None,
    password: str | None = None,
) -> Account:
    """A new account; a broker needs a city. Without a password it signs in by mailed links only."""
    account = add(session, email, name, role, city_code)
    account.password_hash = None if password is None else hash_password(password)
    audit.record(session, "accounts", "account.create", f"account {account.id}", role=role)
    return account


def add(session: Session, email: str, name: str, role: Role, city_code: str | None) -> Account:
    """The row of a new account. ConflictError where its address has one, InvalidError for what it cannot be."""
    address = normal_address(email)
    there = session.exec(select(Account).where(Account.email == address)).one_or_none()
    if there is not None:
        state = "already" if there.active else "already; it is deactivated"
        raise ConflictError(f"There is an account for {address} {state}.")
    account = Account(
        email=address,
        name=normal_name(name),
        role=role,
        city_code=city_of(session, role, city_code),
        created_at=now(session),
    )
    session.add(account)
    session.flush()
    return account


def find(session: Session, email: str) -> Account | None:
    """The active account of an address, however it is written."""
    try:
        address = normal_address(email)
    except InvalidError:
        return None
    return session.exec(select(Account).where(Account.email == address, col(Account.active).is_(True))).one_or_none()


def rename(session: Session, account: Account, name: str) -> None:
    """Change how the account is called. InvalidError for no name."""
    row = session.get_one(Account, account.id)
    row.name = normal_name(name)
    session.add(row)
    audit.record(session, actor(account), "account.name", f"account {account.id}")


def hash_password(password: str) -> str:
    """An argon2id hash; InvalidError for one that is too short to resist guessing, or absurdly long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidError(f"password: expected {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return _in_turn(lambda: _passwords.hash(password))


def authenticate(session: Session, email: str, password: str) -> Account | None:
    """The account of this address and password. An unknown address takes as long as a wrong password.

    Give it a read session: it computes for a while, and nobody should wait for its lock."""
    account = find(session, email)
    stored = account.password_hash if account and account.password_hash else _nobody
    right = _in_turn(lambda: _passwords.verify(password[:LONGEST_PASSWORD], stored))
    return account if right and stored is not _nobody else None


def _in_turn(act: Callable[[], Result]) -> Result:
    """Hash at most a few passwords at once: each takes 19 MiB and a core."""
    waiting = _hashing.submit(act)
    try:
        return waiting.result(PATIENCE)
    except TimeoutError:
        waiting.cancel()
        raise ConflictError("Too many people are signing in at once. Try again in a moment.") from None

"""Who signs in and how: passwords, mailed links, signed-in browsers."""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from email_validator import EmailNotValidError
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import delete, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from broker.config import Settings
from broker.db import now
from broker.domain import audit, letters
from broker.domain.fields import ascii_address
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Account, City, LoginToken, Role, SignIn

LINK_LIFE = timedelta(minutes=10)
SIGN_IN_LIFE = timedelta(days=7)
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
# OWASP's minimum for argon2id (Password Storage Cheat Sheet): about 20 ms and 19 MiB each.
_passwords = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
_hashing = threading.BoundedSemaphore(4)
_nobody = _passwords.hash(secrets.token_urlsafe(16))


LONGEST_ACTOR = 120
"""What the records of runs and exports hold of it."""


def actor(account: Account) -> str:
    """How the record of changes names an account; a very long name is cut, never its number."""
    number = f" (account {account.id})"
    return account.name[: LONGEST_ACTOR - len(number)] + number


def normal_address(email: str) -> str:
    """An address in the one form we store; InvalidError if it cannot be one."""
    try:
        return ascii_address(email.strip()).lower()
    except EmailNotValidError as error:
        raise InvalidError(f"email: {email!r} is not an e-mail address. {error}") from error


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
    address = normal_address(email)
    if find(session, address) is not None:
        raise ConflictError(f"There is an account for {address} already.")
    if not 0 < len(name.strip()) <= 120:
        raise InvalidError("name: expected 1 to 120 characters")
    if role == Role.BROKER and (city_code is None or session.get(City, city_code) is None):
        raise InvalidError(f"city: a broker works for one of the network's cities, not {city_code!r}")
    account = Account(
        email=address,
        name=name.strip(),
        role=role,
        city_code=city_code if role == Role.BROKER else None,
        password_hash=None if password is None else hash_password(password),
        created_at=now(session),
    )
    session.add(account)
    session.flush()
    audit.record(session, "accounts", "account.create", f"account {account.id}", role=role)
    return account


def find(session: Session, email: str) -> Account | None:
    """The active account of an address, however it is written."""
    try:
        address = normal_address(email)
    except InvalidError:
        return None
    return session.exec(select(Account).where(Account.email == address, col(Account.active).is_(True))).one_or_none()


def hash_password(password: str) -> str:
    """An argon2id hash; InvalidError for one that is too short to resist guessing, or absurdly long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidError(f"password: expected {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    with _turn():
        return _passwords.hash(password)


def set_password(session: Session, account: Account, password: str) -> None:
    """Change the password and end every session of the account."""
    account.password_hash = hash_password(password)
    session.add(account)
    sign_out_everywhere(session, account)
    audit.record(session, actor(account), "account.password", f"account {account.id}")


def authenticate(session: Session, email: str, password: str) -> Account | None:
    """The account of this address and password. An unknown address takes as long as a wrong password.

    Give it a read session: it computes for a while, and nobody should wait for its lock."""
    account = find(session, email)
    stored = account.password_hash if account and account.password_hash else _nobody
    with _turn():
        right = _passwords.verify(password[:LONGEST_PASSWORD], stored)
    return account if right and stored is not _nobody else None


def sign_in(session: Session, account: Account) -> str:
    """Start a session; gives the token for the cookie, of which only the hash is kept."""
    moment = now(session)
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_digest(token),
            account_id=account.id or 0,
            created_at=moment,
            expires_at=moment + SIGN_IN_LIFE,
        )
    )
    session.flush()
    audit.record(session, actor(account), "account.sign-in", f"account {account.id}")
    return token


def signed_in(session: Session, token: str) -> Account | None:
    """Whose session this is, if it is still open and the account still active."""
    return session.exec(
        select(Account)
        .join(SignIn, col(SignIn.account_id) == Account.id)
        .where(
            SignIn.token_hash == _digest(token),
            SignIn.expires_at > now(session),
            col(Account.active).is_(True),
        )
    ).one_or_none()


def sign_out(session: Session, token: str) -> None:
    """End one session; an unknown one is ended already."""
    session.connection().execute(delete(SignIn).where(col(SignIn.token_hash) == _digest(token)))


def sign_out_everywhere(session: Session, account: Account) -> int:
    """End every session of the account; how many there were."""
    ended = session.connection().execute(delete(SignIn).where(col(SignIn.account_id) == account.id))
    return ended.rowcount


def mail_link(session: Session, settings: Settings, email: str) -> None:
    """Mail a sign-in link if there is such an account; the asker is told the same either way."""
    account = find(session, email)
    if account is None:
        return
    moment = now(session)
    token = secrets.token_urlsafe(32)
    session.add(
        LoginToken(token_hash=_digest(token), account_id=account.id or 0, expires_at=moment + LINK_LIFE, used_at=None)
    )
    session.flush()
    letters.sign_in(session, settings, account, f"{settings.public_url}/sign-in/link/{token}")


def forget_expired(session: Session) -> int:
    """Delete sign-in links and sessions that are over; how many."""
    moment = now(session)
    links = session.connection().execute(delete(LoginToken).where(col(LoginToken.expires_at) < moment))
    sessions = session.connection().execute(delete(SignIn).where(col(SignIn.expires_at) < moment))
    return links.rowcount + sessions.rowcount


def link_is_open(session: Session, token: str) -> bool:
    """Whether a mailed link can still be used; looking does not use it."""
    return session.exec(_open_link(session, token)).one_or_none() is not None


def use_link(session: Session, token: str) -> Account:
    """Whose link this is, using it up: one conditional update decides, so two clicks cannot both win."""
    account_id = session.exec(_open_link(session, token)).one_or_none()
    used = session.connection().execute(
        update(LoginToken)
        .where(
            col(LoginToken.token_hash) == _digest(token),
            col(LoginToken.used_at).is_(None),
            col(LoginToken.expires_at) > now(session),
        )
        .values(used_at=now(session))
    )
    account = session.get(Account, account_id) if account_id is not None and used.rowcount == 1 else None
    if account is None or not account.active:
        raise NotFoundError("This sign-in link was used already or is older than ten minutes.")
    return account


def _open_link(session: Session, token: str) -> SelectOfScalar[int]:
    return select(LoginToken.account_id).where(
        LoginToken.token_hash == _digest(token),
        col(LoginToken.used_at).is_(None),
        LoginToken.expires_at > now(session),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


@contextmanager
def _turn() -> Iterator[None]:
    """Hash at most a few passwords at once: each takes 19 MiB and a core."""
    if not _hashing.acquire(timeout=10):
        raise ConflictError("Too many people are signing in at once. Try again in a moment.")
    try:
        yield
    finally:
        _hashing.release()

"""API tokens: what programs sign in with, in the name of an account and with no more rights than it has."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit
from broker.domain.accounts import actor
from broker.domain.digests import digest
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Account, ApiToken, IdempotencyKey, Scope

PREFIX = "cib_"
"""By which people, and programs that look for secrets in places where none should be, know it for what it is."""
MOST_TOKENS = 20
LIVES = (30, 90, 365)
"""How many days a token may live."""
USE_NOTED = timedelta(hours=1)
REPEATS = timedelta(hours=24)
"""How long a request sent again gets the answer it got."""


def create(session: Session, account: Account, name: str, scope: Scope, days: int) -> tuple[ApiToken, str]:
    """A new token, and its secret: shown this once, of which only the hash is kept. InvalidError, ConflictError."""
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise InvalidError("Name: expected 1 to 80 characters, such as the program that will use it.")
    if days not in LIVES:
        raise InvalidError(f"Lifetime: expected one of {', '.join(map(str, LIVES))} days.")
    if len(of_account(session, account)) >= MOST_TOKENS:
        raise ConflictError(f"There are {MOST_TOKENS} tokens already. Revoke one that is not needed any more.")
    secret, moment = PREFIX + secrets.token_urlsafe(32), now(session)
    token = ApiToken(
        account_id=account.id,
        name=name,
        token_hash=digest(secret),
        scope=scope,
        created_at=moment,
        expires_at=moment + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    # With its name: other entries tell the id alone, and the row goes when it is revoked or over.
    audit.record(session, actor(account), "token.create", f"token {token.id}", name=name, scope=scope, days=days)
    return token, secret


def of_account(session: Session, account: Account) -> list[ApiToken]:
    """The account's tokens that can be used, the newest first."""
    query = select(ApiToken).where(ApiToken.account_id == account.id, ApiToken.expires_at > now(session))
    return list(session.exec(query.order_by(col(ApiToken.id).desc())))


def revoke(session: Session, account: Account, token_id: int) -> None:
    """End a token of the account at once; NotFoundError."""
    token = session.get(ApiToken, token_id)
    if token is None or token.account_id != account.id:
        raise NotFoundError("There is no such token.")
    session.delete(token)
    audit.record(session, actor(account), "token.revoke", f"token {token_id}")


def end_all(session: Session, account: Account) -> int:
    """End every token of the account as part of something larger; how many."""
    theirs = delete(ApiToken).where(col(ApiToken.account_id) == account.id)
    return session.connection().execute(theirs).rowcount


def owner(session: Session, secret: str) -> tuple[Account, ApiToken] | None:
    """Whose token this is, if it can be used and the account is active."""
    query = (
        select(Account, ApiToken)
        .join(ApiToken, col(ApiToken.account_id) == Account.id)
        .where(ApiToken.token_hash == digest(secret), ApiToken.expires_at > now(session), col(Account.active).is_(True))
    )
    return session.exec(query).one_or_none()


def note_use(session: Session, token: ApiToken, moment: datetime) -> None:
    """Remember about when a token was last used. A read leaves no trace: it may write nothing."""
    if token.used_at is None or token.used_at < moment - USE_NOTED:
        session.connection().execute(update(ApiToken).where(col(ApiToken.id) == token.id).values(used_at=moment))


def forget_expired(session: Session) -> int:
    """Delete tokens that are over and answers nobody may ask for again; how many."""
    moment = now(session)
    ended = session.connection().execute(delete(ApiToken).where(col(ApiToken.expires_at) < moment))
    told = delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < moment - REPEATS)
    return ended.rowcount + session.connection().execute(told).rowcount

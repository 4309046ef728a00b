"""Signed-in browsers: each a row, found by the hash of the token in its cookie."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit, login_links, tokens
from broker.domain.accounts import actor
from broker.domain.digests import digest, new_token
from broker.models import Account, SignIn

SIGN_IN_LIFE = timedelta(days=7)
"""However busy, a browser signs in anew after that."""
IDLE_LIFE = timedelta(hours=24)
"""One that asked for nothing so long, too. Its cookie says when it last did, under our signature: a page that is only
looked at must not write (law 3)."""


def sign_in(session: Session, account: Account, device: str = "") -> str:
    """Start a session; gives the token for the cookie, of which only the hash is kept."""
    token = start(session, account, device)
    audit.record(session, actor(account), "account.sign-in", f"account {account.id}")
    return token


def start(session: Session, account: Account, device: str = "") -> str:
    """The same without a record, for what is recorded under another name."""
    moment, token = now(session), new_token()
    session.add(
        SignIn(
            token_hash=digest(token),
            account_id=account.id,
            device=device[:60],
            created_at=moment,
            expires_at=moment + SIGN_IN_LIFE,
        )
    )
    session.flush()
    seen = update(Account).where(col(Account.id) == account.id).values(last_sign_in_at=moment)
    session.connection().execute(seen)
    return token


def signed_in(session: Session, token: str, moment: datetime) -> Account | None:
    """Whose session this is, if it is still open at `moment` and the account still active."""
    return session.exec(
        select(Account)
        .join(SignIn, col(SignIn.account_id) == Account.id)
        .where(
            SignIn.token_hash == digest(token),
            SignIn.expires_at > moment,
            col(Account.active).is_(True),
        )
    ).one_or_none()


def open_sign_ins(session: Session, account: Account) -> Sequence[SignIn]:
    """The account's sessions that are not over, the newest first."""
    open_ones = SignIn.account_id == account.id, SignIn.expires_at > now(session)
    return session.exec(select(SignIn).where(*open_ones).order_by(col(SignIn.created_at).desc())).all()


def end(session: Session, account: Account, row: SignIn) -> None:
    """End one of the account's sessions."""
    session.delete(row)
    audit.record(session, actor(account), "account.sign-out", f"account {account.id}")


def sign_out(session: Session, token: str) -> None:
    """End the session of a cookie; an unknown one is ended already."""
    row = session.get(SignIn, digest(token))
    if row is not None:
        end(session, session.get_one(Account, row.account_id), row)


def drop(session: Session, token: str) -> None:
    """End a session whose browser signs in anew, which is recorded."""
    session.connection().execute(delete(SignIn).where(col(SignIn.token_hash) == digest(token)))


def sign_out_everywhere(session: Session, account: Account, *, ends_tokens: bool) -> int:
    """End every session and open link of the account, and its API tokens where that is wanted; how many sessions."""
    ended = end_all(session, account)
    login_links.revoke(session, account)
    detail = {"sessions": ended, "tokens": tokens.end_all(session, account) if ends_tokens else 0}
    audit.record(session, actor(account), "account.sign-out-everywhere", f"account {account.id}", **detail)
    return ended


def end_all(session: Session, account: Account, but: str = "") -> int:
    """End the account's sessions as part of something larger, but the one of this token; how many."""
    theirs = delete(SignIn).where(col(SignIn.account_id) == account.id, col(SignIn.token_hash) != digest(but))
    return session.connection().execute(theirs).rowcount

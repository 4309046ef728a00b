"""Mailed links of accounts: each for one purpose, for a time, used once by POST; only their hashes are kept."""

from datetime import timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from broker.config import Settings
from broker.db import now
from broker.domain import accounts, audit, letters
from broker.domain.digests import digest, new_token
from broker.errors import NotFoundError
from broker.models import Account, LinkPurpose, LoginToken, SignIn

LIFE = {
    LinkPurpose.SIGN_IN: timedelta(minutes=10),
    LinkPurpose.PASSWORD: timedelta(minutes=30),
    LinkPurpose.INVITATION: timedelta(days=7),
}
PATHS = {
    LinkPurpose.SIGN_IN: "/sign-in/link/",
    LinkPurpose.PASSWORD: "/password/",
    LinkPurpose.INVITATION: "/invitation/",
}
OVER = {
    LinkPurpose.SIGN_IN: "This sign-in link was used already or is older than ten minutes.",
    LinkPurpose.PASSWORD: "This link was used already or is older than half an hour. Ask for another one.",
    LinkPurpose.INVITATION: "This invitation was used already, or is older than seven days. Ask for another one.",
}


def mail_sign_in(session: Session, settings: Settings, email: str) -> None:
    """Mail a sign-in link if there is such an account; the asker is told the same either way."""
    account = accounts.find(session, email)
    if account is not None:
        letters.sign_in(session, settings, account, make(session, settings, account, LinkPurpose.SIGN_IN))
        audit.record(session, "sign-in page", "account.link", f"account {account.id}")


def mail_password(session: Session, settings: Settings, email: str) -> None:
    """Mail a link to set a new password if there is such an account; the asker is told the same either way."""
    account = accounts.find(session, email)
    if account is not None:
        letters.password(session, settings, account, make(session, settings, account, LinkPurpose.PASSWORD))
        audit.record(session, "sign-in page", "account.password-link", f"account {account.id}")


def make(session: Session, settings: Settings, account: Account, purpose: LinkPurpose) -> str:
    """The address of a new link, for its mail."""
    token = new_token()
    expires_at = now(session) + LIFE[purpose]
    session.add(LoginToken(token_hash=digest(token), account_id=account.id, purpose=purpose, expires_at=expires_at))
    session.flush()
    return f"{settings.public_url}{PATHS[purpose]}{token}"


def holder(session: Session, token: str, purpose: LinkPurpose) -> Account | None:
    """Whose link this is while it can still be used; looking does not use it."""
    return session.exec(_open(session, token, purpose)).one_or_none()


def use(session: Session, token: str, purpose: LinkPurpose) -> Account:
    """Whose link this is, using it up: one conditional update decides, so two clicks cannot both win.

    NotFoundError where it is over, was used, or is for something else."""
    account = holder(session, token, purpose)
    unused = col(LoginToken.token_hash) == digest(token), col(LoginToken.used_at).is_(None)
    moment = now(session)
    used = session.connection().execute(update(LoginToken).where(*unused).values(used_at=moment)) if account else None
    if account is None or used is None or used.rowcount != 1:
        raise NotFoundError(OVER[purpose])
    return account


def revoke(session: Session, account: Account, *purposes: LinkPurpose) -> None:
    """Let no open link of the account for these purposes (none named: for any) be used any more."""
    theirs = col(LoginToken.account_id) == account.id, col(LoginToken.used_at).is_(None)
    named = (col(LoginToken.purpose).in_(purposes or tuple(LinkPurpose)),)
    session.connection().execute(update(LoginToken).where(*theirs, *named).values(used_at=now(session)))


def forget_expired(session: Session) -> int:
    """Delete links and sessions that are over; how many."""
    moment = now(session)
    links = session.connection().execute(delete(LoginToken).where(col(LoginToken.expires_at) < moment))
    sessions = session.connection().execute(delete(SignIn).where(col(SignIn.expires_at) < moment))
    return links.rowcount + sessions.rowcount


def _open(session: Session, token: str, purpose: LinkPurpose) -> SelectOfScalar[Account]:
    return (
        select(Account)
        .join(LoginToken, col(LoginToken.account_id) == Account.id)
        .where(
            LoginToken.token_hash == digest(token),
            LoginToken.purpose == purpose,
            col(LoginToken.used_at).is_(None),
            LoginToken.expires_at > now(session),
            col(Account.active).is_(True),
        )
    )

"""Invitations: an account is there at once, and its owner takes it over by a mailed link."""

from sqlmodel import Session

from broker.config import Settings
from broker.domain import accounts, audit, letters, login_links, sign_ins
from broker.errors import ConflictError
from broker.models import Account, LinkPurpose, Role


def invite(
    session: Session, settings: Settings, actor: str, email: str, name: str, role: Role, city_code: str | None
) -> Account:
    """A new account, and the mail that invites its owner. ConflictError, InvalidError as in `accounts.add`."""
    account = accounts.add(session, email, name, role, city_code)
    _mail(session, settings, account)
    audit.record(session, actor, "account.invite", f"account {account.id}", role=role)
    return account


def resend(session: Session, settings: Settings, actor: str, account: Account) -> None:
    """Mail another invitation; the older ones end. ConflictError for who has signed in, or may not."""
    if not account.active:
        raise ConflictError("This account is deactivated. Reactivate it first.")
    if account.last_sign_in_at is not None:
        raise ConflictError("They have signed in before, so they need no invitation.")
    login_links.revoke(session, account, LinkPurpose.INVITATION)
    _mail(session, settings, account)
    audit.record(session, actor, "account.invite", f"account {account.id}", again=True)


def accept(session: Session, token: str, name: str, password_hash: str | None, device: str = "") -> tuple[Account, str]:
    """Take an account over and sign in: it and the token for the cookie. Without a password by mailed links only.

    InvalidError for no name; NotFoundError as in `login_links.use`."""
    account = login_links.use(session, token, LinkPurpose.INVITATION)
    account.name = accounts.normal_name(name)
    account.password_hash = password_hash or account.password_hash
    session.add(account)
    login_links.revoke(session, account)
    cookie = sign_ins.start(session, account, device)
    audit.record(session, accounts.actor(account), "account.accept", f"account {account.id}")
    return account, cookie


def _mail(session: Session, settings: Settings, account: Account) -> None:
    link = login_links.make(session, settings, account, LinkPurpose.INVITATION)
    letters.account_invitation(session, settings, account, link)

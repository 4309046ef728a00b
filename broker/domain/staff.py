"""What an administrator changes of accounts: role, city, and whether they may sign in at all."""

from sqlmodel import Session

from broker.domain import accounts, audit, login_links, sign_ins, tokens
from broker.errors import ConflictError
from broker.models import Account, Role

OWN = "This is your own account. Ask another administrator, so that one is always left."


def change(session: Session, administrator: Account, account: Account, role: Role, city_code: str | None) -> None:
    """Give the account another role or city, in force with its next page. ConflictError for one's own role."""
    if account.id == administrator.id and role != account.role:
        raise ConflictError(OWN)
    account.city_code = accounts.city_of(session, role, city_code)
    account.role = role
    session.add(account)
    subject = f"account {account.id}"
    audit.record(session, accounts.actor(administrator), "account.role", subject, role=role, city=account.city_code)


def deactivate(session: Session, administrator: Account, account: Account) -> None:
    """End the account's sessions, links and API tokens for good; nobody signs in. ConflictError for one's own."""
    if account.id == administrator.id:
        raise ConflictError(OWN)
    _set_active(session, administrator, account, active=False)
    sign_ins.end_all(session, account)
    login_links.revoke(session, account)
    tokens.end_all(session, account)


def reactivate(session: Session, administrator: Account, account: Account) -> None:
    """Let the account sign in again, with the password it had."""
    _set_active(session, administrator, account, active=True)


def _set_active(session: Session, administrator: Account, account: Account, *, active: bool) -> None:
    if account.active == active:
        raise ConflictError(f"This account is {'active' if active else 'deactivated'} already.")
    account.active = active
    session.add(account)
    action = "account.reactivate" if active else "account.deactivate"
    audit.record(session, accounts.actor(administrator), action, f"account {account.id}")

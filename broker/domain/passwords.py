"""How an account gets another password. Hashes are made before: hashing takes a while, and would hold our lock."""

from sqlmodel import Session

from broker.domain import audit, login_links, sign_ins
from broker.domain.accounts import actor
from broker.models import Account, LinkPurpose


def change(session: Session, account: Account, password_hash: str, token: str) -> None:
    """Change the password in the session of `token`, and end every other."""
    _keep(session, account, password_hash, token)
    audit.record(session, actor(account), "account.password", f"account {account.id}")


def reset(session: Session, token: str, password_hash: str) -> Account:
    """Set another password by a mailed link, using it up, and end every session. NotFoundError as in login_links."""
    account = login_links.use(session, token, LinkPurpose.PASSWORD)
    _keep(session, account, password_hash)
    audit.record(session, actor(account), "account.password-reset", f"account {account.id}")
    return account


def _keep(session: Session, account: Account, password_hash: str, but: str = "") -> None:
    """Whoever knew the old password or holds an older link is out."""
    row = session.get_one(Account, account.id)
    row.password_hash = password_hash
    session.add(row)
    sign_ins.end_all(session, account, but)
    login_links.revoke(session, account)

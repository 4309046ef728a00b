"""How an account gets another password. Hashes are made before: hashing takes a while, and would hold our lock."""

from sqlmodel import Session

from broker.domain import audit, login_links, sign_ins, tokens
from broker.domain.accounts import actor
from broker.models import Account, LinkPurpose


def change(session: Session, account: Account, password_hash: str, token: str, *, ends_tokens: bool) -> None:
    """Change the password in the session of `token`, and end every other; API tokens, too, where that is wanted."""
    _keep(session, account, password_hash, token)
    ended = tokens.end_all(session, account) if ends_tokens else 0
    audit.record(session, actor(account), "account.password", f"account {account.id}", tokens=ended)


def reset(session: Session, token: str, password_hash: str) -> Account:
    """Set another password by a mailed link, using it up, and end every session and API token.

    NotFoundError as in login_links."""
    account = login_links.use(session, token, LinkPurpose.PASSWORD)
    _keep(session, account, password_hash)
    ended = tokens.end_all(session, account)
    audit.record(session, actor(account), "account.password-reset", f"account {account.id}", tokens=ended)
    return account


def _keep(session: Session, account: Account, password_hash: str, but: str = "") -> None:
    """Whoever knew the old password or holds an older link is out."""
    row = session.get_one(Account, account.id)
    row.password_hash = password_hash
    session.add(row)
    sign_ins.end_all(session, account, but)
    login_links.revoke(session, account)

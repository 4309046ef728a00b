"""What the administrator's pages on accounts read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain.queries.shortlists import place
from broker.models import Account, City, LinkPurpose, LoginToken

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its city, and until when its invitation is open."""

    account: Account
    city: str
    invited_until: datetime | None

    @property
    def state(self) -> str:
        """`inactive`, `active`, `invited`, or `waiting` for who never signed in and has no open invitation."""
        if not self.account.active:
            return "inactive"
        if self.account.last_sign_in_at is not None:
            return "active"
        return "invited" if self.invited_until else "waiting"


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One page of the list."""

    rows: list[AccountRow]
    page: int
    pages: int
    total: int


def account_page(session: Session, page: int = 1) -> AccountPage:
    """Accounts by name, those that are deactivated last."""
    total = session.exec(select(func.count()).select_from(Account)).one()
    page, pages, first = place(page, total, PAGE_SIZE)
    order = col(Account.active).desc(), func.lower(Account.name), col(Account.id)
    rows = session.exec(_rows(session).order_by(*order).offset(first).limit(PAGE_SIZE))
    return AccountPage([AccountRow(*row) for row in rows], page, pages, total)


def account_row(session: Session, account: Account) -> AccountRow:
    """One account as its page shows it."""
    return AccountRow(*session.exec(_rows(session).where(Account.id == account.id)).one())


def _rows(session: Session) -> Any:
    until = (
        select(func.max(LoginToken.expires_at))
        .where(
            LoginToken.account_id == Account.id,
            LoginToken.purpose == LinkPurpose.INVITATION,
            col(LoginToken.used_at).is_(None),
            LoginToken.expires_at > now(session),
        )
        .correlate(Account)
        .scalar_subquery()
    )
    return select(Account, func.coalesce(City.name, ""), until).outerjoin(City, col(City.code) == Account.city_code)

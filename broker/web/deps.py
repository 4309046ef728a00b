"""What a route asks for: a session, the signed-in account, where it may go."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from sqlmodel import Session
from starlette.datastructures import FormData

from broker.config import Settings
from broker.db import Database
from broker.domain import access
from broker.models import Account, Role
from broker.web import sessions
from broker.web.limits import Limits
from broker.web.security import SAFE_METHODS


class SignInNeededError(Exception):
    """Nobody is signed in; the answer leads to the sign-in page."""


def get_settings(request: Request) -> Settings:
    """The settings this application was made with."""
    settings: Settings = request.app.state.settings
    return settings


def get_database(request: Request) -> Database:
    """The application's database, for the few routes that need a transaction of their own."""
    database: Database = request.app.state.database
    return database


def get_limits(request: Request) -> Limits:
    """How often what was tried."""
    limits: Limits = request.app.state.limits
    return limits


SettingsDep = Annotated[Settings, Depends(get_settings)]
DatabaseDep = Annotated[Database, Depends(get_database)]
LimitsDep = Annotated[Limits, Depends(get_limits)]


def get_session(request: Request, database: DatabaseDep) -> Iterator[Session]:
    """The request's one transaction: a GET cannot change anything, all else commits before its answer is sent."""
    with database.read() if request.method in SAFE_METHODS else database.write() as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session, scope="function")]


def get_account(request: Request, session: SessionDep) -> Account | None:
    """Who is signed in, if anybody is."""
    account = sessions.signed_in(request, session)
    if account is not None:
        session.expunge(account)  # pages show it even after their transaction was rolled back
    request.state.account = account
    return account


MaybeAccount = Annotated[Account | None, Depends(get_account, scope="function")]


def require_account(account: MaybeAccount) -> Account:
    """Who is signed in; anybody else is led to the sign-in page."""
    if account is None:
        raise SignInNeededError
    return account


CurrentAccount = Annotated[Account, Depends(require_account, scope="function")]


def require_broker(account: CurrentAccount) -> Account:
    """The signed-in broker or administrator."""
    return access.desk(account, Role.BROKER)


def require_organiser(account: CurrentAccount) -> Account:
    """The signed-in organiser or administrator."""
    return access.desk(account, Role.ORGANISER)


def require_admin(account: CurrentAccount) -> Account:
    """The signed-in administrator."""
    return access.desk(account)


CurrentBroker = Annotated[Account, Depends(require_broker, scope="function")]
CurrentOrganiser = Annotated[Account, Depends(require_organiser, scope="function")]
CurrentAdmin = Annotated[Account, Depends(require_admin, scope="function")]


async def read_form(request: Request) -> FormData:
    """The posted form as it came."""
    return await request.form()


FormDep = Annotated[FormData, Depends(read_form)]
RowId = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""A row's id in a path; what no database could hold is no page."""
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]

"""Who calls: a token's account, asked for what the token allows; and how often it may."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from broker.db import now
from broker.domain import access, accounts, audit, tokens
from broker.models import Account, ApiToken, Role, Scope
from broker.web.api.problems import ApiError
from broker.web.deps import LimitsDep, SessionDep
from broker.web.security import SAFE_METHODS, client_address

bearer = HTTPBearer(
    scheme_name="Token",
    bearerFormat="cib_…",
    description="A token of your account, made on its page `/account/tokens`.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The account in whose name a program calls, and the token it does it with."""

    account: Account
    token: ApiToken

    @property
    def actor(self) -> str:
        """How the record of changes names it."""
        return accounts.actor(self.account)


def get_caller(
    request: Request,
    session: SessionDep,
    limits: LimitsDep,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The caller; 401 without a token that works, 403 where it may only read."""
    found = tokens.owner(session, given.credentials) if given else None
    if found is None:
        limits.hit(limits.API_ADDRESS, client_address(request))
        raise ApiError(401, "Send a token that is valid: Authorization: Bearer cib_…", www_authenticate="Bearer")
    account, token = found
    limits.hit(limits.API_TOKEN, str(token.id))
    if request.method not in SAFE_METHODS:
        if token.scope != Scope.WRITE:
            raise ApiError(403, "This token may only read.", www_authenticate='Bearer error="insufficient_scope"')
        tokens.note_use(session, token, now(session))
    session.info[audit.PROGRAM] = token.id
    return Caller(account, token)


CallerDep = Annotated[Caller, Depends(get_caller, scope="function")]


def get_broker(caller: CallerDep) -> Caller:
    """A broker's or administrator's program."""
    access.desk(caller.account, Role.BROKER)
    return caller


def get_organiser(caller: CallerDep) -> Caller:
    """An organiser's or administrator's program."""
    access.desk(caller.account, Role.ORGANISER)
    return caller


BrokerDep = Annotated[Caller, Depends(get_broker, scope="function")]
OrganiserDep = Annotated[Caller, Depends(get_organiser, scope="function")]

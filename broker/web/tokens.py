"""The page where an account makes the tokens its programs sign in with."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import letters, tokens
from broker.errors import ConflictError, InvalidError
from broker.models import Account, Scope
from broker.web.account import WRONG_PASSWORD, knows_password
from broker.web.deps import CurrentAccount, DatabaseDep, LimitsDep, RowId, SessionDep, SettingsDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/account/tokens")
SCOPES = {Scope.READ: "Read only", Scope.WRITE: "Read and write"}


@router.get("")
def token_list(request: Request, session: SessionDep, account: CurrentAccount) -> Response:
    """The account's tokens, and the form for another one."""
    return _page(request, session, account)


@router.post("")
def create(
    request: Request,
    settings: SettingsDep,
    database: DatabaseDep,
    limits: LimitsDep,
    session: SessionDep,
    account: CurrentAccount,
    name: Annotated[str, Form(max_length=200)] = "",
    scope: Annotated[str, Form(max_length=20)] = Scope.READ,
    days: Annotated[str, Form(max_length=5)] = "90",
    present: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Make a token, which takes the password of who has one; this answer is the only one that ever shows it."""
    filled = {"name": name, "scope": scope, "days": days}
    if account.password_hash and not knows_password(database, limits, session, account, present):
        return _page(request, session, account, filled=filled, problem=WRONG_PASSWORD, field="present")
    try:
        if scope not in SCOPES or not days.isdecimal():
            raise InvalidError("Choose what it may do and for how long.")
        token, secret = tokens.create(session, account, name, Scope(scope), int(days))
        letters.token_made(session, settings, account, token, SCOPES[Scope(scope)].lower())
    except (InvalidError, ConflictError) as error:
        session.rollback()
        return _page(request, session, account, filled=filled, problem=str(error))
    return _page(request, session, account, made=token.name, secret=secret)


@router.post("/{token_id}/revoke")
def revoke(request: Request, session: SessionDep, account: CurrentAccount, token_id: RowId) -> Response:
    """End a token at once."""
    tokens.revoke(session, account, token_id)
    return redirect(request, "/account/tokens", "The token is revoked. Programs that used it are refused from now on.")


def _page(
    request: Request,
    session: Session,
    account: Account,
    *,
    filled: dict[str, str] | None = None,
    problem: str = "",
    field: str = "name",
    made: str = "",
    secret: str = "",
) -> Response:
    context = {
        "tokens": tokens.of_account(session, account),
        "scopes": SCOPES,
        "lives": tokens.LIVES,
        "filled": filled or {"name": "", "scope": Scope.READ, "days": "90"},
        "problem": problem,
        "field": field,
        "has_password": account.password_hash is not None,
        "made": made,
        "secret": secret,
    }
    return render(request, "pages/tokens.html", context, status=422 if problem else 200)

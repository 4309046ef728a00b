"""My account: name, password, and the devices that are signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.db import Database
from broker.domain import access, accounts, passwords, sign_ins, tokens
from broker.domain.digests import digest
from broker.errors import InvalidError
from broker.models import Account, City
from broker.web import sessions
from broker.web.deps import CurrentAccount, DatabaseDep, LimitsDep, SessionDep, SettingsDep
from broker.web.limits import Limits
from broker.web.pages import redirect, render
from broker.web.problems import by_field

router = APIRouter(prefix="/account")
WRONG_PASSWORD = "This is not your present password."  # noqa: S105 - it is about one


@router.get("")
def my_account(request: Request, session: SessionDep, account: CurrentAccount) -> Response:
    """The account of who is signed in."""
    return _page(request, session, account)


@router.post("")
def rename(
    request: Request, session: SessionDep, account: CurrentAccount, name: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Change the name."""
    try:
        accounts.rename(session, account, name)
    except InvalidError as error:
        return _page(request, session, account, by_field(error, ("name",)), name)
    return redirect(request, "/account", "Your name is saved.")


@router.post("/password")
def change_password(
    request: Request,
    database: DatabaseDep,
    limits: LimitsDep,
    session: SessionDep,
    account: CurrentAccount,
    present: Annotated[str, Form(max_length=500)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
    ends_tokens: Annotated[bool, Form()] = False,
) -> Response:
    """Change the password, which takes the present one; every other device is signed out."""
    if not knows_password(database, limits, session, account, present):
        return _page(request, session, account, {"present": WRONG_PASSWORD})
    try:
        password_hash = accounts.hash_password(password)
    except InvalidError as error:
        return _page(request, session, account, by_field(error, ("password",)))
    passwords.change(session, account, password_hash, sessions.token_of(request), ends_tokens=ends_tokens)
    ended = " Your API tokens are revoked." if ends_tokens else ""
    return redirect(request, "/account", f"Your password is changed, and every other device is signed out.{ended}")


def knows_password(database: Database, limits: Limits, session: Session, account: Account, present: str) -> bool:
    """Whether who is signed in knows the account's password, too; counted as a try to sign in. Commits the session."""
    limits.hit(limits.SIGN_IN_ACCOUNT, account.email)
    session.commit()  # nobody should wait for our lock while we hash
    with database.read() as reading:
        is_right = accounts.authenticate(reading, account.email, present) is not None
    if is_right:
        limits.forget(limits.SIGN_IN_ACCOUNT, account.email)
    return is_right


@router.post("/sign-ins/{handle}/end")
def end_sign_in(
    request: Request, settings: SettingsDep, session: SessionDep, account: CurrentAccount, handle: str
) -> Response:
    """Sign one device out."""
    row = access.sign_in(session, account, handle)
    is_this_one = row.token_hash == digest(sessions.token_of(request))
    sign_ins.end(session, account, row)
    if not is_this_one:
        return redirect(request, "/account#devices", "That device is signed out.")
    response = redirect(request, "/sign-in", "You are signed out.")
    sessions.forget(response, settings)
    return response


def _page(
    request: Request,
    session: Session,
    account: Account,
    problems: dict[str, str] | None = None,
    name: str | None = None,
) -> Response:
    own = digest(sessions.token_of(request))
    context = {
        "problems": problems or {},
        "name": account.name if name is None else name,
        "city": session.get(City, account.city_code) if account.city_code else None,
        "has_password": account.password_hash is not None,
        "shortest": accounts.SHORTEST_PASSWORD,
        "devices": [
            (row, row.token_hash[: access.HANDLE], row.token_hash == own)
            for row in sign_ins.open_sign_ins(session, account)
        ],
        "tokens": len(tokens.of_account(session, account)),
        "idle_hours": int(sign_ins.IDLE_LIFE.total_seconds()) // 3600,
    }
    return render(request, "pages/account.html", context, status=422 if problems else 200)

"""My account: name, password, and the devices that are signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import access, accounts, passwords, sign_ins
from broker.domain.digests import digest
from broker.errors import InvalidError
from broker.models import Account, City
from broker.web import sessions
from broker.web.deps import CurrentAccount, DatabaseDep, LimitsDep, SessionDep, SettingsDep
from broker.web.pages import redirect, render
from broker.web.problems import by_field

router = APIRouter(prefix="/account")


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
) -> Response:
    """Change the password, which takes the present one; every other device is signed out."""
    limits.hit(limits.SIGN_IN_ACCOUNT, account.email)
    session.commit()  # nobody should wait for our lock while we hash
    with database.read() as reading:
        is_right = accounts.authenticate(reading, account.email, present) is not None
    if not is_right:
        return _page(request, session, account, {"present": "This is not your present password."})
    limits.forget(limits.SIGN_IN_ACCOUNT, account.email)
    try:
        password_hash = accounts.hash_password(password)
    except InvalidError as error:
        return _page(request, session, account, by_field(error, ("password",)))
    passwords.change(session, account, password_hash, sessions.token_of(request))
    return redirect(request, "/account", "Your password is changed, and every other device is signed out.")


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
        "idle_hours": int(sign_ins.IDLE_LIFE.total_seconds()) // 3600,
    }
    return render(request, "pages/account.html", context, status=422 if problems else 200)

"""Somebody forgot the password: a mailed link leads to a page to choose another one."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from broker.domain import accounts, login_links, passwords
from broker.errors import InvalidError
from broker.models import Account, LinkPurpose
from broker.web import sessions
from broker.web.answers import as_slow_as_any
from broker.web.deps import DatabaseDep, LimitsDep, MaybeAccount, SessionDep, SettingsDep
from broker.web.pages import redirect, render
from broker.web.problems import by_field
from broker.web.security import client_address

router = APIRouter(prefix="/password")
PURPOSE = LinkPurpose.PASSWORD


@router.get("")
def forgotten(request: Request, _account: MaybeAccount) -> Response:
    """Where to ask for the link."""
    return render(request, "pages/password_forgotten.html", {"email": "", "is_mailed": False})


@router.post("")
def mail_link(
    request: Request,
    settings: SettingsDep,
    limits: LimitsDep,
    session: SessionDep,
    email: Annotated[str, Form(max_length=254)],
) -> Response:
    """Mail the link; the answer is the same, and as quick, whether there is such an account or not."""
    limits.hit(limits.PASSWORD_ADDRESS, client_address(request))
    limits.hit(limits.PASSWORD_ACCOUNT, email)
    with as_slow_as_any(session):
        login_links.mail_password(session, settings, email)
    return render(request, "pages/password_forgotten.html", {"email": email.strip(), "is_mailed": True})


@router.get("/{token}")
def new_password_page(request: Request, session: SessionDep, token: str) -> Response:
    """Where the mailed link leads: nothing happens before the button is pressed."""
    return _page(request, token, login_links.holder(session, token, PURPOSE))


@router.post("/{token}")
def set_new_password(
    request: Request,
    settings: SettingsDep,
    database: DatabaseDep,
    session: SessionDep,
    token: str,
    password: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Set the password, using the link up; every device is signed out, this one too, and API tokens end."""
    with database.read() as reading:  # before we hash, which costs: anybody can make up a link
        holder = login_links.holder(reading, token, PURPOSE)
    if holder is None:
        return _page(request, token, None)
    try:
        password_hash = accounts.hash_password(password)
    except InvalidError as error:
        return _page(request, token, holder, by_field(error, ("password",)))
    passwords.reset(session, token, password_hash)
    response = redirect(
        request, "/sign-in", "Your new password is set. Every device is signed out and API tokens are revoked. Sign in."
    )
    sessions.forget(response, settings)
    return response


def _page(request: Request, token: str, holder: Account | None, problems: dict[str, str] | None = None) -> Response:
    context = {"token": token, "holder": holder, "problems": problems or {}, "shortest": accounts.SHORTEST_PASSWORD}
    status = 404 if holder is None else 422 if problems else 200
    return render(request, "pages/password_new.html", context, status=status)

"""Where the link of an invitation leads: a page to take the account over."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import account_invitations, accounts, login_links
from broker.errors import InvalidError
from broker.models import City, LinkPurpose
from broker.web import sessions
from broker.web.deps import DatabaseDep, SessionDep
from broker.web.pages import redirect, render
from broker.web.problems import by_field

router = APIRouter(prefix="/invitation")


@router.get("/{token}")
def invitation(request: Request, session: SessionDep, token: str) -> Response:
    """What somebody is invited to; nothing happens before a button is pressed."""
    return _page(request, session, token)


@router.post("/{token}")
def accept(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    token: str,
    name: Annotated[str, Form(max_length=500)] = "",
    password: Annotated[str, Form(max_length=500)] = "",
    how: Annotated[str, Form(max_length=20)] = "password",
) -> Response:
    """Take the account over, with a password or with mailed links only, and sign in."""
    with database.read() as reading:  # before we hash, which costs: anybody can make up a link
        if login_links.holder(reading, token, LinkPurpose.INVITATION) is None:
            return _page(request, reading, token)
    try:
        accounts.normal_name(name)
        password_hash = None if how == "links" else accounts.hash_password(password)
    except InvalidError as error:
        return _page(request, session, token, name, by_field(error, ("password", "name")))
    account, cookie = account_invitations.accept(session, token, name, password_hash, sessions.device(request))
    sessions.drop_former(request, session)
    response = redirect(request, "/", f"Welcome, {account.name}. This is your desk.")
    sessions.hand_over(request, response, session, cookie)
    return response


def _page(
    request: Request, session: Session, token: str, name: str | None = None, problems: dict[str, str] | None = None
) -> Response:
    holder = login_links.holder(session, token, LinkPurpose.INVITATION)
    context = {
        "token": token,
        "holder": holder,
        "city": session.get(City, holder.city_code) if holder and holder.city_code else None,
        "name": name if name is not None or holder is None else holder.name,
        "problems": problems or {},
        "shortest": accounts.SHORTEST_PASSWORD,
    }
    status = 404 if holder is None else 422 if problems else 200
    return render(request, "pages/account_invitation.html", context, status=status)

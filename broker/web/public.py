"""Pages for everybody: the front page, signing in and out, and the health check."""

import logging
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from broker.config import Settings
from broker.domain import accounts, demo, login_links, sign_ins
from broker.domain.queries import health as queries
from broker.models import Account, EmailStatus, LinkPurpose, Role
from broker.web import sessions
from broker.web.answers import as_slow_as_any
from broker.web.deps import DatabaseDep, LimitsDep, MaybeAccount, SessionDep, SettingsDep
from broker.web.limits import TooManyTriesError
from broker.web.pages import redirect, render
from broker.web.security import client_address

log = logging.getLogger(__name__)
router = APIRouter()
NextQuery = Annotated[str, Query(alias="next", max_length=300)]
DESKS = {Role.BROKER: "/city", Role.ORGANISER: "/events", Role.ADMIN: "/events"}


@router.get("/health")
def health(database: DatabaseDep) -> JSONResponse:
    """Counts only, so for everybody. A 503 has the container started again, so late mail is told with a 200."""
    try:
        with database.read() as session:
            found = queries.health(session)
    except SQLAlchemyError as error:
        log.warning("the database cannot be used: %s", type(error).__name__)
        return JSONResponse({"status": "down", "database": "down"}, status_code=503)
    swept, relayed = found.pulses.get("sweep"), found.pulses.get("relay")
    return JSONResponse(
        {
            "status": "ok" if found.has_worker and not found.mail_is_late else "degraded",
            "database": "ok",
            "oldest_due_seconds": found.seconds_since(found.oldest_due) or 0,
            "sweep_seconds": found.seconds_since(swept),
            "relay_seconds": found.seconds_since(relayed),
            "failed": found.count(EmailStatus.FAILED),
            "held": found.count(EmailStatus.HELD),
        }
    )


@router.get("/")
def front_page(request: Request, settings: SettingsDep, account: MaybeAccount) -> Response:
    """What this is and where to sign in; who is signed in goes to their desk."""
    if account is not None:
        return RedirectResponse(DESKS[account.role], status_code=303)
    return _sign_in_page(request, settings, front=True)


@router.get("/sign-in")
def sign_in_page(
    request: Request, settings: SettingsDep, account: MaybeAccount, wanted: NextQuery = "", email: str = ""
) -> Response:
    """The sign-in form; in the demo `?email=` fills it with one of the demo's accounts."""
    if account is not None:
        return RedirectResponse(_local(wanted) or DESKS[account.role], status_code=303)
    return _sign_in_page(request, settings, wanted=_local(wanted), email=email)


@router.post("/sign-in")
def sign_in(
    request: Request,
    settings: SettingsDep,
    database: DatabaseDep,
    limits: LimitsDep,
    session: SessionDep,
    email: Annotated[str, Form(max_length=254)],
    password: Annotated[str, Form(max_length=500)],
    wanted: Annotated[str, Form(alias="next", max_length=300)] = "",
) -> Response:
    """Sign in by password. A wrong one and an unknown address get the same answer after the same time."""
    try:
        limits.hit(limits.SIGN_IN_ADDRESS, client_address(request))
        limits.hit(limits.SIGN_IN_ACCOUNT, email)
    except TooManyTriesError as error:
        problem = f"{error} A mailed link signs you in sooner: ask for one below."
        response = _sign_in_page(request, settings, wanted=_local(wanted), email=email, problem=problem, status=429)
        response.headers["retry-after"] = str(error.seconds)
        return response
    # Checked in a transaction of its own: hashing takes a while, and nobody should wait for our write lock.
    with database.read() as reading:
        account = accounts.authenticate(reading, email, password)
    if account is None:
        problem = "This e-mail address and password do not belong together."
        return _sign_in_page(request, settings, wanted=_local(wanted), email=email, problem=problem)
    limits.forget(limits.SIGN_IN_ACCOUNT, email)
    return _signed_in(request, session, account, _local(wanted))


@router.post("/sign-in/link")
def mail_link(
    request: Request,
    settings: SettingsDep,
    limits: LimitsDep,
    session: SessionDep,
    email: Annotated[str, Form(max_length=254)] = "",
) -> Response:
    """Mail a sign-in link; the answer is the same, and as quick, whether there is such an account or not.

    It comes from the form that also asks for a password, whatever stands in that."""
    if not email.strip():
        return _sign_in_page(request, settings, problem="Enter your e-mail address first; then ask for the link.")
    limits.hit(limits.LINK_ADDRESS, client_address(request))
    limits.hit(limits.LINK_ACCOUNT, email)
    with as_slow_as_any(session):
        login_links.mail_sign_in(session, settings, email)
    return render(request, "pages/link_mailed.html", {"email": email.strip()})


@router.get("/sign-in/link/{token}")
def link_page(request: Request, session: SessionDep, token: str) -> Response:
    """Where a mailed link leads: a page with a button, because mail scanners open links too."""
    is_open = login_links.holder(session, token, LinkPurpose.SIGN_IN) is not None
    return render(request, "pages/link.html", {"token": token, "is_open": is_open}, status=200 if is_open else 404)


@router.post("/sign-in/link/{token}")
def use_link(request: Request, session: SessionDep, token: str) -> Response:
    """Sign in by a mailed link, using it up."""
    return _signed_in(request, session, login_links.use(session, token, LinkPurpose.SIGN_IN))


@router.post("/sign-out")
def sign_out(request: Request, settings: SettingsDep, session: SessionDep) -> Response:
    """End this browser's session."""
    sign_ins.sign_out(session, sessions.token_of(request))
    response = redirect(request, "/sign-in", "You are signed out.")
    sessions.forget(response, settings)
    return response


@router.post("/sign-out/everywhere")
def sign_out_everywhere(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: MaybeAccount,
    ends_tokens: Annotated[bool, Form()] = False,
) -> Response:
    """End every session of the account, on every device, and its API tokens where that was ticked."""
    if account is not None:
        sign_ins.sign_out_everywhere(session, account, ends_tokens=ends_tokens)
    response = redirect(request, "/sign-in", "You are signed out on every device.")
    sessions.forget(response, settings)
    return response


def _signed_in(request: Request, session: Session, account: Account, wanted: str = "") -> Response:
    response = redirect(request, wanted or DESKS[account.role])
    sessions.start(request, response, session, account)
    return response


def _sign_in_page(
    request: Request,
    settings: Settings,
    *,
    front: bool = False,
    wanted: str = "",
    email: str = "",
    problem: str = "",
    status: int = 422,
) -> Response:
    demo_accounts = demo.sign_ins() if settings.is_demo else []
    chosen = next((entry for entry in demo_accounts if entry.email == email), None)
    context = {
        "front": front,
        "wanted": wanted,
        "email": email,
        "password": chosen.password if chosen and not problem else "",
        "problem": problem,
        "demo_accounts": demo_accounts,
    }
    return render(request, "pages/sign_in.html", context, status=status if problem else 200)


def _local(path: str) -> str:
    """A path on this service, or nothing: `next` must not lead to another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else ""

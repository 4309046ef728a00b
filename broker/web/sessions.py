"""The cookie of a signed-in browser: its token, and under our signature when it last asked for something."""

import hashlib
from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from itsdangerous import BadData, URLSafeSerializer
from sqlmodel import Session

from broker.config import Settings
from broker.db import now
from broker.domain import sign_ins
from broker.models import Account
from broker.web.devices import device_name
from broker.web.security import cookie_name, drop_cookie, set_cookie

COOKIE = "session"
RENEW_AFTER = timedelta(minutes=10)
"""How old the cookie's time may be before a page renews it: not every answer needs a cookie."""


def signed_in(request: Request, session: Session) -> Account | None:
    """Whose browser this is; None where its session is over, or it asked for nothing for too long."""
    held = _read(request)
    if held is None:
        return None
    token, seen = held
    moment = now(session)
    if moment - seen > sign_ins.IDLE_LIFE:
        return None
    account = sign_ins.signed_in(session, token, moment)
    if account is not None and moment - seen > RENEW_AFTER:
        request.state.session_cookie = _value(request.app.state.settings, token, moment)
    return account


def token_of(request: Request) -> str:
    """The token of this browser's session, or "": only its hash is kept elsewhere."""
    held = _read(request)
    return held[0] if held else ""


def start(request: Request, response: Response, session: Session, account: Account) -> None:
    """Sign this browser in, with a new token; a session it had before ends."""
    drop_former(request, session)
    hand_over(request, response, session, sign_ins.sign_in(session, account, device(request)))


def hand_over(request: Request, response: Response, session: Session, token: str) -> None:
    """Give the browser the cookie of a session that was just started."""
    settings: Settings = request.app.state.settings
    _set(response, settings, _value(settings, token, now(session)))


def drop_former(request: Request, session: Session) -> None:
    """End the session this browser had: who signs in anew leaves none behind."""
    if former := token_of(request):
        sign_ins.drop(session, former)


def renew(request: Request, response: Response) -> None:
    """Set the cookie anew where it is time to."""
    if value := getattr(request.state, "session_cookie", None):
        _set(response, request.app.state.settings, value)


def forget(response: Response, settings: Settings) -> None:
    """Make the browser forget its session."""
    drop_cookie(response, settings, COOKIE)


def device(request: Request) -> str:
    """What the browser says of itself, in words."""
    return device_name(request.headers.get("user-agent", ""))


def _set(response: Response, settings: Settings, value: str) -> None:
    set_cookie(response, settings, COOKIE, value, int(sign_ins.SIGN_IN_LIFE.total_seconds()))


def _read(request: Request) -> tuple[str, datetime] | None:
    settings: Settings = request.app.state.settings
    try:
        token, seen = _signer(settings).loads(request.cookies.get(cookie_name(settings, COOKIE), ""))
        return str(token), datetime.fromtimestamp(seen, UTC)
    except (BadData, TypeError, ValueError, OverflowError):
        return None


def _value(settings: Settings, token: str, moment: datetime) -> str:
    return str(_signer(settings).dumps([token, int(moment.timestamp())]))


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret_key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})

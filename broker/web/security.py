"""What guards every page: headers, cookies, the check against forged requests, and limits on guessing."""

import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.config import Settings
from broker.errors import BrokerError, InvalidError

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",  # the form icons of Pico's style sheet are data: images
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
FORM_FIELD = "form_token"
SME_PATHS = ("/s/", "/u/", "/i/")
"""Pages reached by a secret link: who can name the address holds the secret, so there is nothing to forge."""


class ForgedRequestError(BrokerError):
    """An unsafe request that no page of ours sent."""


class SecurityHeaders:
    """Sets HEADERS on every answer that does not set them itself."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self.app = app
        self.headers = HEADERS | ({"strict-transport-security": "max-age=31536000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; complete the answer's headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses bodies over a number of bytes, with a page of ours: before reading where their length is told."""

    def __init__(self, app: ASGIApp, most: int, refuse: Callable[[Request], Response]) -> None:
        self.app, self.most, self.refuse = app, most, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is read of it."""
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and int(length) > self.most:
            await self.refuse(Request(scope))(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_counted, send)


def cookie_name(settings: Settings, name: str) -> str:
    """A cookie's name; by HTTPS bound to this very host (`__Host-`)."""
    return f"__Host-{name}" if settings.is_https else f"broker_{name}"


def set_cookie(response: Response, settings: Settings, name: str, value: str, seconds: int | None = None) -> None:
    """Set a cookie no script can read and no other site's form can send along."""
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=seconds,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, settings: Settings, name: str) -> None:
    """Make the browser forget a cookie."""
    set_cookie(response, settings, name, "", 0)


async def check_origin(request: Request) -> None:
    """Refuse unsafe requests that another site made the browser send.

    Browsers say where a request comes from: `Sec-Fetch-Site`, or else `Origin`. On plain HTTP in a local network they
    may send neither (our Referrer-Policy makes Origin `null`); then the form's own token decides."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        genuine = site in {"same-origin", "none"}
    elif (origin := request.headers.get("origin", "null")) != "null":
        genuine = _is_our_host(request, origin)
    else:
        genuine = request.url.path.startswith(SME_PATHS) or await _has_form_token(request)
    if not genuine:
        raise ForgedRequestError("This form did not come from our own page, so nothing was changed.")


async def refuse_unstorable(request: Request) -> AsyncIterator[None]:
    """Refuse NUL characters and halves of characters: no database keeps them, and nobody types them.

    Closes uploaded files at the end of the request, whoever read them."""
    texts = [request.url.path, *(value for _, value in request.query_params.multi_items())]
    if request.method not in SAFE_METHODS:
        values = [value for _, value in (await request.form()).multi_items()]
        texts += [value if isinstance(value, str) else value.filename or "" for value in values]
    try:
        if any(UNSTORABLE.search(text) for text in texts):
            raise InvalidError("A text or a file's name holds a character that cannot be stored (NUL or half of one).")
        yield
    finally:
        await request.close()


def _is_our_host(request: Request, origin: str) -> bool:
    settings: Settings = request.app.state.settings
    ours = {request.headers.get("host", "").lower(), urlsplit(settings.public_url).netloc.lower()}
    return urlsplit(origin).netloc.lower() in ours


async def _has_form_token(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    cookie = request.cookies.get(cookie_name(settings, "form"), "")
    given = (await request.form()).get(FORM_FIELD)
    return (
        bool(cookie)
        and isinstance(given, str)
        and hmac.compare_digest(given.encode(), form_token(settings, cookie).encode())
    )


def form_token(settings: Settings, cookie: str) -> str:
    """The token that goes into forms, made from the browser's own form cookie."""
    return hmac.new(settings.secret_key.encode(), b"form:" + cookie.encode(), hashlib.sha256).hexdigest()


def form_cookie(request: Request) -> str:
    """This browser's form cookie; a new one is noted in the request's state, to be set on the answer."""
    settings: Settings = request.app.state.settings
    present = request.cookies.get(cookie_name(settings, "form")) or getattr(request.state, "form_cookie", None)
    if present is None:
        present = request.state.form_cookie = secrets.token_urlsafe(24)
    return str(present)


def client_address(request: Request) -> str:
    """The address of the browser, as the server (behind a proxy: its proxy headers) gives it."""
    return request.client.host if request.client else "unknown"

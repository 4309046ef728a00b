"""Each request's id, its line in the log and its place in the metrics: by its route, never by its path or query."""

import logging
import re
import secrets
import time
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)
REQUEST_ID = "x-request-id"
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Observe = Callable[[str, str, int, float], None]
"""Told of each answer: method, route, status, seconds."""


class Traffic:
    """Names each request for its log lines and for who asked, and says how it went.

    every: log every answer, else only faults (people watch a terminal; programs read JSON)."""

    def __init__(self, app: ASGIApp, observe: Observe, every: bool) -> None:
        self.app, self.observe, self.every = app, observe, every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = request_id(scope)
        # Not taken back at the end: the server logs a fault after us, and each request has a context of its own.
        structlog.contextvars.bind_contextvars(request_id=name)
        began, status = time.perf_counter(), 500

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = name
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except Exception:
            status = 500
            raise
        finally:
            self._tell(scope, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = method_of(scope), route_of(scope)
        self.observe(method, route, status, seconds)
        if self.every or status >= 500:
            level = logging.ERROR if status >= 500 else logging.INFO
            facts = {"method": method, "route": route, "status": status, "milliseconds": round(1000 * seconds)}
            log.log(level, "%s %s %s", method, route, status, extra=facts)


def request_id(scope: Scope) -> str:
    """The id the request came with, if it is one that may stand in a log, or a new one."""
    name = scope.get("request_id") or Headers(scope=scope).get(REQUEST_ID, "")
    scope["request_id"] = name if SANE_ID.fullmatch(name) else secrets.token_hex(8)
    return str(scope["request_id"])


def route_of(scope: Scope) -> str:
    """The template of the route that took the request; there are only so many, and none holds a secret."""
    path = getattr(scope.get("route"), "path", None)
    return path or ("/static" if scope["path"].startswith("/static/") else "none")


def method_of(scope: Scope) -> str:
    """The method, if it is one of those that are."""
    return scope["method"] if scope["method"] in METHODS else "other"

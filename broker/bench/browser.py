"""A browser without a network: it asks the application directly, and notes what each answer took."""

import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from sqlalchemy import event

NOT_COUNTED = ("PRAGMA", "BEGIN", "SELECT strftime(")
"""How a transaction begins on SQLite, and its clock."""
SIGNED_IN = re.compile(r"\bJOIN (signin|apitoken)\b")
"""The statement that finds who asks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    statements: int
    wall: float
    cpu: float
    """Seconds; of all threads of this process."""


@dataclass(slots=True)
class Browser:
    """Keeps cookies like a browser; `token` signs a program in."""

    app: FastAPI
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    async def sign_in(self, email: str, password: str) -> None:
        """Through the form."""
        answer = await self.ask("/sign-in", {"email": email, "password": password})
        assert answer.status == 303, answer.status  # noqa: S101 - the account was made a moment ago

    async def ask(self, address: str, form: dict[str, str] | None = None) -> Answer:
        """One request; a `form` is posted."""
        path, _, query = address.partition("?")
        sent: list[dict[str, Any]] = []
        seen: list[str] = []
        body = urlencode(form or {}).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        engine = self.app.state.database.engine
        event.listen(engine, "before_cursor_execute", note)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            await self.app(self._scope(path, query, form is not None), receive, send)
        finally:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            event.remove(engine, "before_cursor_execute", note)
        raw = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
        self._keep(value for name, value in raw if name == "set-cookie")
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], dict(raw), answer, sum(map(_is_counted, seen)), wall, cpu)

    def _keep(self, cookies: Any) -> None:
        pairs = (cookie.partition(";")[0].partition("=") for cookie in cookies)
        self.cookies |= {name: value for name, _, value in pairs}

    def _scope(self, path: str, query: str, is_post: bool) -> dict[str, Any]:
        headers = {
            "host": "127.0.0.1:8000",
            "sec-fetch-site": "same-origin",
            "content-type": "application/x-www-form-urlencoded" if is_post else "",
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "authorization": f"Bearer {self.token}" if self.token else "",
        }
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST" if is_post else "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }


def _is_counted(statement: str) -> bool:
    return not statement.startswith(NOT_COUNTED) and not SIGNED_IN.search(statement)

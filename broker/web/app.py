"""The application: made by `create_app`, with its routers, guards and error pages."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from os import PathLike, stat_result
from pathlib import PurePath

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.config import Settings
from broker.db import Database
from broker.errors import BrokerError, ConflictError, InvalidError, NotAllowedError, NotFoundError
from broker.queue import publisher
from broker.web import (
    account,
    account_invitations,
    accounts,
    api_docs,
    brokers,
    changes,
    city,
    event_form,
    fresh_links,
    imports,
    introductions,
    invitations,
    mail_health,
    mailings,
    matches,
    metrics,
    organiser,
    outbox,
    passwords,
    proposals,
    public,
    registrations,
    reviews,
    runs,
    sections,
    sme,
    sme_data,
    sme_list,
    sme_profile,
    tokens,
    unsubscribe,
    webhooks,
)
from broker.web.api import create_api, problems
from broker.web.clashes import is_taken
from broker.web.deps import SignInNeededError
from broker.web.limits import Limits, TooManyTriesError
from broker.web.pages import STATIC, query, render
from broker.web.problems import plain
from broker.web.security import (
    HEADERS,
    BodyLimit,
    ForgedRequestError,
    SecurityHeaders,
    check_origin,
    refuse_unstorable,
)
from broker.web.traffic import REQUEST_ID, Traffic, request_id

API = "/api/v1"
LARGEST_BODY = 11 * 1024 * 1024
"""A spreadsheet of 10 MB and the form around it."""
STATUS_OF: dict[type[BrokerError], int] = {
    NotFoundError: 404,
    NotAllowedError: 403,
    ForgedRequestError: 403,
    ConflictError: 409,
    InvalidError: 422,
    TooManyTriesError: 429,
}
HEADINGS = {
    400: "That could not be read",
    403: "That is not allowed",
    404: "Nothing to see here",
    405: "Nothing to see here",
    409: "Something changed in the meantime",
    413: "That is too large",
    422: "Something is missing or not as expected",
    429: "Slow down a little",
    500: "That went wrong on our side",
}
EXPLANATIONS = {
    400: "What the browser sent could not be read, so nothing was changed. Is the name of a file very long?",
    404: "This page does not exist, or it is not yours to see.",
    405: "This address is not a page. Go back and use the buttons.",
    413: "The most this service takes at once is 10 MB. Split the file, or leave out what is not needed.",
    500: "The fault is in the log, and nothing was changed. Try again; if it stays, tell whoever runs this service.",
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The web application over a migrated database."""
    settings = settings or Settings()
    settings.require_secret()
    app = FastAPI(
        title="Cross-Innovation Broker",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=settled,
        dependencies=[Depends(check_origin), Depends(refuse_unstorable)],
        exception_handlers={
            BrokerError: _broker_error,
            SignInNeededError: _sign_in_needed,
            RequestValidationError: _validation_error,
            HTTPException: _http_error,
            IntegrityError: _clash,
            Exception: _fault,
        },
    )
    app.state.settings = settings
    app.state.database = Database(settings, publish=publisher(settings))
    app.state.limits = Limits(settings)
    app.state.metrics = metrics.Metrics(app.state.database)
    for desk in (
        public, outbox, changes, brokers, imports, event_form, registrations, invitations, organiser, mailings,
        sections, reviews, mail_health, metrics, runs, matches, sme, sme_data, sme_profile, proposals, tokens,
        webhooks,
        sme_list, city, introductions, unsubscribe,
        passwords, account_invitations, account, accounts, fresh_links, api_docs,
    ):  # fmt: skip
        app.include_router(desk.router)
    app.state.api = create_api(app.state)
    app.mount(API, app.state.api, name="api")
    # Only files that hold no secrets are compressed: compressing pages would let their length tell tales (BREACH).
    app.mount("/static", GZipMiddleware(CachedFiles(directory=STATIC), minimum_size=1000), name="static")
    app.add_middleware(BodyLimit, most=LARGEST_BODY, refuse=_too_large)
    # Within HeadAsGet, whose copy of the scope hides from those around it which route was taken.
    app.add_middleware(Traffic, observe=app.state.metrics.observe, every=settings.log_json)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, https=settings.is_https)
    return app


@asynccontextmanager
async def settled(_app: FastAPI) -> AsyncIterator[None]:
    """What was imported stays for good, so it is taken out of garbage collection: looking through it again and again
    would hold some requests up by a fifth of a second. A page of a large event makes 10,000s of rows, so that the
    collector also runs less often."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class HeadAsGet:
    """Answers HEAD like GET without the body: mail scanners and link checkers ask so first."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as a GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET"}, receive, send_without_body)


class CachedFiles(StaticFiles):
    """Static files that browsers keep: for ever where the address names the content, else for an hour."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, with how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        named = b"v=" in scope.get("query_string", b"") or "vendor" in PurePath(full_path).parts
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if named else "public, max-age=3600"
        return response


def _too_large(request: Request) -> Response:
    return _refusal(request, 413)


def _refusal(request: Request, status: int) -> Response:
    """For a program a problem, also where its address is so odd (a line break) that the API never gets to see it."""
    if request.url.path.startswith(f"{API}/"):
        return problems.problem(status, problems.EXPLANATIONS.get(status, ""))
    return error_page(request, status)


async def _broker_error(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 400)
    response = error_page(request, status, str(error))
    if isinstance(error, TooManyTriesError):
        response.headers["retry-after"] = str(error.seconds)
    return response


async def _clash(request: Request, error: Exception) -> Response:
    """Two people wrote the same thing at the same moment, and the database kept the first. All else is a fault."""
    assert isinstance(error, IntegrityError)  # noqa: S101 - registered for this kind only
    if not is_taken(error):
        raise error
    return error_page(request, 409, "Somebody saved the same at the same moment, so nothing of yours was. Try again.")


async def _validation_error(request: Request, error: Exception) -> Response:
    """A path or query that is no number is no page of ours; a form field is told by name."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this kind only
    problems = error.errors()
    if any(problem["loc"][0] == "path" for problem in problems):
        return error_page(request, 404)
    told = [f"{problem['loc'][-1]}: {plain(problem['msg'])}" for problem in problems]
    return error_page(request, 422, ". ".join(told))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this kind only
    response = _refusal(request, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _fault(request: Request, _error: Exception) -> Response:
    """The server logs the fault itself. This answer is made outside of all middleware, so it brings its headers."""
    response = error_page(request, 500)
    response.headers.update({**HEADERS, REQUEST_ID: request_id(request.scope)})
    return response


async def _sign_in_needed(request: Request, _error: Exception) -> Response:
    """To the sign-in page, and from there back to the page that was asked for."""
    wanted = request.url.path if request.method == "GET" else ""
    response: Response = RedirectResponse(
        "/sign-in" + (query({"next": wanted}) if wanted not in ("", "/") else ""), status_code=303
    )
    if "hx-request" in request.headers:  # htmx would put the sign-in page into the fragment's place
        response = Response(status_code=401, headers={"hx-redirect": "/sign-in"})
    return response


def error_page(request: Request, status: int, message: str = "") -> Response:
    """A page that says in a sentence what happened and leads back."""
    heading = HEADINGS.get(status, HTTPStatus(status).phrase)
    context = {"status": status, "heading": heading, "message": message or EXPLANATIONS.get(status, "")}
    return render(request, "pages/error.html", context, status=status)

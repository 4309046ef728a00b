"""The API as an application of its own under `/api/v1`: other errors, other sign-in, no cookies and no forms."""

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from starlette.datastructures import State

from broker.errors import InvalidError
from broker.web.api import answers, events, problems, smes, webhooks
from broker.web.api.answers import IfNoneMatch
from broker.web.api.callers import CallerDep
from broker.web.api.problems import MEDIA_TYPE, Problem
from broker.web.api.schemas import Me
from broker.web.security import UNSTORABLE

DESCRIPTION = """Everything a program may do here it does in the name of an account, with a token made on its page
`/account/tokens`, and with no more rights. Lists come in pages: follow `next`. Single rows have an `ETag`; to change
one, send it back as `If-Match`. A `POST` with an `Idempotency-Key` can be sent again and acts once. What goes wrong
is told as `application/problem+json`."""
PROBLEMS = (400, 401, 403, 404, 409, 412, 413, 422, 428, 429)


class Api(FastAPI):
    """Describes what FastAPI cannot know: that problems have a content type of their own, and who may be told 304."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            for path in super().openapi()["paths"].values():
                for operation in path.values():
                    _complete(operation)
        assert self.openapi_schema is not None  # noqa: S101 - made just now
        return self.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    for code in PROBLEMS:
        content = operation["responses"][str(code)]["content"]
        content[MEDIA_TYPE] = content.pop("application/json")
    if any(one["name"].lower() == "if-none-match" for one in operation.get("parameters", [])):
        operation["responses"]["304"] = {"description": "It is as you have it."}


def create_api(state: State) -> FastAPI:
    """The API over the state (settings, database, limits) of the application it is a part of."""
    api = Api(
        title="Cross-Innovation Broker",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_unstorable)],
        responses={code: {"model": Problem} for code in PROBLEMS},
    )
    api.state = state
    problems.install(api)
    api.get("/me", response_model=Me, tags=["Token"])(read_me)
    api.include_router(smes.router)
    api.include_router(events.router)
    api.include_router(webhooks.router)
    return api


def read_me(caller: CallerDep, if_none_match: IfNoneMatch = None) -> Response:
    """In whose name this token calls, and what it may."""
    return answers.one(Me.of(caller.account, caller.token), if_none_match)


def refuse_unstorable(request: Request) -> None:
    """Refuse NUL characters and halves of characters in an address; models refuse them in bodies."""
    values = [request.url.path, *(value for _, value in request.query_params.multi_items())]
    if any(UNSTORABLE.search(value) for value in values):
        raise InvalidError("The address holds a character that cannot be stored (NUL or half of one).")

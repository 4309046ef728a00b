"""The API as an application of its own under `/api/v1`: other errors, other sign-in, no cookies and no forms."""

from fastapi import Depends, FastAPI, Request, Response
from starlette.datastructures import State

from broker.errors import InvalidError
from broker.web.api import answers, calls, events, problems, registrations, smes, webhooks
from broker.web.api.answers import IfNoneMatch
from broker.web.api.callers import CallerDep
from broker.web.api.description import DESCRIPTION, TAGS, DescribedApi, operation_id
from broker.web.api.problems import Problem
from broker.web.api.schemas import Me
from broker.web.security import UNSTORABLE, BodyLimit

LARGEST_BODY = 1024 * 1024
"""Half as much holds any profile. JSON is read before the token is looked at, and 10 MB of it took seconds."""


def create_api(state: State) -> FastAPI:
    """The API over the state (settings, database, limits) of the application it is a part of."""
    api = DescribedApi(
        title="Cross-Innovation Broker",
        summary="Partners for SMEs across sectors and cities: what the desks do, for programs.",
        version="1",
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": told} for name, told in TAGS.items()],
        generate_unique_id_function=operation_id,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_unstorable)],
        responses={422: {"model": Problem}},
    )
    api.state = state
    problems.install(api)
    api.add_middleware(BodyLimit, most=LARGEST_BODY, refuse=problems.too_large)
    api.get("/me", response_model=Me, tags=["Token"], summary="Read whose token this is")(read_me)
    api.include_router(smes.router)
    api.include_router(events.router)
    api.include_router(registrations.router)
    api.include_router(webhooks.router)
    api.webhooks.include_router(calls.router)
    return api


def read_me(caller: CallerDep, if_none_match: IfNoneMatch = None) -> Response:
    """In whose name this token calls, and what it may."""
    return answers.one(Me.of(caller.account, caller.token), if_none_match)


def refuse_unstorable(request: Request) -> None:
    """Refuse NUL characters and halves of characters in an address; models refuse them in bodies."""
    values = [request.url.path, *(value for _, value in request.query_params.multi_items())]
    if any(UNSTORABLE.search(value) for value in values):
        raise InvalidError("The address holds a character that cannot be stored (NUL or half of one).")

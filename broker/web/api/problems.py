"""What goes wrong, told to programs: one object in the form of RFC 9457 (`application/problem+json`)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from broker.domain import access
from broker.errors import BrokerError, ConflictError, InvalidError, NotAllowedError, NotFoundError
from broker.web.clashes import is_taken
from broker.web.limits import TooManyTriesError
from broker.web.traffic import REQUEST_ID, request_id

MEDIA_TYPE = "application/problem+json"
REFUSED = "Some fields are not as expected; nothing was changed."
GONE = "There is no such row, or it is not yours to see."
EXPLANATIONS = {
    400: "What was sent could not be read. Send JSON in UTF-8.",
    404: "There is no such address. What there is: /api/v1/openapi.json, or as a page: /api.",
    405: "This address takes other methods; Allow names them.",
    413: "The most this API takes at once is 1 MB.",
}
STATUS_OF: dict[type[BrokerError], int] = {
    NotFoundError: 404,
    NotAllowedError: 403,
    ConflictError: 409,
    InvalidError: 422,
    TooManyTriesError: 429,
}


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong, in a sentence; `errors` tells it field by field."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = []


class ApiError(Exception):
    """A problem of the protocol: no token, no such version, a header that is missing; or of fields, by their names."""

    def __init__(self, status: int, detail: str, errors: list[FieldProblem] | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def refused(*errors: FieldProblem) -> ApiError:
    """The problem of fields that cannot be used."""
    return ApiError(422, REFUSED, errors=list(errors))


def problem(
    status: int, detail: str = "", errors: list[FieldProblem] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer that tells a problem."""
    told = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    content = told.model_dump(exclude_defaults=False, exclude={"errors"} if not errors else None)
    return JSONResponse(content, status, dict(headers or {}), MEDIA_TYPE)


def install(api: FastAPI) -> None:
    """Have every failure of the API told as a problem."""
    api.add_exception_handler(ApiError, _api_error)
    api.add_exception_handler(BrokerError, _broker_error)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(IntegrityError, _clash)
    api.add_exception_handler(Exception, _fault)


def too_large(_request: Request) -> JSONResponse:
    """The answer to a body that is not even read."""
    return problem(413, EXPLANATIONS[413])


async def _api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this kind only
    return problem(error.status, error.detail, error.errors, error.headers)


async def _broker_error(_request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 400)
    headers = {"retry-after": str(error.seconds)} if isinstance(error, TooManyTriesError) else {}
    return problem(status, GONE if str(error) == access.GONE else str(error), headers=headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """A path that is no number is no address of ours; all else is told field by field."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this kind only
    found: list[dict[str, Any]] = list(error.errors())
    if any(one["loc"][0] == "path" for one in found):
        return problem(404, GONE)
    if found[0]["type"] == "json_invalid":
        why = found[0].get("ctx", {}).get("error", "")
        return problem(400, f"The body is no JSON, from character {found[0]['loc'][-1]} on: {why}.")
    if found[0]["loc"] == ("body",) and not _is_json(request):
        return problem(415, "Send JSON, and say so: Content-Type: application/json.")
    errors = [FieldProblem(field=_place(one["loc"]), message=_words(one["msg"])) for one in found[:50]]
    return problem(422, REFUSED, errors)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _place(loc: tuple[int | str, ...]) -> str:
    """ "offers.2" for the third offer in the body; a query or header by its name."""
    return ".".join(map(str, loc[1:]))[:200] or str(loc[0])


def _words(message: str) -> str:
    return message.removeprefix("Value error, ").encode(errors="replace").decode()


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this kind only
    told = EXPLANATIONS.get(error.status_code, str(error.detail))
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return problem(error.status_code, told, headers=headers)


def _allowed(request: Request) -> str:
    """All methods of an address; Starlette names only those of the first route that has it."""
    path = request.scope["path"].removeprefix(request.scope["root_path"])
    routes = [one for one in iter_route_contexts(request.app.routes) if compile_path(one.path or "")[0].match(path)]
    return ", ".join(sorted({method for route in routes for method in route.methods or ()}))


async def _clash(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IntegrityError)  # noqa: S101 - registered for this kind only
    if not is_taken(error):
        raise error
    return problem(409, "Somebody saved the same at the same moment, so nothing of yours was. Try again.")


async def _fault(request: Request, _error: Exception) -> JSONResponse:
    told = "The fault is in the log under this request's id, and nothing was changed."
    answer = problem(500, told)
    answer.headers[REQUEST_ID] = request_id(request.scope)
    return answer

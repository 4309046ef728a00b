"""The OpenAPI document: what FastAPI cannot know of the API is added to what it does."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from broker.web.api.examples import EXAMPLES
from broker.web.api.problems import MEDIA_TYPE

DESCRIPTION = """Everything a program may do here it does in the name of an account, and with no more rights: a broker's
has the SMEs of the city, an organiser's the events.

**Sign in** with a token from your page `/account/tokens`: `Authorization: Bearer cib_…`. It may read, or read and
write, and ends on a day you choose.

**Lists** come in pages, in the order of ids. Follow `next` (as `cursor`, or by the `Link` header) until it is null.

**Changing** takes the `ETag` of what you have read, as `If-Match`. If somebody changed it since, you get 412 and
nobody's work is lost: read again, then send your change. `PATCH` changes the fields you send (JSON Merge Patch), `PUT`
all of it.

**Sending again** is safe with an `Idempotency-Key` of your own on any `POST`: within a day the same request acts once
and gets the same answer, with `Idempotency-Replayed: true`.

**What goes wrong** is told as `application/problem+json` (RFC 9457): `detail` is a sentence, `errors` tells it field by
field. 429 names in `Retry-After` how long to wait."""
TAGS = {
    "Token": "In whose name a program calls.",
    "SMEs": "The firms of the broker's city, with their whole profiles.",
    "Statements": "What an SME offers and looks for, by itself.",
    "Events": "The organiser's workshops.",
    "Registrations": "Which SMEs take part in an event.",
    "Match runs": "A run builds the shortlists of an event. Organisers approve them on its page: that is for people.",
    "Matches": "The pairs a run has chosen, and why.",
    "Answers": "What the SMEs said of each other.",
    "Exports": "Files, for spreadsheets and reports.",
    "Webhooks": "Calls to your programs, signed as Standard Webhooks (standardwebhooks.com) has it.",
}
PROBLEMS = {
    400: "The request could not be read: the body is no JSON, or a header has another form.",
    401: "No token, or none that is valid.",
    403: "The token may only read.",
    404: "There is no such row, or it is not yours to see.",
    409: "It is in the wrong state for this, or somebody else did the same at the same moment.",
    412: "It was changed since you read it.",
    413: "The body is larger than 1 MB.",
    415: "The body is said to be something else than JSON.",
    422: "Some fields are not as expected; nothing was changed.",
    428: "`If-Match` is missing.",
    429: "Too many requests.",
}
CALL_ANSWERS = {
    "2XX": {"description": "It is taken."},
    "410": {"description": "Nobody is there any more: this webhook is switched off."},
    "default": {"description": "It is made again, at growing intervals, for a day."},
}
TEXT = {"schema": {"type": "string"}}
HEADERS = {
    "ETag": TEXT | {"description": "Names this version, for `If-Match` and `If-None-Match`."},
    "Location": TEXT | {"description": "The address of what was made."},
    "Link": TEXT | {"description": 'The next page, with `rel="next"`; none on the last.'},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."},
    "WWW-Authenticate": TEXT,
    "Idempotency-Replayed": TEXT | {"description": "`true` where this answer was given before."},
}


class DescribedApi(FastAPI):
    """An API that describes its problems, headers and examples."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation)
            for name, call in document["webhooks"].items():
                call["post"]["responses"] = CALL_ANSWERS
                call["post"]["operationId"] = name
            parts = document["components"]
            parts["responses"] = {f"Problem{status}": _problem(status) for status in PROBLEMS}
            parts["headers"] = HEADERS
            parts["schemas"] = {name: _with_example(name, schema) for name, schema in parts["schemas"].items()}
            document["externalDocs"] = {"url": "/api", "description": "The same as a page"}
        assert self.openapi_schema is not None  # noqa: S101 - made just now
        return self.openapi_schema


def _with_example(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name.endswith("Page"):
        row = schema["properties"]["data"]["items"]["$ref"].rpartition("/")[2]
        return schema | {"examples": [{"data": [EXAMPLES[row]], "next": None}]}
    return schema | ({"examples": [EXAMPLES[name]]} if name in EXAMPLES else {})


def operation_id(route: APIRoute) -> str:
    """The name of its function: what generated clients call it."""
    return route.name


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    for one in operation.get("parameters", []):  # a header that is not sent is not null
        one["schema"] = next(iter(one["schema"].get("anyOf", [])), one["schema"])
    parameters = {one["name"].lower() for one in operation.get("parameters", [])}
    answers = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
    for code, answer in answers.items():
        names = _headers(method, code, parameters)
        if names:
            answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if "if-none-match" in parameters:
        answers["304"] = {"description": "It is as you have it."}
    problems = _problems(path, method, parameters, "requestBody" in operation)
    operation["responses"] = answers | {str(one): {"$ref": f"#/components/responses/Problem{one}"} for one in problems}


def _headers(method: str, code: str, parameters: set[str]) -> list[str]:
    made = code in {"201", "202"}
    found = ["ETag"] if made or parameters & {"if-match", "if-none-match"} else []
    found += ["Location"] if made else []
    found += ["Link"] if "cursor" in parameters else []
    return found + (["Idempotency-Replayed"] if "idempotency-key" in parameters else [])


def _problems(path: str, method: str, parameters: set[str], has_body: bool) -> list[int]:
    """Which of PROBLEMS an operation can tell."""
    found = {401, 422, 429} | ({404} if path not in {"/me", "/webhooks"} else set())
    if method != "get":
        found |= {403, 409}
    if has_body:
        found |= {400, 413, 415}
    if "if-match" in parameters:
        found |= {400, 412, 428}
    return sorted(found)


def _problem(status: int) -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}}
    answer: dict[str, Any] = {"description": PROBLEMS[status], "content": {MEDIA_TYPE: content}}
    names = {401: "WWW-Authenticate", 403: "WWW-Authenticate", 429: "Retry-After"}
    if status in names:
        answer["headers"] = {names[status]: {"$ref": f"#/components/headers/{names[status]}"}}
    return answer

"""How the API answers: versions by ETag, pages by cursor, requests that may be sent again."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel
from sqlmodel import Session, col

from broker.db import insert, now
from broker.models import IdempotencyKey
from broker.web.api.callers import Caller
from broker.web.api.problems import ApiError

LARGEST_ID = 2**31 - 1
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=2000,
        description="The ETag of the version you have seen, or `*` to write over whichever it is.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=2000,
        description="ETags of the versions you have: where one is still true, 304.",
    ),
]
USED = (
    "Idempotency-Key: it was used for another request, or for a file that would hold something else by now. "
    "Take a new one."
)
TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
"""An ETag in a header (RFC 9110, 8.8.3); there can be a comma in one."""
RepeatKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of your own: the same request sent again with it, within a day, acts once.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows a page at most.")]
Cursor = Annotated[str, Query(max_length=100, description="`next` of the page before.")]


class Page(BaseModel):
    """One page of rows, and the cursor of the next one; none on the last."""

    data: Sequence[BaseModel]
    next: str | None = None


def after(cursor: str) -> int:
    """The id a page begins after; ApiError 422 for a cursor that is none of ours."""
    if not cursor:
        return 0
    try:
        text = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else -1
    if not 0 <= number <= LARGEST_ID:
        raise ApiError(422, "cursor: expected the `next` of the page before, as it was.")
    return number


def page(request: Request, rows: Sequence[tuple[int, BaseModel]], limit: int) -> Response:
    """The page of these (id, row), of which there is one more than `limit` where another page follows."""
    shown = rows[:limit]
    following = _cursor(shown[-1][0]) if len(rows) > limit else None
    data = ",".join(row.model_dump_json() for _, row in shown)
    body = f'{{"data":[{data}],"next":{json.dumps(following)}}}'
    headers = {}
    if following:
        headers["link"] = f'<{request.url.include_query_params(cursor=following)}>; rel="next"'
    return Response(body, headers=headers, media_type="application/json")


def _cursor(row_id: int) -> str:
    return base64.urlsafe_b64encode(str(row_id).encode()).decode().rstrip("=")


def one(row: BaseModel, if_none_match: str | None = None, *, status: int = 200, location: str = "") -> Response:
    """One row with its ETag; 304 where that is what the caller has."""
    tag = etag(row)
    headers = {"etag": tag} | ({"location": location} if location else {})
    if if_none_match is not None and _is_any(if_none_match, tag, weak=True):
        return Response(status_code=304, headers=headers)
    return Response(row.model_dump_json(), status, headers, "application/json")


def etag(row: BaseModel) -> str:
    """Names what is told: two versions that say the same have the same tag."""
    return f'"{hashlib.sha256(row.model_dump_json().encode()).hexdigest()[:24]}"'


def must_match(row: BaseModel, if_match: str | None) -> None:
    """ApiError unless the caller has seen the row as it is: 428 where it does not say, 412 where it has not."""
    if if_match is None:
        raise ApiError(428, "Send If-Match with the ETag of the version you have seen, so that nobody's work is lost.")
    if if_match.strip() != "*" and not TAG.search(if_match):
        raise ApiError(400, "If-Match: expected the ETag as it was told, in its quotes, or *.")
    if not _is_any(if_match, etag(row), weak=False):
        raise ApiError(412, "It was changed since you read it. Read it again, then send your change.")


def _is_any(header: str, tag: str, *, weak: bool) -> bool:
    """Whether a list of ETags holds this one; `*` is any. For If-Match a weak tag (`W/`) is none (RFC 9110, 13.1)."""
    return header.strip() == "*" or any(found[2] == tag and (weak or not found[1]) for found in TAG.finditer(header))


def once(
    session: Session,
    caller: Caller,
    request: Request,
    key: str | None,
    body: BaseModel,
    act: Callable[[], Response],
    told: Callable[[int], Response] | None = None,
) -> Response:
    """The answer of `act`; with a key, the answer it got where the same request was sent before.

    told: tells anew what was made, by its id (0 where it has no address), to who may see it: for what holds personal
    data, of which no copy is kept. ApiError 422 where the key was used for something else, that is, another body. Of
    two at once the second waits for the first."""
    if key is None:
        return act()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n{body.model_dump_json()}".encode()).hexdigest()
    row: dict[str, Any] = {"account_id": caller.account.id, "key": key, "request_hash": digest}
    row |= {"status": 0, "location": "", "body": "", "created_at": now(session)}
    new = insert(session, IdempotencyKey).values(row).on_conflict_do_nothing().returning(col(IdempotencyKey.key))
    is_first = session.connection().execute(new).first() is not None
    kept = session.get_one(IdempotencyKey, (caller.account.id, key))
    if not is_first:
        return _again(kept, digest, told)
    answer = act()
    kept.status, kept.location = answer.status_code, answer.headers.get("location", "")
    kept.body = "" if told else bytes(answer.body).decode()
    session.add(kept)
    return answer


def _again(kept: IdempotencyKey, digest: str, told: Callable[[int], Response] | None) -> Response:
    if kept.request_hash != digest:
        raise ApiError(422, USED)
    headers = {"idempotency-replayed": "true"} | ({"location": kept.location} if kept.location else {})
    if told is None:
        return Response(kept.body, kept.status, headers, "application/json")
    if kept.status == 201 and not kept.location:
        raise ApiError(404, "What this request made is not there any more.")
    answer = told(int(kept.location.rpartition("/")[2] or 0))
    answer.status_code = kept.status
    answer.headers.update(headers)
    return answer

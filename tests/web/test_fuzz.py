"""Whatever a browser, or somebody who wishes us ill, sends to any page: an answer, never a fault of ours.

FUZZ_EXAMPLES sets how many cases each route gets; they are the same in every run."""

import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from broker.config import TEMPLATES
from broker.db import Database
from tests.web.test_access import _address
from tests.web.world import World, send_mail

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
PEOPLE = ("admin", "broker", None)
NUMBERS = ("0", "-1", "1", str(2**31), str(2**63), "1" * 5000, "1e3", "1.5", "NaN", "٣", "0x1", " 1", "1_0", "")
WORDS = ("%", "_", "'", '"', "<b>", "{{7*7}}", "../..", "\r\nSet-Cookie: x=1", "\\", "İ", "‮", "́" * 50, "😀" * 100)
MOMENTS = ("2026-02-30T25:61", "0001-01-01T00:00", "9999-12-31T23:59", "+999999-01-01T00:00", "2026-03-29T02:30")
TEXTS = st.one_of(st.text(max_size=40), st.sampled_from((*NUMBERS, *WORDS, *MOMENTS, "\0", "a\0b", "x" * 10_000)))
"""As a path, query or form brings them; halves of characters are sent as the bytes nobody may send."""
BYTES = st.one_of(TEXTS.map(str.encode), st.sampled_from((b"\xed\xa0\x80", b"\xff", b"\xc0\x80", b"%00", b"%ed%b0%80")))
LARGE = 10 * 1024 * 1024


def routes(app: FastAPI) -> list[Any]:
    """Every route of a page, with its method."""
    return [
        (method, route)
        for route in sorted(iter_route_contexts(app.routes), key=lambda route: str(route.path))
        for method in sorted(set(getattr(route, "methods", None) or ()) - {"HEAD"})
        if "sign-out" not in str(route.path) and str(route.path) != "/metrics"
    ]


def fields(route: Any) -> list[str]:
    """Names of the parameters its function takes, and those that forms read by themselves."""
    dependant = route.dependant
    named = [field.alias for field in (*dependant.query_params, *dependant.body_params)]
    return sorted({*named, *WRITTEN, *VALID})


WRITTEN = sorted(
    set(
        re.findall(
            r' name="([a-z_0-9]+)"', "".join(page.read_text("utf-8") for page in (TEMPLATES / "pages").iterdir())
        )
    )
    - {"viewport"}
)
"""The names of all fields of our forms."""
VALID = {
    "answer": "not_now", "city": "berlin", "city_code": "berlin", "days": "30", "description": "We make games.",
    "email": "new@firm.example", "ends": "2027-03-24T17:00", "events": "run.finished", "form": "csv", "language": "en",
    "languages": "en, de", "markets": "germany", "name": "Neuland", "needs": "a clinic", "offers": "games",
    "readiness": "3", "run_id": "1", "scope": "read", "sector_code": "games", "starts": "2027-03-24T09:00",
    "url": "https://crm.example/", "version": "1", "website": "https://firm.example", "what": "matches",
}  # fmt: skip
"""With these most forms do what they are for, so that what is put in their place gets as far as the database."""


def encoded(pairs: list[tuple[str, bytes]]) -> bytes:
    """As a form or query is sent, names repeated where they are."""
    return b"&".join(name.encode() + b"=" + quote(value).encode() for name, value in pairs)


def cases(route: Any) -> st.SearchStrategy[Any]:
    """(values for the path, pairs of the query, pairs of the form); values of the path may be the world's own."""
    pairs = st.lists(st.tuples(st.sampled_from(fields(route)), BYTES), max_size=12)
    places = [part for part in str(route.path).split("/") if part.startswith("{")]
    path = st.lists(st.none() | BYTES, min_size=len(places), max_size=len(places))
    return st.tuples(st.one_of(st.just([None] * len(places)), path), pairs, st.one_of(pairs, pairs.map(completed)))


def completed(pairs: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """A form that is filled in, but for at most three fields, one of them perhaps twice."""
    odd = pairs[:3]
    return [(name, value.encode()) for name, value in VALID.items() if name not in dict(odd)] + odd


def path_of(own: str, pattern: str, values: list[bytes | None]) -> str:
    """The route's path with the values given; None leaves the one of a row that is there."""
    given_values, parts = iter(values), []
    for part, mine in zip(pattern.split("/"), own.split("/"), strict=True):
        value = next(given_values) if part.startswith("{") else None
        parts.append(mine if value is None else quote(value[:2000], safe=""))
    return "/".join(parts)


def fuzz(client: TestClient, method: str, route: Any, own: str) -> None:
    """Send a route its cases."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(route))
    def check(case: Any) -> None:
        values, query, form = case
        address = path_of(own, str(route.path), values) + (f"?{encoded(query).decode()}" if query else "")
        body = encoded(form) if method == "POST" else None
        kind = {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
        response = client.request(method, address, content=body, headers=kind)
        assert response.status_code < 500, (method, address, body)

    check()


@pytest.mark.on_both
@pytest.mark.parametrize("person", PEOPLE)
def test_no_request_is_answered_with_a_fault(
    app: FastAPI, browse: Callable[..., TestClient], database: Database, world: World, person: str | None
) -> None:
    with database.write() as session:
        send_mail(session, world)
    client, found = browse(person), routes(app)
    for method, route in found:
        fuzz(client, method, route, _address(world, str(route.path), person or "SME"))
    assert len(found) >= 45


@pytest.mark.parametrize("name", ["x" * LARGE, "😀" * 1000 + "\ud800", "\0", "../../etc/passwd", "a\r\nb", ""])
def test_files_of_odd_names_are_answered(browse: Callable[..., TestClient], name: str) -> None:
    boundary = b"frontier"
    head = b'content-disposition: form-data; name="file"; filename="' + name.encode(errors="surrogatepass") + b'"'
    body = b"--" + boundary + b"\r\n" + head + b"\r\n\r\nName;City\nA;Berlin\n\r\n--" + boundary + b"--\r\n"
    headers = {"content-type": f"multipart/form-data; boundary={boundary.decode()}"}
    response = browse("admin").post("/import", content=body, headers=headers)
    assert response.status_code < 500


@pytest.mark.parametrize("field", ["name", "offers", "description", "q"])
def test_ten_megabytes_in_one_field_are_answered(browse: Callable[..., TestClient], field: str) -> None:
    response = browse("admin").post("/smes/new", data={field: "x" * LARGE, "city_code": "berlin"})
    assert response.status_code in {413, 422, 400}


NUMERIC = ("readiness", "merge", "version", "days", "run_id", "opens", "closes")


@pytest.mark.parametrize("value", ["1" * 5000, "٣", "²", str(2**63), "-1"])
def test_numbers_nobody_counts_to_are_answered(browse: Callable[..., TestClient], world: World, value: str) -> None:
    """Python refuses to read a number of more than 4,300 digits."""
    for person in ("broker", "organiser"):
        client = browse(person)
        for method, route in routes(client.app):  # type: ignore[arg-type]
            if method == "POST":
                for field in NUMERIC:
                    answer = client.post(_address(world, str(route.path), person), data=VALID | {field: value})
                    assert answer.status_code < 500, (route.path, field)

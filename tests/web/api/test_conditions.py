"""Conditions of a request (RFC 9110, 13.1): lists of ETags, weak ones, and `*`."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.web.world import World

OFFERS = {"offers": ["one"], "needs": []}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 200),
        ("*", 200),
        (" * ", 200),
        ('"other", {tag}', 200),
        ('"a,b",{tag} , "c"', 200),
        ("W/{tag}", 412),
        ('"other"', 412),
        ('"other", "*"', 412),
        ('W/"other", W/{tag}', 412),
        ("{bare}", 400),
        ("", 400),
        ("** *", 400),
    ],
)
def test_a_row_is_written_over_by_who_names_its_version_or_any(
    program: Callable[..., TestClient], world: World, header: str, status: int
) -> None:
    client, path = program("broker"), f"/smes/{world.smes['Spielwerk'].id}/statements"
    tag = client.get(path).headers["etag"]
    condition = {"if-match": header.format(tag=tag, bare=tag.strip('"'))}
    assert client.put(path, json=OFFERS, headers=condition).status_code == status
    assert (client.get(path).json() == OFFERS) is (status == 200)


def test_of_a_row_that_is_not_there_no_version_can_be_written_over(program: Callable[..., TestClient]) -> None:
    assert program("broker").put("/smes/99999/statements", json=OFFERS, headers={"if-match": "*"}).status_code == 404


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ("*", 304),
        ('"a,b", W/{tag}', 304),
        ('"other"', 200),
        ("{bare}", 200),
        ("", 200),
    ],
)
def test_a_row_is_not_told_to_who_has_it(
    program: Callable[..., TestClient], world: World, header: str, status: int
) -> None:
    client = program("admin")
    event = f"/events/{world.event.id}"
    made = client.post("/webhooks", json={"url": "https://crm.example/", "events": ["run.finished"]}).json()
    for path in (
        "/me",
        f"/smes/{world.smes['Spielwerk'].id}",
        f"/smes/{world.smes['Spielwerk'].id}/statements",
        event,
        f"{event}/runs/{world.run.id}",
        f"/webhooks/{made['id']}",
    ):
        tag = client.get(path).headers["etag"]
        answer = client.get(path, headers={"if-none-match": header.format(tag=tag, bare=tag.strip('"'))})
        assert (answer.status_code, answer.headers["etag"]) == (status, tag), path
        assert (answer.content == b"") is (status == 304), path

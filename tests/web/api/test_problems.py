"""What goes wrong is told so that whoever writes the program knows what to do."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.web.world import World


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        ("DELETE /smes/1", "GET, PATCH, PUT"),
        ("DELETE /smes/1/statements", "GET, PUT"),
        ("PUT /events", "GET, POST"),
        ("GET /events/1/exports", "POST"),
        ("OPTIONS /webhooks/1", "DELETE, GET"),
    ],
)
def test_an_address_names_all_its_methods_to_who_tries_another(
    program: Callable[..., TestClient], request_: str, allowed: str
) -> None:
    answer = program("admin").request(*request_.split(" "))
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["detail"] == "This address takes other methods; Allow names them."


def test_an_address_that_is_none_says_where_they_are_described(program: Callable[..., TestClient]) -> None:
    answer = program("admin").get("/sme")
    assert (answer.status_code, "/api/v1/openapi.json" in answer.json()["detail"]) == (404, True)


def test_rows_of_others_and_rows_that_are_not_there_are_told_alike(
    program: Callable[..., TestClient], world: World
) -> None:
    client = program("broker")
    paths = (f"/smes/{world.smes['Medilab Plzeň'].id}", "/smes/99999", "/smes/x", f"/smes/{2**70}", "/events")
    told = {client.get(path).text for path in paths}
    assert [("There is no such row, or it is not yours to see." in text) for text in told] == [True]


@pytest.mark.parametrize("body", ["{", '{"name": }', "[1,"])
def test_where_a_body_is_no_json_is_told(program: Callable[..., TestClient], body: str) -> None:
    answer = program("broker").post("/smes", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, "The body is no JSON, from character" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json; charset=utf-8", 201),
        ("application/merge-patch+json", 201),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
    ],
)
def test_a_body_says_that_it_is_json(program: Callable[..., TestClient], kind: str, status: int) -> None:
    body = b'{"name": "Neuland", "city_code": "berlin"}'
    answer = program("broker").post("/smes", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["detail"] == "Send JSON, and say so: Content-Type: application/json."

"""Which program may call what: every route of the API × everybody in whose name it may call."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.db import Database
from broker.domain import webhooks
from broker.models import Account, Scope
from broker.web.app import API
from tests.web.api.routes import bodies, routes
from tests.web.world import World

PEOPLE = ("anonymous", "organiser", "other organiser", "broker", "other broker", "admin")


def only(status: int, *people: str) -> dict[str, int]:
    """Those not named get 404, as if there were nothing; who has no token is asked for one."""
    return dict.fromkeys(PEOPLE, 404) | {"anonymous": 401} | dict.fromkeys(people, status)


BROKERS, ORGANISERS = ("broker", "other broker", "admin"), ("organiser", "other organiser", "admin")
# "broker" and "organiser" are those the rows belong to. What changes something is sent so that it changes nothing.
EXPECTED: dict[str, dict[str, int]] = {
    "GET /openapi.json": dict.fromkeys(PEOPLE, 200),
    "GET /me": dict.fromkeys(PEOPLE, 200) | {"anonymous": 401},
    "GET /smes": only(200, *BROKERS),
    "POST /smes": only(422, *BROKERS),
    "GET /smes/{sme_id}": only(200, "broker", "admin"),
    "PUT /smes/{sme_id}": only(428, "broker", "admin"),
    "PATCH /smes/{sme_id}": only(428, "broker", "admin"),
    "GET /smes/{sme_id}/statements": only(200, "broker", "admin"),
    "PUT /smes/{sme_id}/statements": only(428, "broker", "admin"),
    "GET /events": only(200, *ORGANISERS),
    "POST /events": only(422, *ORGANISERS),
    "GET /events/{event_id}": only(200, "organiser", "admin"),
    "PATCH /events/{event_id}": only(428, "organiser", "admin"),
    "GET /events/{event_id}/registrations": only(200, "organiser", "admin"),
    "POST /events/{event_id}/registrations": only(200, "organiser", "admin"),
    "DELETE /events/{event_id}/registrations/{registration_id}": only(404, "organiser", "admin"),  # there is none
    "GET /events/{event_id}/runs": only(200, "organiser", "admin"),
    "POST /events/{event_id}/runs": only(202, "organiser", "admin"),
    "GET /events/{event_id}/runs/{run_id}": only(200, "organiser", "admin"),
    "POST /events/{event_id}/runs/{run_id}/cancel": only(409, "organiser", "admin"),
    "GET /events/{event_id}/matches": only(200, "organiser", "admin"),
    "GET /events/{event_id}/answers": only(200, "organiser", "admin"),
    "POST /events/{event_id}/exports": only(200, "organiser", "admin"),
    "GET /webhooks": dict.fromkeys(PEOPLE, 200) | {"anonymous": 401},
    "POST /webhooks": dict.fromkeys(PEOPLE, 422) | {"anonymous": 401},
    "GET /webhooks/{webhook_id}": only(200, "admin"),  # it is of that account
    "DELETE /webhooks/{webhook_id}": only(204, "admin"),
}


@pytest.fixture(autouse=True)
def webhook(database: Database, world: World) -> None:
    """The administrator's."""
    with database.write() as session:
        account = session.get_one(Account, world.accounts["admin"].id)
        assert webhooks.create(session, account, "https://crm.example/", ["run.finished"]).id == 1


def address(world: World, path: str) -> str:
    """The path with the ids of the world's rows."""
    values = {"sme_id": world.smes["Spielwerk"].id, "event_id": world.event.id, "run_id": world.run.id}
    values["webhook_id"], values["registration_id"] = 1, 99_999
    return re.sub(r"{(\w+)}", lambda match: str(values[match[1]]), path)


def test_every_route_has_an_expectation_and_nothing_else_has_one(app: FastAPI) -> None:
    assert routes(app) == sorted(EXPECTED)


@pytest.mark.on_both
@pytest.mark.parametrize("person", PEOPLE)
def test_each_route_answers_each_persons_program_as_expected(
    program: Callable[..., TestClient], world: World, person: str
) -> None:
    client = program(None if person == "anonymous" else person)
    answers = {}
    for name in EXPECTED:
        method, path = name.split(" ", 1)
        body = bodies(world).get(name)
        response = client.request(method, address(world, path), json=body)
        answers[name] = response.status_code
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json", name
            assert response.json()["status"] == response.status_code
    assert answers == {name: expected[person] for name, expected in EXPECTED.items()}


def test_a_token_that_may_only_read_changes_nothing(program: Callable[..., TestClient], world: World) -> None:
    client = program("admin", Scope.READ)
    for name in EXPECTED:
        method, path = name.split(" ", 1)
        status = client.request(method, address(world, path), json=bodies(world).get(name)).status_code
        assert status == (200 if method == "GET" else 403), name


def test_a_cookie_is_no_token(browse: Callable[..., TestClient], world: World) -> None:
    """So no other site can make a browser call the API."""
    assert browse("admin").get(f"{API}/smes").status_code == 401


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer cib_", "Bearer x", "Basic eDp5", "Bearer " + "x" * 9000])
def test_what_is_no_token_opens_nothing(program: Callable[..., TestClient], given: str) -> None:
    answer = program().get("/me", headers={"authorization": given})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_answers_carry_the_headers_of_every_page(program: Callable[..., TestClient]) -> None:
    for path in ("/me", "/smes", "/none", "/openapi.json"):
        headers = program("broker").get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" in headers

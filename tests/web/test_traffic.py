"""Requests in the log: an id each, the route they took, never the path."""

import json
import logging
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.config import Settings
from broker.web.app import create_app
from tests.web.world import World

Browse = Callable[..., TestClient]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    settings.log_json = True
    return settings


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
    """The lines about requests."""
    caplog.set_level(logging.INFO, "broker.web.traffic")
    return lambda: [record for record in caplog.records if record.name == "broker.web.traffic"]


def test_an_answer_is_one_line_with_its_route_and_not_its_path(
    browse: Browse, world: World, seen: Callable[[], list[logging.LogRecord]]
) -> None:
    browse().get(f"{world.links['Spielwerk']}?from=ada@firm.example")

    (line,) = seen()
    assert line.getMessage() == "GET /s/{token} 200"
    assert (line.method, line.route, line.status) == ("GET", "/s/{token}", 200)  # type: ignore[attr-defined]
    assert world.links["Spielwerk"].removeprefix("/s/") not in json.dumps(vars(line), default=str)


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/no/such/ada@firm.example", "GET none 404"),
        ("HEAD", "/sign-in", "GET /sign-in 200"),
        ("GET", "/static/app.css", "GET /static 200"),
        ("GET", "/smes/x", "GET /smes/{sme_id} 404"),
        ("BREW", "/", "other / 405"),
    ],
)
def test_routes_and_methods_are_few(
    browse: Browse, seen: Callable[[], list[logging.LogRecord]], method: str, path: str, told: str
) -> None:
    client = browse("broker") if path.startswith("/smes") else browse()
    client.request(method, path)

    assert seen()[-1].getMessage() == told


def test_a_sane_id_is_kept_and_any_other_replaced(browse: Browse) -> None:
    client = browse()

    assert client.get("/sign-in", headers={"x-request-id": "trace-7.a_B"}).headers["x-request-id"] == "trace-7.a_B"
    for odd in ("", "a b", "x" * 65, "ada@firm.example", "/s/abc"):
        given = client.get("/sign-in", headers={"x-request-id": odd}).headers["x-request-id"]
        assert len(given) == 16
        assert given != odd


def test_two_requests_have_two_ids(browse: Browse) -> None:
    client = browse()
    assert client.get("/sign-in").headers["x-request-id"] != client.get("/sign-in").headers["x-request-id"]


def test_a_fault_is_told_with_the_id_its_answer_has(app: FastAPI, seen: Callable[[], list[logging.LogRecord]]) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("broken on purpose")

    client = TestClient(app, raise_server_exceptions=False)
    answer = client.get("/broken", headers={"x-request-id": "trace-8"})

    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "trace-8")
    (line,) = seen()
    assert (line.levelname, line.getMessage()) == ("ERROR", "GET /broken 500")


def test_where_people_read_the_log_only_faults_are_told(
    settings: Settings, world: World, seen: Callable[[], list[logging.LogRecord]]
) -> None:
    settings.log_json = False
    app = create_app(settings)
    TestClient(app).get("/sign-in")
    app.state.database.dispose()

    assert seen() == []

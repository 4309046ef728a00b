"""Webhooks by program: as on the page, the secret only for who may write."""

import base64
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from broker.db import Database
from broker.domain import webhooks
from broker.models import Scope, Webhook
from tests.web.world import World

BODY = {"url": "https://crm.example/hook", "events": ["run.finished"]}


def test_a_webhook_is_made_read_and_deleted(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client = program("organiser")
    made = client.post("/webhooks", json=BODY)
    assert (made.status_code, made.headers["location"]) == (201, f"/api/v1/webhooks/{made.json()['id']}")
    assert "secret" not in made.json()

    read = client.get(f"/webhooks/{made.json()['id']}")
    with database.read() as session:
        webhook = session.get_one(Webhook, made.json()["id"])
    secret = webhooks.secret(database.settings, webhook.id, webhook.salt)
    assert read.json() == made.json() | {"secret": secret}
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert client.get("/webhooks").json() == {"data": [made.json()], "next": None}
    etag = read.headers["etag"]
    assert client.get(f"/webhooks/{webhook.id}", headers={"if-none-match": etag}).status_code == 304

    assert client.delete(f"/webhooks/{webhook.id}").status_code == 204
    assert client.delete(f"/webhooks/{webhook.id}").status_code == 404
    assert client.get("/webhooks").json()["data"] == []


def test_a_request_sent_again_makes_one_webhook(program: Callable[..., TestClient], world: World) -> None:
    client = program("broker")
    answers = [client.post("/webhooks", json=BODY, headers={"idempotency-key": "one"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(client.get("/webhooks").json()["data"]) == 1


def test_a_token_that_may_only_read_is_not_told_the_secret(program: Callable[..., TestClient], world: World) -> None:
    made = program("broker").post("/webhooks", json=BODY).json()
    assert program("broker", Scope.READ).get(f"/webhooks/{made['id']}").json()["secret"] is None


@pytest.mark.parametrize(
    "change",
    [{"url": "ftp://crm.example"}, {"url": "http://2130706433/"}, {"events": []}, {"events": ["all"]}, {"more": 1}],
)
def test_what_is_no_webhook_is_refused(program: Callable[..., TestClient], world: World, change: object) -> None:
    answer = program("broker").post("/webhooks", json=BODY | change)  # type: ignore[operator]
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_an_address_with_a_line_break_is_a_problem_too(program: Callable[..., TestClient]) -> None:
    """It is none of the API's for the router, which so never hands it over."""
    answer = program("admin").get("/smes/%0A")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")

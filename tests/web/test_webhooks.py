"""The page of an account's webhooks."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import webhooks
from broker.models import Email, Webhook
from tests.web.world import World

FORM = {"url": "https://crm.example/hook?key=1", "events": ["run.finished", "interest.mutual"]}


def test_a_webhook_is_added_tested_switched_and_deleted(
    browse: Callable[..., TestClient], database: Database, world: World
) -> None:
    page = browse("broker")
    assert "No webhook yet" in page.get("/account/webhooks").text
    assert page.post("/account/webhooks", data=FORM).status_code == 303
    with database.read() as session:
        webhook = session.exec(select(Webhook)).one()
    secret = webhooks.secret(database.settings, webhook.id, webhook.salt).replace("+", "&#43;")
    text = page.get("/account/webhooks").text
    assert "https://crm.example/hook?key=1" in text
    assert secret in text.replace("+", "&#43;")

    own = f"/account/webhooks/{webhook.id}"
    assert page.post(f"{own}/test").status_code == 303
    assert page.post(f"{own}/test").status_code == 409
    assert "webhook.test" in page.get("/account/webhooks").text
    assert page.post(f"{own}/off").status_code == 303
    assert "Off: what happens meanwhile is not told later." in page.get("/account/webhooks").text
    assert page.post(f"{own}/on").status_code == 303
    assert page.post(f"{own}/delete").status_code == 303
    with database.read() as session:
        assert session.exec(select(Webhook)).all() == []
        assert session.exec(select(Email).where(Email.kind == "webhook")).all() == []


def test_what_is_wrong_is_said_and_what_was_typed_stays(browse: Callable[..., TestClient], world: World) -> None:
    page = browse("broker")
    answer = page.post("/account/webhooks", data={"url": "ftp://crm.example", "events": "run.finished"})
    assert answer.status_code == 422
    assert '<a href="#url">Address: expected https://host/' in answer.text
    assert 'value="ftp://crm.example"' in answer.text
    answer = page.post("/account/webhooks", data={"url": "https://crm.example/"})
    assert '<a href="#events">Events: expected' in answer.text


def test_nobody_sees_the_webhooks_or_the_calls_of_another(
    browse: Callable[..., TestClient], database: Database, world: World
) -> None:
    browse("broker").post("/account/webhooks", data=FORM)
    with database.read() as session:
        webhook_id = session.exec(select(Webhook.id)).one()
    browse("broker").post(f"/account/webhooks/{webhook_id}/test")
    with database.read() as session:
        call_id = session.exec(select(Email.id).where(Email.kind == "webhook")).one()

    assert "key=1" not in browse("admin").get("/account/webhooks").text
    for path in (f"/outbox/{call_id}", f"/outbox/{call_id}/html"):
        assert browse("admin").get(path).status_code == 404
    for path in ("/outbox", "/mail?status=queued"):
        assert "crm.example" not in browse("admin").get(path).text

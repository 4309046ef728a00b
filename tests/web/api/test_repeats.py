"""A request sent again with its Idempotency-Key acts once, and gets the answer it got."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update
from sqlmodel import col, select

from broker.db import Database, now
from broker.domain import erasure, tokens
from broker.models import Account, AuditEntry, Contact, Event, ExportLog, IdempotencyKey, Sme
from tests import factories
from tests.web.api.routes import api_of
from tests.web.api.test_smes import NEW
from tests.web.world import World

EVENT = {"name": "Clinic", "city_code": "berlin", "starts_at": "2027-03-24T09:00", "ends_at": "2027-03-24T17:00"}


def test_the_same_request_acts_once_and_answers_the_same(
    program: Callable[..., TestClient], database: Database
) -> None:
    client = program("organiser")
    first, second = (client.post("/events", json=EVENT, headers={"idempotency-key": "k1"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert _named(database, "Clinic") == 1


def test_another_key_or_none_acts_again(program: Callable[..., TestClient], database: Database) -> None:
    client = program("organiser")
    for headers in ({"idempotency-key": "k1"}, {"idempotency-key": "k2"}, {}, {}):
        assert client.post("/events", json=EVENT, headers=headers).status_code == 201
    assert _named(database, "Clinic") == 4


def test_a_key_used_for_something_else_is_refused(program: Callable[..., TestClient], database: Database) -> None:
    client = program("organiser")
    client.post("/events", json=EVENT, headers={"idempotency-key": "k1"})
    other = client.post("/events", json=EVENT | {"name": "Other"}, headers={"idempotency-key": "k1"})
    assert other.status_code == 422
    assert _named(database, "Other") == 0


def test_a_key_is_the_accounts_own(program: Callable[..., TestClient], database: Database) -> None:
    for person in ("organiser", "other organiser"):
        answer = program(person).post("/events", json=EVENT, headers={"idempotency-key": "k1"})
        assert "idempotency-replayed" not in answer.headers
    assert _named(database, "Clinic") == 2


def test_what_was_refused_can_be_mended_and_sent_with_the_same_key(program: Callable[..., TestClient]) -> None:
    client = program("broker")
    assert client.post("/smes", json=NEW | {"city_code": "rome"}, headers={"idempotency-key": "k"}).status_code == 422
    assert client.post("/smes", json=NEW, headers={"idempotency-key": "k"}).status_code == 201


def test_a_key_is_printable_ascii_of_bounded_length(program: Callable[..., TestClient]) -> None:
    client = program("organiser")
    for key in ("", "a b", "x" * 201):
        assert client.post("/events", json=EVENT, headers={"idempotency-key": key}).status_code == 422


def test_ten_at_once_act_once(program: Callable[..., TestClient], database: Database) -> None:
    client = program("broker")
    with ThreadPoolExecutor(10) as pool:
        sent = [pool.submit(client.post, "/smes", json=NEW, headers={"idempotency-key": "k"}) for _ in range(10)]
        answers = [one.result(timeout=60) for one in sent]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    with database.read() as session:
        assert len(session.exec(select(Sme.id).where(Sme.name == NEW["name"])).all()) == 1


PERSONAL = NEW | {"contact": "Nora Neu", "email": "nora@neuland.example", "phone": "+49 30 1"}


def test_of_an_sme_no_copy_is_kept_and_the_repeat_tells_it_as_it_is_now(
    program: Callable[..., TestClient], database: Database
) -> None:
    client = program("broker")
    first = client.post("/smes", json=PERSONAL, headers={"idempotency-key": "k"})
    with database.write() as session:
        assert [row.body for row in session.exec(select(IdempotencyKey))] == [""]
        session.exec(select(Contact).where(Contact.sme_id == first.json()["id"])).one().phone = "+49 30 2"
    again = client.post("/smes", json=PERSONAL, headers={"idempotency-key": "k"})
    assert (again.status_code, again.headers["location"]) == (201, first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json() | {"phone": "+49 30 2"}
    read = client.get(f"/smes/{first.json()['id']}")
    assert again.headers["etag"] == read.headers["etag"]


def test_a_broker_who_moved_is_not_told_of_the_city_she_left(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client = program("broker")
    client.post("/smes", json=PERSONAL, headers={"idempotency-key": "k"})
    with database.write() as session:
        session.get_one(Account, world.accounts["broker"].id).city_code = "rome"
    again = client.post("/smes", json=PERSONAL, headers={"idempotency-key": "k"})
    assert again.status_code == 404
    assert "Nora" not in again.text


def test_an_sme_that_was_erased_is_neither_told_nor_made_again(
    program: Callable[..., TestClient], database: Database
) -> None:
    client = program("broker")
    made = client.post("/smes", json=PERSONAL, headers={"idempotency-key": "k"}).json()
    with database.write() as session:
        erasure.erase(session, "ann", made["id"])
        factories.make_sme(session, "May get its number")
        assert [(row.location, row.body) for row in session.exec(select(IdempotencyKey))] == [("", "")]
    again = client.post("/smes", json=PERSONAL, headers={"idempotency-key": "k"})
    assert (again.status_code, again.json()["detail"]) == (404, "What this request made is not there any more.")
    with database.read() as session:
        assert session.exec(select(Sme.id).where(Sme.name == NEW["name"])).all() == []


def test_answers_are_forgotten_after_a_day(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client = program("organiser")
    client.post("/events", json=EVENT, headers={"idempotency-key": "k1"})
    with database.write() as session:
        assert tokens.forget_expired(session) == 0
        old = now(session) - tokens.REPEATS - timedelta(seconds=1)
        session.connection().execute(update(IdempotencyKey).values(created_at=old))
        assert tokens.forget_expired(session) == 1
        assert session.exec(select(col(IdempotencyKey.key))).all() == []


def test_a_run_is_cancelled_once(program: Callable[..., TestClient], database: Database, world: World) -> None:
    client = program("organiser")
    run = client.post(f"/events/{world.event.id}/runs", json={}).json()
    path = f"/events/{world.event.id}/runs/{run['id']}/cancel"
    first, again = (client.post(path, headers={"idempotency-key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert client.post(path).status_code == 409
    with database.read() as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "run.cancel")).all()) == 1


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_sent_again_is_written_down_once_and_no_copy_of_it_is_kept(
    program: Callable[..., TestClient], database: Database, world: World, form: str
) -> None:
    client, path = program("organiser"), f"/events/{world.event.id}/exports"
    body = {"what": "participants", "format": form}
    first, again = (client.post(path, json=body, headers={"idempotency-key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["content-disposition"] == first.headers["content-disposition"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    if form == "csv":
        assert again.content == first.content
    with database.read() as session:
        assert [row.body for row in session.exec(select(IdempotencyKey))] == [""]
        assert len(session.exec(select(ExportLog)).all()) == 1


def test_a_file_that_would_hold_something_else_by_now_takes_a_new_key(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    """The first was written down before somebody came: what leaves now must be, too."""
    client, path = program("organiser"), f"/events/{world.event.id}/exports"
    assert client.post(path, json={"what": "participants"}, headers={"idempotency-key": "k"}).status_code == 200
    with database.write() as session:
        factories.register(session, session.get_one(Event, world.event.id), factories.make_sme(session, "Late"))
    again = client.post(path, json={"what": "participants"}, headers={"idempotency-key": "k"})
    assert (again.status_code, "Late" in again.text, "Take a new one" in again.json()["detail"]) == (422, False, True)
    assert client.post(path, json={"what": "participants"}, headers={"idempotency-key": "k2"}).status_code == 200
    with database.read() as session:
        assert [row.rows for row in session.exec(select(ExportLog).order_by(col(ExportLog.id)))] == [4, 5]


def test_every_post_takes_a_key(app: FastAPI) -> None:
    for path, operations in api_of(app).openapi()["paths"].items():
        for method, operation in operations.items():
            names = {one["name"] for one in operation.get("parameters", [])}
            assert ("Idempotency-Key" in names) is (method == "post"), path


def _named(database: Database, name: str) -> int:
    with database.read() as session:
        return len(session.exec(select(Event.id).where(Event.name == name)).all())

"""A CRM's day: from the page where its token is made to what it brings home."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database
from broker.models import AuditEntry
from tests.factories import make_sme
from tests.web.world import PASSWORD, World

Crm = Callable[[str], TestClient]


@pytest.fixture
def crm(app: FastAPI, browse: Callable[..., TestClient]) -> Crm:
    """A program with the token that its owner made in the browser."""

    def open_client(person: str) -> TestClient:
        form = {"name": "CRM", "scope": "write", "days": "30", "present": PASSWORD}
        page = browse(person).post("/account/tokens", data=form).text
        [secret] = re.findall(r"cib_[\w-]{20,}", page)
        return TestClient(app, base_url="http://testserver/api/v1", headers={"authorization": f"Bearer {secret}"})

    return open_client


def everything(client: TestClient, path: str) -> list[int]:
    """The ids of all pages, two rows each, by their `Link`."""
    ids, following = list[int](), f"{path}?limit=2"
    while following:
        answer = client.get(following)
        ids += [row["id"] for row in answer.json()["data"]]
        following = answer.links.get("next", {}).get("url", "")
    return ids


def test_a_brokers_crm_keeps_profiles_true(crm: Crm, database: Database, world: World) -> None:
    with database.write() as session:
        there = [world.smes["Spielwerk"].id, *(make_sme(session, f"Firm {number}").id for number in range(4))]
    client = crm("broker")
    city = client.get("/me").json()["city_code"]
    assert everything(client, "/smes") == there

    new = {"name": "Neuland", "city_code": city, "offers": ["exhibition design"]}
    sent = [client.post("/smes", json=new, headers={"idempotency-key": "neuland"}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 201]
    assert sent[0].json() == sent[1].json()
    address = f"http://testserver{sent[0].headers['location']}"

    seen = sent[0].headers["etag"]
    assert client.patch(address, json={"phone": "+49 30 1"}, headers={"if-match": seen}).status_code == 200
    stale = client.patch(address, json={"phone": "+49 30 2"}, headers={"if-match": seen})
    assert (stale.status_code, stale.json()["title"]) == (412, "Precondition Failed")
    again = client.get(address)
    mended = client.patch(address, json={"phone": "+49 30 2"}, headers={"if-match": again.headers["etag"]})
    assert (mended.json()["phone"], mended.json()["offers"]) == ("+49 30 2", ["exhibition design"])


def test_an_organisers_program_sets_an_event_up_and_takes_home_what_came_of_it(
    crm: Crm, database: Database, world: World
) -> None:
    client = crm("organiser")
    new = {"name": "Clinic", "city_code": "tallinn", "starts_at": "2030-07-01T09:00", "ends_at": "2030-07-01T17:00"}
    made = client.post("/events", json=new)
    address = f"http://testserver{made.headers['location']}"
    venue = client.patch(address, json={"venue": "Kai"}, headers={"if-match": made.headers["etag"]})
    assert venue.json()["venue"] == "Kai"
    for city in ("berlin", "pilsen"):
        assert client.post(f"{address}/registrations", json={"city_code": city}).json() == {"new": 1}

    run = client.post(f"{address}/runs", json={}, headers={"idempotency-key": "monday"})
    at = f"http://testserver{run.headers['location']}"
    assert client.get(at, headers={"if-none-match": run.headers["etag"]}).status_code == 304
    assert client.post(f"{at}/cancel").json()["status"] == "cancelled"

    event = f"/events/{world.event.id}"
    assert len(everything(client, f"{event}/matches")) == 3
    assert everything(client, f"{event}/answers") == []
    file = client.post(f"{event}/exports", json={"what": "matches", "format": "csv"})
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    with database.read() as session:
        entries = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()[-9:]
    token = entries[0].subject.removeprefix("token ")
    assert {str(entry.detail.get("token")) for entry in entries[1:]} == {token}
    assert "token" not in entries[0].detail  # a person made it, on a page
    assert [entry.action for entry in entries] == [
        "token.create",
        "event.create",
        "event.change",
        "event.register",
        "event.register",
        "run.request",
        "run.cancel",
        "run.cancelled",
        "event.export",
    ]

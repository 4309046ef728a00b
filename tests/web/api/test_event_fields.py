"""Programs set events up and change them as the form does: its checks, its words, its one entry in the record."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.models import AuditEntry, Event
from tests.web.world import World

CLINIC = {
    "name": "Clinic",
    "city_code": "tallinn",
    "starts_at": "2030-07-01T09:00",
    "ends_at": "2030-07-02T17:00+03:00",
}
POLICY = {"min_partners": 2, "min_other_city": 0, "require_other_city": True, "dial": 0.0}
LUNCH = {"name": "Lunch", "begins": "12:30", "ends": "13:30"}


def test_a_new_event_has_what_the_form_has_by_itself(program: Callable[..., TestClient]) -> None:
    made = program("organiser").post("/events", json=CLINIC).json()
    assert {name: made[name] for name in made if name not in {"id", "created_at", "policy"}} == {
        "name": "Clinic",
        "city_code": "tallinn",
        "zone": "Europe/Tallinn",
        "venue": "",
        "address": "",
        "starts_at": "2030-07-01T06:00:00Z",
        "ends_at": "2030-07-02T14:00:00Z",
        "slot_minutes": 20,
        "tables": 10,
        "breaks": [],
        "register_until": None,
        "answers_until": "2030-07-01T06:00:00Z",
    }
    assert made["policy"]["min_partners"] == 3


def test_everything_of_an_event_can_be_said_at_once_and_read_again(program: Callable[..., TestClient]) -> None:
    client = program("organiser")
    wanted = {
        "zone": "Europe/Lisbon",
        "venue": "Festsaal",
        "address": "Straße 1",
        "slot_minutes": 30,
        "tables": 4,
        "breaks": [LUNCH],
        "policy": POLICY,
    }
    times = {"register_until": "2030-06-20T12:00:00Z", "answers_until": "2030-06-25T12:00:00Z"}
    made = client.post("/events", json=CLINIC | wanted | times)
    assert made.status_code == 201
    assert made.json()["starts_at"] == "2030-07-01T08:00:00Z"
    told = client.get(f"/events/{made.json()['id']}")
    assert (told.json(), told.headers["etag"]) == (made.json(), made.headers["etag"])
    policy = {name: told.json()["policy"][name] for name in POLICY}
    assert {name: told.json()[name] for name in [*wanted, *times]} == wanted | times | {"policy": told.json()["policy"]}
    assert policy == POLICY


def test_a_change_changes_what_is_sent_and_is_on_record_once(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client = program("organiser")
    path = f"/events/{client.post('/events', json=CLINIC).json()['id']}"
    before = client.get(path)
    change: dict[str, Any] = {"venue": "Elsewhere", "tables": 7, "breaks": [LUNCH], "policy": {"max_partners": 6}}
    assert client.patch(path, json=change).status_code == 428
    answer = client.patch(path, json=change, headers={"if-match": before.headers["etag"]})
    assert answer.status_code == 200
    assert answer.json() == before.json() | change | {"policy": before.json()["policy"] | change["policy"]}
    assert client.get(path).headers["etag"] == answer.headers["etag"]
    with database.read() as session:
        [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "event.change"))
    assert (entry.subject, entry.detail) == (
        f"event {before.json()['id']}",
        {"changed": ["venue", "tables", "breaks", "policy"], "token": 1},
    )
    assert entry.actor == f"Organiser (account {world.accounts['organiser'].id})"


def test_who_has_not_seen_the_newest_version_changes_nothing(program: Callable[..., TestClient], world: World) -> None:
    client, path = program("organiser"), f"/events/{world.event.id}"
    tag = client.get(path).headers["etag"]
    first = client.patch(path, json={"venue": "One"}, headers={"if-match": tag})
    second = client.patch(path, json={"venue": "Two"}, headers={"if-match": tag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert client.get(path).json()["venue"] == "One"


def test_of_ten_who_saw_the_same_version_one_changes_it(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client, path = program("organiser"), f"/events/{world.event.id}"
    tag = client.get(path).headers["etag"]

    def send(number: int) -> int:
        return client.patch(path, json={"venue": f"Room {number}"}, headers={"if-match": tag}).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(send, range(10))) == [200] + [412] * 9
    with database.read() as session:
        assert session.get_one(Event, world.event.id).version == 2


def test_a_change_of_nothing_is_none(program: Callable[..., TestClient], database: Database) -> None:
    client = program("organiser")
    path = f"/events/{client.post('/events', json=CLINIC).json()['id']}"
    before = client.get(path)
    same = {name: before.json()[name] for name in ("name", "starts_at", "ends_at", "answers_until", "policy", "breaks")}
    for change in ({}, {"policy": {}}, same):
        answer = client.patch(path, json=change, headers={"if-match": "*"})
        assert (answer.status_code, answer.json()) == (200, before.json())
    with database.read() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "event.change")).all() == []


def test_null_is_what_an_empty_field_of_the_form_is(program: Callable[..., TestClient]) -> None:
    client = program("organiser")
    given = {"zone": "Europe/Rome", "register_until": "2030-06-01T00:00Z", "answers_until": "2030-06-02T00:00Z"}
    made = client.post("/events", json=CLINIC | given | {"policy": {"min_partners": 1, "dial": 1.0}}).json()
    path = f"/events/{made['id']}"
    cleared = client.patch(path, json=dict.fromkeys([*given, "policy"]), headers={"if-match": "*"}).json()
    assert (cleared["zone"], cleared["register_until"]) == ("Europe/Tallinn", None)
    assert cleared["starts_at"] == cleared["answers_until"] == "2030-07-01T06:00:00Z"  # 09:00, as it was in Rome
    assert (cleared["policy"]["min_partners"], cleared["policy"]["dial"]) == (3, 0.5)


def test_what_a_table_holds_is_told_though_nobody_may_send_it(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    long = {"name": "x" * 500, "from": 720, "to": 780}
    with database.write() as session:
        session.get_one(Event, world.event.id).breaks = [long]
    told = program("organiser").get(f"/events/{world.event.id}")
    assert (told.status_code, told.json()["breaks"][0]["name"]) == (200, "x" * 500)


NUMBER = "expected a whole number from"


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"name": ""}, "name", "expected a name, such as Internationalisation Workshop"),
        ({"name": "x" * 201}, "name", "expected at most 200 letters"),
        ({"city_code": "atlantis"}, "city_code", "expected one of the network's cities"),
        ({"zone": "Mars/Base"}, "zone", "expected a name such as Europe/Berlin, or nothing for that of the city"),
        ({"ends_at": "2030-07-01T08:00"}, "ends_at", "expected a time later than 09:00"),
        ({"ends_at": "2030-06-30T18:00"}, "ends_at", "expected the first day or a later one"),
        ({"ends_at": "2030-09-01T18:00"}, "ends_at", "expected at most a month after the first day"),
        ({"starts_at": "soon"}, "starts_at", "expected a date and time such as 2027-03-24T09:30, from 2000 to 2200"),
        ({"slot_minutes": 4}, "slot_minutes", f"{NUMBER} 5 to 180"),
        ({"tables": 2**70}, "tables", f"{NUMBER} 1 to 500"),
        ({"tables": -1}, "tables", f"{NUMBER} 1 to 500"),
        ({"breaks": [LUNCH, LUNCH | {"ends": "noon"}]}, "breaks.1", "expected two times such as 12:30 and 13:30"),
        ({"breaks": [LUNCH | {"ends": "12:00"}]}, "breaks.0", "expected an end later than 12:30"),
        ({"register_until": "2030-08-01T00:00Z"}, "register_until", "expected a time before the event ends"),
        ({"answers_until": "2030-08-01T00:00Z"}, "answers_until", "expected a time before the event ends"),
        ({"policy": {"min_partners": 21}}, "policy.min_partners", f"{NUMBER} 0 to 20"),
        ({"policy": {"dial": 1.5}}, "policy.dial", "expected a number from 0 (deepen) to 1 (explore)"),
        (
            {"policy": {"min_partners": 6}},
            "policy.min_partners",
            "a list holds at most 5, by the two numbers that limit it; expected no more than that",
        ),
    ],
)
def test_what_the_form_refuses_is_refused_in_its_words_by_field(
    program: Callable[..., TestClient], database: Database, change: dict[str, Any], field: str, told: str
) -> None:
    client = program("organiser")
    made = client.post("/events", json=CLINIC).json()
    answers = [
        client.post("/events", json=CLINIC | change),
        client.patch(f"/events/{made['id']}", json=change, headers={"if-match": "*"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"] == [{"field": field, "message": told}]
    assert client.get(f"/events/{made['id']}").json() == made


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": "a\u0001b"},
        {"starts_at": None},
        {"tables": "7"},
        {"tables": True},
        {"tables": 7.5},
        {"breaks": [LUNCH] * 21},
        {"breaks": [{"name": "Lunch"}]},
        {"policy": {"surprise": 1}},
        {"organiser_id": 1},
        {"version": 9},
    ],
)
def test_what_is_of_another_kind_is_refused(
    program: Callable[..., TestClient], world: World, change: dict[str, Any]
) -> None:
    client, path = program("organiser"), f"/events/{world.event.id}"
    answer = client.patch(path, json=change, headers={"if-match": "*"})
    assert (answer.status_code, len(answer.json()["errors"]) > 0) == (422, True)

"""Brokers' programs read and write the profiles of their city, and overwrite nobody's work."""

import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.models import AuditEntry, Sme
from tests.factories import make_sme
from tests.web.world import World

NEW = {
    "name": "Neuland Design",
    "city_code": "berlin",
    "sector_code": "design",
    "languages": ["de", "en"],
    "offers": ["exhibition design for small museums"],
    "needs": ["a museum that wants to try it"],
}


def test_an_sme_that_is_written_is_read_as_it_was(program: Callable[..., TestClient]) -> None:
    client = program("broker")
    made = client.post("/smes", json=NEW)
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/smes/{made.json()['id']}"
    read = client.get(f"http://testserver{made.headers['location']}")
    assert read.json() == made.json()
    assert read.headers["etag"] == made.headers["etag"]
    assert {name: read.json()[name] for name in NEW} == NEW
    assert read.json()["version"] == 1


def test_what_the_caller_has_is_not_sent_again(program: Callable[..., TestClient], world: World) -> None:
    client, path = program("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_only_who_has_seen_the_newest_version_may_write_over_it(
    program: Callable[..., TestClient], world: World
) -> None:
    client, path = program("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    tag = client.get(path).headers["etag"]
    profile = NEW | {"name": "Spielwerk"}
    assert client.put(path, json=profile).status_code == 428
    first = client.put(path, json=profile, headers={"if-match": tag})
    assert (first.status_code, first.json()["offers"]) == (200, NEW["offers"])
    second = client.put(path, json=profile | {"offers": ["something else"]}, headers={"if-match": tag})
    assert second.status_code == 412
    assert client.get(path).json() == first.json()
    third = client.put(path, json=profile | {"offers": []}, headers={"if-match": first.headers["etag"]})
    assert (third.status_code, third.json()["offers"]) == (200, [])


def test_a_part_of_a_profile_is_changed_and_the_rest_stays(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client, path = program("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    before = client.get(path)
    assert client.patch(path, json={"phone": "+49 30 1"}).status_code == 428
    change = {"phone": "+49 30 1", "markets": ["AT"], "readiness": None}
    answer = client.patch(path, json=change, headers={"if-match": before.headers["etag"]})
    assert answer.status_code == 200
    told = {name: answer.json()[name] for name in answer.json() if answer.json()[name] != before.json()[name]}
    assert told.keys() - {"version", "updated_at"} == {"phone", "markets"}
    assert answer.json() == before.json() | change | {name: told[name] for name in ("version", "updated_at")}
    late = client.patch(path, json={"phone": "+49 30 2"}, headers={"if-match": before.headers["etag"]})
    assert (late.status_code, client.get(path).json()) == (412, answer.json())
    with database.read() as session:
        [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "profile updated"))
    assert entry.detail == {"fields": ["markets", "phone"], "token": 1}


def test_a_change_of_nothing_is_none(program: Callable[..., TestClient], database: Database, world: World) -> None:
    client, path = program("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    before = client.get(path)
    for change in ({}, {"name": "Spielwerk"}):
        answer = client.patch(path, json=change, headers={"if-match": "*"})
        assert (answer.status_code, answer.json(), answer.headers["etag"]) == (
            200,
            before.json(),
            before.headers["etag"],
        )
    with database.read() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "profile updated")).all() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": None}, "name"), ({"name": ""}, "name"), ({"offers": None}, "offers"), ({"id": 3}, "id")],
)
def test_a_part_is_checked_as_the_whole_is(
    program: Callable[..., TestClient], world: World, change: dict[str, object], field: str
) -> None:
    path = f"/smes/{world.smes['Spielwerk'].id}"
    answer = program("broker").patch(path, json=change, headers={"if-match": "*"})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


def test_an_sme_does_not_move(program: Callable[..., TestClient], world: World) -> None:
    path = f"/smes/{world.smes['Spielwerk'].id}"
    answer = program("admin").patch(path, json={"city_code": "rome"}, headers={"if-match": "*"})
    told = "an SME does not move; enter it anew in the other city"
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "city_code", "message": told}])


def test_statements_are_written_as_a_whole_and_nothing_else_is(
    program: Callable[..., TestClient], world: World
) -> None:
    client, path = program("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    before, read = client.get(path).json(), client.get(f"{path}/statements")
    assert read.json() == {"offers": before["offers"], "needs": before["needs"]}
    wanted = {"offers": ["one", "two"], "needs": ["three"]}
    answer = client.put(f"{path}/statements", json=wanted, headers={"if-match": read.headers["etag"]})
    assert (answer.status_code, answer.json()) == (200, wanted)
    after = client.get(path).json()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"offers", "needs", "version", "updated_at"}
    assert client.put(f"{path}/statements", json=wanted, headers={"if-match": '"old"'}).status_code == 412


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"city_code": "pilsen"}, "city_code"),
        ({"city_code": "atlantis"}, "city_code"),
        ({"sector_code": "alchemy"}, "sector_code"),
    ],
)
def test_a_code_must_name_a_row_of_ours(program: Callable[..., TestClient], change: dict[str, str], field: str) -> None:
    answer = program("broker").post("/smes", json=NEW | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"readiness": 9}, "readiness"),
        ({"readiness": True}, "readiness"),
        ({"readiness": 2**70}, "readiness"),
        ({"name": 5}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"description": "\ud800"}, "description"),
        ({"languages": ["de", "\ud800\ud800"]}, "languages.1"),
        ({"offers": ["good", "bad \x01"]}, "offers.1"),
        ({"offers": ["x"] * 31}, "offers"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_field_that_is_not_as_expected_is_named_and_nothing_is_written(
    program: Callable[..., TestClient], database: Database, change: dict[str, object], field: str
) -> None:
    before = _count(database)
    body = json.dumps(NEW | change)
    answer = program("broker").post("/smes", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert _count(database) == before


def _count(database: Database) -> int:
    with database.read() as session:
        return len(session.exec(select(Sme.id)).all())


@pytest.mark.parametrize("body", ["", "[]", "{", "null", "[" * 100_000, '{"name": NaN}', '"text"'])
def test_what_is_no_json_object_is_refused(program: Callable[..., TestClient], body: str) -> None:
    answer = program("broker").post("/smes", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("size", [1_100_000, 12_000_000])
@pytest.mark.parametrize("is_told", [True, False])
def test_a_body_that_is_too_large_is_refused(program: Callable[..., TestClient], size: int, is_told: bool) -> None:
    body = json.dumps(NEW | {"description": "x" * size}).encode()
    content = body if is_told else iter([body])  # of unknown length it comes in chunks
    answer = program("broker").post("/smes", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["detail"] == "The most this API takes at once is 1 MB."


def test_what_is_too_large_is_refused_without_a_token_too(program: Callable[..., TestClient]) -> None:
    """It is told by its length: nobody waits while a stranger's megabytes are read as JSON."""
    answer = program().post("/smes", json={f"{number:x}": 1 for number in range(150_000)})
    assert answer.status_code == 413


def test_the_largest_profile_there_can_be_is_taken(program: Callable[..., TestClient]) -> None:
    texts = [f"{number:02}" + "\u0107" * 998 for number in range(30)]
    largest = NEW | {"description": "\u0107" * 20_000, "offers": texts, "needs": texts}
    assert program("broker").post("/smes", json=largest).status_code == 201


def test_pages_follow_each_other_and_hold_every_row_once(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    with database.write() as session:
        made = [make_sme(session, f"Firm {number}").id for number in range(7)]
        make_sme(session, "Elsewhere", city="rome")
    client, seen, path = program("broker"), list[int](), "/smes?limit=3"
    while path:
        answer = client.get(path)
        seen += [row["id"] for row in answer.json()["data"]]
        following = answer.json()["next"]
        assert ("link" in answer.headers) is (following is not None)
        path = f"/smes?limit=3&cursor={following}" if following else ""
    assert seen == sorted([world.smes["Spielwerk"].id, *made])


def test_a_page_takes_as_many_statements_however_long_it_is(
    program: Callable[..., TestClient], database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    with database.write() as session:
        for number in range(30):
            make_sme(session, f"Firm {number}")
    client = program("broker")
    few, many = (queries_of(lambda limit=limit: client.get(f"/smes?limit={limit}")) for limit in (2, 30))
    assert few == many <= 10


@pytest.mark.parametrize("cursor", ["x", "!!!!", "LTE", "OTk5OTk5OTk5OTk", "4peL", "%00"])
def test_a_cursor_that_is_none_of_ours_is_refused(program: Callable[..., TestClient], cursor: str) -> None:
    assert program("broker").get(f"/smes?cursor={cursor}").status_code == 422


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "x", "9" * 40])
def test_a_page_is_bounded(program: Callable[..., TestClient], limit: str) -> None:
    answer = program("broker").get(f"/smes?limit={limit}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "limit")


def test_a_change_is_recorded_in_the_accounts_name(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    made = program("broker").post("/smes", json=NEW).json()
    with database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.subject == f"sme:{made['id']}")).one()
    assert entry.actor == f"Broker (account {world.accounts['broker'].id})"

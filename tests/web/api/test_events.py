"""Organisers' programs set up events, start runs, and read what came of them."""

import csv
import io
from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import interests
from broker.models import Answer, AuditEntry, Event, ExportLog, MatchRun, Registration, RunStatus, SmeStatus
from tests.factories import make_sme, register
from tests.web.world import World

CLINIC = {
    "name": "Clinic",
    "city_code": "tallinn",
    "starts_at": "2030-07-01T09:00",
    "ends_at": "2030-07-01T17:00+03:00",
}


def test_an_event_is_made_in_the_time_of_its_city(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    made = program("organiser").post("/events", json=CLINIC)
    assert made.status_code == 201
    assert (made.json()["starts_at"], made.json()["ends_at"]) == ("2030-07-01T06:00:00Z", "2030-07-01T14:00:00Z")
    with database.read() as session:
        assert session.get_one(Event, made.json()["id"]).organiser_id == world.accounts["organiser"].id


def test_lists_hold_the_callers_own_events(program: Callable[..., TestClient], world: World) -> None:
    told = {name: [row["id"] for row in program(name).get("/events").json()["data"]] for name in ("organiser", "admin")}
    assert told == {"organiser": [world.event.id], "admin": [world.event.id, world.other_event.id]}


def test_registering_is_all_or_nothing_and_names_who_cannot_be(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    with database.write() as session:
        new, paused = make_sme(session, "New").id, make_sme(session, "Paused", status=SmeStatus.PAUSED).id
    client, path = program("organiser"), f"/events/{world.event.id}/registrations"
    refused = client.post(path, json={"sme_ids": [new, paused, 99_999]})
    told = f"not there, or paused, expired or without consent: {paused}, 99999"
    assert (refused.status_code, refused.json()["errors"]) == (422, [{"field": "sme_ids", "message": told}])
    there = world.smes["Spielwerk"].id
    assert client.post(path, json={"sme_ids": [new, there, new]}).json() == {"new": 1}
    rows = client.get(path).json()["data"]
    assert [row["sme_id"] for row in rows] == [*(sme.id for sme in world.smes.values()), new]


def test_all_of_a_city_are_registered_whose_ids_an_organiser_cannot_know(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    with database.write() as session:
        new = make_sme(session, "New", city="rome").id
        make_sme(session, "Paused", city="rome", status=SmeStatus.PAUSED)
        make_sme(session, "Elsewhere", city="linz")
    client, path = program("organiser"), f"/events/{world.event.id}/registrations"
    assert client.post(path, json={"city_code": "rome"}).json() == {"new": 1}
    assert client.post(path, json={"city_code": "rome"}).json() == {"new": 0}
    assert [row["sme_id"] for row in client.get(path).json()["data"]][-1] == new
    for body in ({"city_code": "atlantis"}, {}, {"city_code": "rome", "sme_ids": [new]}):
        assert client.post(path, json=body).status_code == 422


def test_who_is_withdrawn_takes_no_part_any_more(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client, path = program("organiser"), f"/events/{world.event.id}/registrations"
    row = world.registrations["Spielwerk"].id
    with database.write() as session:
        [elsewhere] = register(session, world.other_event, world.smes["Spielwerk"])
        foreign = elsewhere.id
    assert client.delete(f"{path}/{foreign}").status_code == 404
    assert client.delete(f"{path}/{row}").status_code == 204
    assert client.delete(f"{path}/{row}").status_code == 404
    assert row not in [one["id"] for one in client.get(path).json()["data"]]
    with database.read() as session:
        [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "event.withdraw"))
        assert session.get(Registration, foreign) is not None
    assert entry.detail == {"sme": world.smes["Spielwerk"].id, "token": 1}


def test_a_run_is_started_watched_and_cancelled(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    client = program("organiser")
    started = client.post(f"/events/{world.event.id}/runs", json={"seed": 7})
    assert (started.status_code, started.json()["status"], started.json()["seed"]) == (202, "queued", 7)
    run = f"http://testserver{started.headers['location']}"
    assert client.get(run).json() == started.json()
    assert client.post(f"/events/{world.event.id}/runs", json={}).status_code == 409
    cancelled = client.post(f"{run}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    with database.read() as session:
        assert session.get_one(MatchRun, started.json()["id"]).status is RunStatus.CANCELLED


def test_matches_quote_the_firms_and_hold_no_contact_data(program: Callable[..., TestClient], world: World) -> None:
    answer = program("organiser").get(f"/events/{world.event.id}/matches")
    first = answer.json()["data"][0]
    assert {first["a_name"], first["b_name"]} == {"Spielwerk", "Medilab Plzeň"}
    assert first["evidence"]["b_to_a"]["need"] == "designéra, který udělá z cvičení hru"
    assert "@" not in answer.text


def test_answers_say_where_both_said_yes(program: Callable[..., TestClient], database: Database, world: World) -> None:
    one, other = (world.smes[name].id for name in ("Spielwerk", "Medilab Plzeň"))
    with database.write() as session:
        for name, partner in (("Spielwerk", other), ("Medilab Plzeň", one)):
            registration = session.merge(world.registrations[name])
            interests.express(session, database.settings, registration, partner, Answer.INTERESTED)
    rows = program("organiser").get(f"/events/{world.event.id}/answers").json()["data"]
    assert [(row["sme_id"], row["partner_id"], row["answer"], row["introduced"]) for row in rows] == [
        (one, other, "interested", True),
        (other, one, "interested", True),
    ]


def test_an_export_is_the_file_of_the_page_and_is_remembered(
    program: Callable[..., TestClient], database: Database, world: World
) -> None:
    answer = program("organiser").post(f"/events/{world.event.id}/exports", json={"what": "participants"})
    assert answer.headers["content-disposition"] == f'attachment; filename="participants-{world.event.id}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert sorted(row["sme"] for row in rows) == sorted(world.smes)
    with database.read() as session:
        log = session.exec(select(ExportLog)).one()
    assert (log.what, log.format, log.rows, log.actor.split(" (")[0]) == ("participants", "csv", 4, "Organiser")


def test_a_row_of_another_event_is_none_of_this_one(program: Callable[..., TestClient], world: World) -> None:
    assert program("admin").get(f"/events/{world.other_event.id}/runs/{world.run.id}").status_code == 404

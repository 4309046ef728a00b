"""Bulk actions and undoing them, through the pages."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import changes
from broker.domain.places import city_zone
from broker.domain.queries.changes import PAGE_SIZE, PAST
from broker.models import Account, ChangeSet, Sme, SmeStatus
from broker.web.pages import day, when
from tests.web.world import World

Browse = Callable[..., TestClient]


def status(database: Database, world: World, name: str = "Spielwerk") -> SmeStatus:
    with database.read() as session:
        return session.get_one(Sme, world.smes[name].id).status


def test_smes_ticked_in_the_list_are_paused_and_the_next_page_offers_to_undo_it(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    ids = world.smes["Spielwerk"].id

    answer = client.post("/smes/bulk", data={"ids": [ids], "action": "pause", "back": "q=spiel&sector=games"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/smes?q=spiel&sector=games")
    assert status(database, world) is SmeStatus.PAUSED
    page = client.get(answer.headers["location"]).text
    assert "1 SME is paused." in page.replace("\u00a0", " ")
    undo = re.search(r'action="(/changes/\d+/undo)"', page)
    assert undo is not None
    assert undo[1] not in client.get("/smes").text

    answer = client.post(undo[1])

    assert answer.headers["location"] == "/smes"
    assert "Undone: 1 profile as before." in client.get("/smes").text
    assert status(database, world) is SmeStatus.PUBLISHED
    assert client.post(undo[1]).status_code == 409
    assert "This was undone" in client.get(undo[1].removesuffix("/undo")).text


@pytest.mark.parametrize("ids", [[], ["x"], ["0"], ["99999999999999999999"], ["-1"], ["١"], ["4711"]])
def test_what_is_no_sme_of_theirs_is_not_touched(
    browse: Browse, database: Database, world: World, ids: list[str]
) -> None:
    answer = browse("broker").post("/smes/bulk", data={"ids": ids, "action": "pause"})

    assert answer.status_code == (404 if ids else 303)
    assert status(database, world) is SmeStatus.PUBLISHED


def test_a_foreign_sme_among_the_own_ones_stops_all(browse: Browse, database: Database, world: World) -> None:
    ids = [world.smes["Spielwerk"].id, world.smes["Medilab Plzeň"].id]

    assert browse("broker").post("/smes/bulk", data={"ids": ids, "action": "pause"}).status_code == 404
    assert status(database, world) is SmeStatus.PUBLISHED


def test_without_a_tick_the_list_says_what_to_do_first(browse: Browse, world: World) -> None:
    client = browse("broker")
    answer = client.post("/smes/bulk", data={"action": "publish", "back": "//evil.example/"})
    assert answer.headers["location"] == "/smes"
    page = client.get("/smes").text
    assert "Tick the SMEs first" in page
    assert "/undo" not in page


def test_smes_for_which_the_action_means_nothing_are_told(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "publish"})
    told = "Left as before: 1 SME (1 published). Only what a second broker confirmed can be published."
    assert told in client.get("/smes").text.replace("\u00a0", " ")
    with database.write() as session:
        session.get_one(Sme, world.smes["Spielwerk"].id).status = SmeStatus.IN_REVIEW
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "pause"})
    assert "1 SME (1 in review). Only what is published can be paused." in client.get("/smes").text.replace(
        "\u00a0", " "
    )


def test_after_an_action_and_its_undo_the_list_is_as_it_was_asked_for_with_nothing_ticked(
    browse: Browse, world: World
) -> None:
    client = browse("broker")
    asked = {"ids": [world.smes["Spielwerk"].id], "action": "pause", "back": "q=spiel+werk&page=2&select=page"}

    assert client.post("/smes/bulk", data=asked).headers["location"] == "/smes?q=spiel+werk&page=2"
    page = client.get("/smes?q=spiel&sort=changed").text
    undo = re.search(r'action="(/changes/\d+/undo)"', page)
    assert undo
    assert '<input type="hidden" name="back" value="q=spiel&amp;sort=changed">' in page
    undone = client.post(undo[1], data={"back": "q=spiel&sort=changed"})
    assert undone.headers["location"] == "/smes?q=spiel&sort=changed"


def test_an_undo_that_left_something_alone_shows_what_and_why(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    sme = world.smes["Spielwerk"].id
    client.post("/smes/bulk", data={"ids": [sme], "action": "pause"})
    undo = re.search(r'action="(/changes/\d+/undo)"', client.get("/smes").text)
    assert undo is not None
    with database.write() as session:
        session.get_one(Sme, sme).version += 1

    answer = client.post(undo[1])

    page = client.get(answer.headers["location"]).text
    assert f'<a class="name" href="/smes/{sme}">Spielwerk</a> – it was changed since.' in page
    assert status(database, world) is SmeStatus.PAUSED


def test_what_was_done_at_once_stands_in_a_list_with_the_way_to_undo_it(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    assert "Nothing yet" in client.get("/changes").text
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "pause"})
    assert 'href="/changes"' in client.get("/smes").text
    with database.read() as session:
        [row] = session.exec(select(ChangeSet)).all()

    page = client.get("/changes").text

    assert f'<a class="name" href="/changes/{row.id}">1 SME paused' in page
    assert "When, Berlin time" in page
    assert f"until {day(row.at + timedelta(days=30), city_zone('berlin'))}" in page
    assert when(row.at, city_zone("berlin")) in client.get(f"/changes/{row.id}").text
    assert "SME paused" not in browse("other broker").get("/changes").text
    assert "When, UTC" in browse("admin").get("/changes").text
    client.post(f"/changes/{row.id}/undo")
    assert '<span class="tag">undone</span>' in client.get("/changes").text


def test_what_is_older_than_a_month_is_listed_and_no_longer_undone(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "pause"})
    with database.write() as session:
        session.exec(select(ChangeSet)).one().at -= timedelta(days=31)
    assert "can be undone no longer" in client.get("/changes").text


def test_everything_that_can_be_undone_is_listed_page_by_page_and_the_newest_of_the_rest(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    client = browse("broker")
    with database.write() as session:
        broker = session.get_one(Account, world.accounts["broker"].id)
        made = [changes.keep(session, broker, "pause", {}) for _ in range(PAGE_SIZE + 1)]
        past = [changes.keep(session, broker, "publish", {}) for _ in range(PAST + 1)]
        for change_set in past:
            change_set.undone_at = change_set.at
        ids, past_ids = {row.id for row in made}, sorted(row.id for row in past)

    pages = [listed(client, page) for page in (1, 2)]

    assert [len(page) for page in pages] == [PAGE_SIZE, 1 + PAST]
    assert {row for page in pages for row in page} == ids | set(past_ids[1:])
    assert 'href="?page=2" rel="next"' in client.get("/changes").text
    assert queries_of(lambda: client.get("/changes?page=2")) == 3 + 2


def listed(client: TestClient, page: int) -> list[int]:
    """The change sets on a page of the list."""
    return [
        int(found)
        for found in re.findall(r'class="name" href="/changes/(\d+)"', client.get(f"/changes?page={page}").text)
    ]


def test_nobody_undoes_what_another_did(browse: Browse, world: World) -> None:
    client = browse("broker")
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "pause"})
    undo = re.search(r'action="(/changes/\d+/undo)"', client.get("/smes").text)
    assert undo is not None

    assert browse("other broker").post(undo[1]).status_code == 404
    assert browse("organiser").get(undo[1].removesuffix("/undo")).status_code == 404
    assert browse("admin").post(undo[1]).status_code == 303


@pytest.mark.parametrize("who", ["admin", "moved"])
def test_who_may_not_open_the_file_of_an_import_sees_its_undo_at_the_change(
    browse: Browse, database: Database, world: World, who: str
) -> None:
    with database.write() as session:
        broker = session.get_one(Account, world.accounts["broker"].id)
        change_set = changes.keep(session, broker, "import", {}, import_id=world.import_file.id)
        if who == "moved":
            broker.city_code = "pilsen"
    client = browse("admin" if who == "admin" else "broker")

    answer = client.post(f"/changes/{change_set.id}/undo")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/changes/{change_set.id}")
    assert "This was undone" in client.get(answer.headers["location"]).text


def test_who_uploaded_the_file_sees_the_undo_of_its_import_there(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        broker = session.get_one(Account, world.accounts["broker"].id)
        change_set = changes.keep(session, broker, "import", {}, import_id=world.import_file.id)

    answer = browse("broker").post(f"/changes/{change_set.id}/undo")

    assert answer.headers["location"] == f"/import/{world.import_file.id}"


def test_a_forged_message_offers_no_undo(browse: Browse) -> None:
    client = browse("broker")
    client.cookies.set("broker_flash", '["gone",  "good", 7]')
    assert "/changes/7/undo" not in client.get("/smes").text


def test_the_pages_ask_the_database_as_often_whatever_the_number_of_profiles(
    browse: Browse, world: World, queries_of: Callable[..., int]
) -> None:
    client = browse("broker")
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "pause"})
    undo = re.search(r'action="(/changes/\d+/undo)"', client.get("/smes").text)
    assert undo is not None

    # Beside these: who is signed in, and the clock for that.
    assert queries_of(lambda: client.get("/import")) == 3 + 2
    assert queries_of(lambda: client.get(f"/import/{world.import_file.id}/columns")) == 2 + 2
    assert queries_of(lambda: client.get(undo[1].removesuffix("/undo"))) == 3 + 2
    assert queries_of(lambda: client.get("/changes")) == 3 + 2


def test_who_works_for_another_city_by_now_is_not_told_the_smes_of_the_former_one(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    client.post("/smes/bulk", data={"ids": [world.smes["Spielwerk"].id], "action": "pause"})
    with database.write() as session:
        change_set = session.exec(select(ChangeSet)).one()
        session.get_one(Account, world.accounts["broker"].id).city_code = "pilsen"
    address = f"/changes/{change_set.id}"

    assert "Spielwerk" in browse("admin").get(address).text
    assert (client.get(address).status_code, "Spielwerk" in client.get(address).text) == (200, False)
    client.post(f"{address}/undo")
    assert "Spielwerk" in browse("admin").get(address).text
    assert "Spielwerk" not in client.get(address).text
    assert status(database, world) is SmeStatus.PAUSED

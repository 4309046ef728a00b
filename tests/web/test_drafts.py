"""Statements looked at as they are typed, with and without JavaScript."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.models import Draft
from tests.web.forms import fields_of
from tests.web.test_sections import address, stored
from tests.web.world import World

Browse = Callable[..., TestClient]


def test_typing_gives_notes_at_once_and_asks_a_worker_who_would_see_it(
    browse: Browse, database: Database, world: World
) -> None:
    client, seen = browse("broker"), f"/smes/{world.smes['Spielwerk'].id}/seen"
    htmx = {"hx-request": "true"}

    answer = client.post(
        address(world, "needs") + "/draft", data={"text": ["a clinic in Pilsen", "partners"]}, headers=htmx
    )

    assert "Being worked out" in answer.text
    assert 'hx-trigger="every 1s"' in answer.text
    assert '<ul class="lint" id="lint-1" aria-live="polite" hx-swap-oob="true"><li>' in answer.text
    assert "<html" not in answer.text
    with database.write() as session:
        draft = session.exec(select(Draft)).one()
        assert (draft.needs, draft.offers) == (
            ["a clinic in Pilsen", "partners"],
            ["game design for exercise and therapy"],
        )
        draft.result = {"onlookers": [ONLOOKER], "unread": 3}
    shown = client.get(seen, headers=htmx).text
    assert "A firm in Pilsen" in shown
    assert "dvě kliniky" in shown
    assert "3 firms" in shown
    assert "hx-trigger" not in shown
    assert "Nothing was looked up yet" in browse("admin").get(seen, headers=htmx).text
    client.post(address(world, "needs") + "/draft", data={"text": ["a clinic"]}, headers=htmx)
    with database.read() as session:
        draft = session.exec(select(Draft)).one()
    assert (draft.turn, draft.result) == (2, None)


ONLOOKER = {
    "city": "pilsen",
    "sector": "health",
    "strength": "good",
    "distance": "near",
    "you_need": {"need": "a clinic in Pilsen", "offer": "dvě kliniky", "strength": "good", "source": "offer"},
    "they_need": None,
}


def test_without_javascript_a_page_renews_itself_and_leads_back_to_the_statements(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    opened = fields_of(client.get(address(world, "offers")).text)

    answer = client.post(address(world, "offers") + "/draft", data=opened | {"text": ["my draft of an offer"]})

    page = client.get(answer.headers["location"]).text
    assert '<meta http-equiv="refresh" content="2">' in page
    with database.write() as session:
        session.exec(select(Draft)).one().result = {"onlookers": [ONLOOKER], "unread": 0}
    page = client.get(answer.headers["location"]).text
    assert 'http-equiv="refresh"' not in page
    assert "A firm in Pilsen" in page
    back = page.split('<a class="button" href="')[1].split('"')[0].replace("&amp;", "&")
    form = fields_of(client.get(back).text)
    assert form["text"] == ["my draft of an offer"]
    assert form["seen_offers"] == opened["seen_offers"]
    assert stored(database, world).offers == ["game design for exercise and therapy"]

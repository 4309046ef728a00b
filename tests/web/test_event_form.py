"""The organiser's form in the browser: it comes back filled, previews the policy, and loses nobody's work."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import event_form
from broker.models import Event, Shortlist, ShortlistStatus
from tests import factories
from tests.web.world import World

Browse = Callable[..., TestClient]
FILLED = event_form.empty() | {
    "name": "Study visit",
    "city": "tallinn",
    "venue": "Telliskivi",
    "first_day": "2030-07-01",
    "day_from": "09:00",
    "day_to": "17:00",
}


def test_an_event_is_set_up_in_the_time_of_its_city(browse: Browse, database: Database, world: World) -> None:
    answer = browse("organiser").post("/events/new", data=FILLED)

    event = _named(database, "Study visit")
    assert answer.headers["location"] == f"/events/{event.id}"
    assert event.starts_at.isoformat() == "2030-07-01T06:00:00+00:00"
    assert event.organiser_id == world.accounts["organiser"].id


def test_a_form_that_cannot_be_used_comes_back_filled_with_a_link_to_each_field(
    browse: Browse, database: Database
) -> None:
    wrong = {"name": "", "day_to": "08:00", "break_name_1": "Lunch", "break_from_1": "12:30"}

    answer = browse("organiser").post("/events/new", data=FILLED | wrong)

    assert answer.status_code == 422
    assert "3 fields to look at" in answer.text
    assert '<a href="#f-name">Name</a>: expected a name' in answer.text
    assert '<a href="#f-break_1">Break 1</a>: expected two times' in answer.text
    assert 'id="f-day_to" name="day_to" aria-invalid="true" aria-describedby="e-day_to ' in answer.text
    assert 'value="Telliskivi"' in answer.text
    assert 'name="break_name_1" value="Lunch"' in answer.text
    with database.read() as session:
        assert session.exec(select(Event).where(Event.venue == "Telliskivi")).all() == []


def test_more_rows_for_breaks_come_without_losing_what_was_typed(browse: Browse, database: Database) -> None:
    typed = FILLED | {"break_name_3": "Lunch", "break_from_3": "12:30", "break_to_3": "13:30", "act": "more"}

    page = browse("organiser").post("/events/new", data=typed)

    assert page.status_code == 200
    assert re.findall(r'name="break_name_(\d+)"', page.text) == ["3", "4", "5", "6", "7"]
    assert 'name="break_name_3" value="Lunch"' in page.text
    with database.read() as session:
        assert session.exec(select(Event).where(Event.name == "Study visit")).all() == []


def test_the_effect_of_a_policy_is_told_before_it_is_saved(browse: Browse, database: Database, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/edit"
    stored = organiser.get(address)
    assert "Of 4 SMEs there are <b>6 possible pairs</b>" in stored.text

    typed = _fields(stored.text) | {"min_other_city": "4", "act": "effect"}
    effect = organiser.post(address, data=typed)

    assert effect.status_code == 200
    assert "<b>4 SMEs</b> have fewer than 4 possible partners in another city." in " ".join(effect.text.split())
    assert "Medilab Plzeň, Nordljus Film, Solar Łódka, Spielwerk" in effect.text
    assert _event(database, world).policy == {}


def test_a_change_is_saved_and_its_version_goes_up(browse: Browse, database: Database, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/edit"
    page = organiser.get(address)
    assert page.headers["etag"] == '"1"'

    saved = organiser.post(
        address, data=_fields(page.text) | {"venue": "Kulturhaus", "dial": "1", "require_other_city": "1"}
    )

    assert saved.headers["location"] == f"/events/{world.event.id}"
    event = _event(database, world)
    assert (event.venue, event.policy, event.version) == ("Kulturhaus", {"dial": 1.0, "require_other_city": True}, 2)
    assert organiser.get(address).headers["etag"] == '"2"'


def test_the_second_of_two_organisers_gets_the_difference_and_keeps_the_own_words(
    browse: Browse, database: Database, world: World
) -> None:
    first, second = browse("organiser"), browse("admin")
    address = f"/events/{world.event.id}/edit"
    mine = _fields(second.get(address).text) | {"venue": "Mine", "tables": "33"}
    first.post(address, data=_fields(first.get(address).text) | {"venue": "Theirs"})

    clash = second.post(address, data=mine)

    assert clash.status_code == 409
    text = " ".join(clash.text.split())
    assert "Somebody else saved this event while you were writing" in text
    assert (
        '<h3>Venue</h3><div class="compare"><div><small>Saved meanwhile</small><div class="prose">Theirs</div>' in text
    )
    assert 'value="Mine"' in text
    assert _event(database, world).venue == "Theirs"
    assert second.post(address, data=_fields(clash.text)).status_code == 303
    assert (_event(database, world).venue, _event(database, world).tables) == ("Mine", 33)


def test_the_form_says_what_it_will_not_change_any_more(browse: Browse, database: Database, world: World) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/edit"
    assert "3 approved shortlists and the answers given" in organiser.get(address).text
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT

    page = organiser.get(address).text
    assert "3 draft shortlists: built with the policy there was." in page
    assert (
        "What a change here does not change"
        not in browse("other organiser").get(f"/events/{world.other_event.id}/edit").text
    )


@pytest.mark.parametrize("version", ["", "x", "²", "9" * 40, "-1"])
def test_a_form_without_a_usable_version_overwrites_nothing(
    browse: Browse, database: Database, world: World, version: str
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/edit"
    fields = _fields(organiser.get(address).text) | {"venue": "Mine", "version": version}

    assert organiser.post(address, data=fields).status_code == 409
    assert _event(database, world).venue == "Festsaal"


def test_the_form_asks_the_database_as_often_for_many_smes_as_for_few(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    organiser = browse("organiser")
    address = f"/events/{world.event.id}/edit"
    few = queries_of(lambda: organiser.get(address))
    with database.write() as session:
        factories.register(session, world.event, *(factories.make_sme(session, city="rome") for _ in range(20)))

    assert queries_of(lambda: organiser.get(address)) == few


def _fields(page: str) -> dict[str, Any]:
    """What a browser would send of the form: its inputs, the ticked boxes and the chosen options."""
    form = page[page.index('<form method="post" action="/events/') :]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form[: form.index("</form>")]):
        name, value = (re.search(rf'\b{part}="([^"]*)"', tag) for part in ("name", "value"))
        is_box = 'type="checkbox"' in tag or 'type="radio"' in tag
        if name and (not is_box or "checked" in tag):
            fields[name[1]] = value[1] if value else ""
    city = re.search(r'<option value="(\w+)" selected>', form)
    return fields | {"city": city[1] if city else ""}


def _named(database: Database, name: str) -> Event:
    with database.read() as session:
        return session.exec(select(Event).where(Event.name == name)).one()


def _event(database: Database, world: World) -> Event:
    with database.read() as session:
        return session.get_one(Event, world.event.id)

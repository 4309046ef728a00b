"""The broker's desk: list, profile, editing."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import profiles
from broker.models import Consent, Shortlist, ShortlistStatus, Sme
from tests.web.world import World, add_ring

Browse = Callable[..., TestClient]


def test_the_profile_shows_texts_contact_consent_and_shortlist(browse: Browse, world: World) -> None:
    page = browse("broker").get(f"/smes/{world.smes['Spielwerk'].id}").text

    for text in (
        "game design for exercise and therapy",
        "a clinical partner to test our rehabilitation game with patients",
        "German, English",
        "Czechia, Austria",
        "To be matched",
        "Shortlist for Internationalisation Workshop",
        "A health company",
    ):
        assert text in page, text
    assert "Medilab" not in page


def test_rings_are_offered_to_the_brokers_of_their_firms_with_a_way_to_the_own_only(
    browse: Browse, database: Database, world: World
) -> None:
    own, client = f"/smes/{world.smes['Spielwerk'].id}", browse("broker")
    assert "looks for what the next one offers" not in client.get("/introductions/rings").text + client.get(own).text
    with database.write() as session:
        add_ring(session, world)

    for page in (client.get("/introductions/rings").text, client.get(own).text):
        page = " ".join(page.split())
        assert "Nothing is mailed for it" in page
        assert f'<a href="{own}">Spielwerk</a> (Berlin) looks for' in page
        assert "<b>A health company</b> (Pilsen) writes" in page
        assert "<q>a clinic for our game</q>" in page
        assert "Medilab" not in page
        assert f"/smes/{world.smes['Medilab Plzeň'].id}" not in page
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
    assert "looks for what the next one offers" not in client.get("/introductions/rings").text + client.get(own).text


def test_a_broker_reads_why_a_list_is_short_and_which_change_of_the_profile_would_help(
    browse: Browse, database: Database, world: World
) -> None:
    short = {"reason": "all are full", "relaxation": "allow 9", "advice": "With Czech 14 more."}
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.shortfall = short

    page = " ".join(browse("broker").get(f"/smes/{world.smes['Spielwerk'].id}").text.split())
    assert "<strong>Shorter than asked.</strong> All are full. With Czech 14 more." in page
    assert "llow 9" not in page


def test_a_website_is_a_link_only_if_it_leads_to_the_web(browse: Browse, database: Database, world: World) -> None:
    sme_id = world.smes["Spielwerk"].id
    assert 'href="https://spielwerk.example"' in browse("broker").get(f"/smes/{sme_id}").text
    with database.write() as session:
        sme = session.get_one(Sme, sme_id)
        sme.website = "javascript:alert(1)"
        session.add(sme)

    assert 'href="javascript:' not in browse("broker").get(f"/smes/{sme_id}").text


def test_saving_writes_the_profile_and_its_consents(browse: Browse, database: Database, world: World) -> None:
    sme_id = world.smes["Spielwerk"].id
    client = browse("broker")
    fields = form_of(client, sme_id) | {
        "description": "Wir bauen Spiele.\r\nFür Pflegekräfte.",
        "needs": "ein Krankenhaus\r\n\r\n  einen   Verlag ",
        "languages": "Deutsch, English, čeština",
        "markets": "Germany; Österreich",
        "readiness": "4",
        "sector_code": "health",
    }
    del fields["consent_mailing"]

    answer = client.post(f"/smes/{sme_id}/edit", data=fields)

    assert answer.headers["location"] == f"/smes/{sme_id}"
    with database.read() as session:
        saved = profiles.read(session, session.get_one(Sme, sme_id))
        consents = session.exec(select(Consent).where(Consent.sme_id == sme_id)).all()
    assert saved.description == "Wir bauen Spiele.\nFür Pflegekräfte."
    assert saved.needs == ["ein Krankenhaus", "einen Verlag"]
    assert saved.languages == ["de", "en", "cs"]
    assert saved.markets == ["DE", "AT"]
    assert (saved.readiness, saved.sector_code, saved.sector_confirmed) == (4, "health", True)
    assert {row.purpose.value: row.withdrawn_at is None for row in consents} == {"matching": True, "mailing": False}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": ""}, "Name"),
        ({"languages": "Klingon"}, "Klingon"),
        ({"markets": "Atlantis"}, "Atlantis"),
        ({"email": "nobody"}, "E-mail"),
        ({"website": "javascript:alert(1)"}, "Website"),
        ({"offers": "good\n" + "x" * 1001}, "Offers, line 2"),
        ({"sector_code": "alchemy"}, "ector"),
    ],
)
def test_what_cannot_be_saved_comes_back_with_what_was_typed(
    browse: Browse, world: World, change: dict[str, str], told: str
) -> None:
    sme_id = world.smes["Spielwerk"].id
    client = browse("broker")

    answer = client.post(f"/smes/{sme_id}/edit", data=form_of(client, sme_id) | {"hub": "Typed hub"} | change)

    assert answer.status_code == 422
    assert told in answer.text.split('role="alert"')[1].split("</div>")[0]
    assert 'value="Typed hub"' in answer.text
    assert "Typed hub" not in client.get(f"/smes/{sme_id}").text


def test_of_two_brokers_the_second_sees_the_difference_and_loses_nothing(
    browse: Browse, database: Database, world: World
) -> None:
    sme_id = world.smes["Spielwerk"].id
    first, second = browse("broker"), browse("admin")
    mine, theirs = form_of(first, sme_id), form_of(second, sme_id)
    first.post(f"/smes/{sme_id}/edit", data=mine | {"description": "What the first wrote"})

    answer = second.post(f"/smes/{sme_id}/edit", data=theirs | {"description": "What the second wrote"})

    assert answer.status_code == 409
    assert "Somebody else saved this profile" in answer.text
    assert "What the first wrote" in answer.text
    assert answer.text.count("What the second wrote") == 2
    with database.read() as session:
        assert session.get_one(Sme, sme_id).description == "What the first wrote"
    version = answer.text.split('name="version" value="')[1].split('"')[0]
    again = second.post(
        f"/smes/{sme_id}/edit", data=theirs | {"description": "What the second wrote", "version": version}
    )
    assert again.status_code == 303


def test_a_guessed_sector_is_confirmed_by_a_tick_or_another_choice(
    browse: Browse, database: Database, world: World
) -> None:
    sme_id = world.smes["Spielwerk"].id
    with database.write() as session:
        sme = session.get_one(Sme, sme_id)
        sme.sector_confirmed, sme.sector_words = False, "playful things"
        session.add(sme)
    client = browse("broker")
    page = client.get(f"/smes/{sme_id}").text
    assert "to be confirmed" in page
    assert "playful things" in page

    client.post(f"/smes/{sme_id}/edit", data=form_of(client, sme_id) | {"hub": "Elsewhere"})
    assert "to be confirmed" in client.get(f"/smes/{sme_id}").text
    client.post(f"/smes/{sme_id}/edit", data=form_of(client, sme_id) | {"sector_confirmed": "1"})
    assert "to be confirmed" not in client.get(f"/smes/{sme_id}").text


def test_a_new_sme_is_written_into_the_own_city(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    fields = {"name": "Neu & Gut", "city_code": "rome", "description": "We make chairs.", "consent_matching": "1"}

    answer = client.post("/smes/new", data=fields)

    with database.read() as session:
        sme = session.exec(select(Sme).where(Sme.name == "Neu & Gut")).one()
    assert answer.headers["location"] == f"/smes/{sme.id}"
    assert sme.city_code == "berlin"
    again = client.post("/smes/new", data=fields)
    assert (again.status_code, "already an SME called" in again.text) == (422, True)
    assert browse("admin").post("/smes/new", data={"name": "Nowhere"}).status_code == 422


def form_of(client: TestClient, sme_id: Any) -> dict[str, str]:
    """The fields of the edit form as the browser would send them back."""
    from html.parser import HTMLParser

    fields: dict[str, str] = {}

    class Reader(HTMLParser):
        area = select = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            name = given.get("name") or ""
            if tag == "textarea":
                self.area = name
                fields[name] = ""
            elif tag == "select":
                self.select = name
                fields[name] = ""
            elif tag == "option" and "selected" in given:
                fields[self.select] = given.get("value") or ""
            elif tag == "input" and name and (given.get("type") != "checkbox" or "checked" in given):
                fields[name] = given.get("value") or ""

        def handle_endtag(self, tag: str) -> None:
            if tag == "textarea":
                self.area = ""

        def handle_data(self, data: str) -> None:
            if self.area:
                fields[self.area] += data

    page = client.get(f"/smes/{sme_id}/edit").text
    Reader().feed(page.split('class="stack top-gap">')[1].split("</form>")[0])
    return fields


def test_a_consent_withdrawn_meanwhile_does_not_come_back(browse: Browse, database: Database, world: World) -> None:
    sme_id = world.smes["Spielwerk"].id
    first, second = browse("broker"), browse("admin")
    mine, theirs = form_of(first, sme_id), form_of(second, sme_id)
    without = {name: value for name, value in mine.items() if not name.startswith("consent_")}
    page = first.post(f"/smes/{sme_id}/edit", data=without, follow_redirects=True)
    assert "Saved." in page.text

    answer = second.post(f"/smes/{sme_id}/edit", data=theirs)

    assert answer.status_code == 409
    assert "Has agreed to be mailed – the form shows what was saved" in answer.text
    version = answer.text.split('name="version" value="')[1].split('"')[0]
    shown = {name: value for name, value in theirs.items() if f'name="{name}" value="1" checked' in answer.text}
    assert not shown
    again = second.post(f"/smes/{sme_id}/edit", data=without | {"version": version})
    assert again.status_code == 303
    with database.read() as session:
        assert all(row.withdrawn_at for row in session.exec(select(Consent).where(Consent.sme_id == sme_id)))

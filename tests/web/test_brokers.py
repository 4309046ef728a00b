"""The broker's desk: list, profile, editing."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.models import Shortlist, ShortlistStatus, Sme, SmeStatus
from tests import factories
from tests.web.world import World, add_ring

Browse = Callable[..., TestClient]


def test_the_list_shows_the_own_city_and_what_is_to_be_completed(browse: Browse, world: World) -> None:
    page = browse("broker").get("/smes").text

    assert "SMEs of Berlin" in page
    assert ">Spielwerk</a>" in page
    assert "Betahaus Werkstatt" in page
    assert "readiness" in page
    assert "Medilab" not in page
    assert "Medilab Plzeň" in browse("admin").get("/smes").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "plzen"}, {"Medilab Plzeň"}),
        ({"q": "LODKA"}, {"Solar Łódka"}),
        ({"q": "motion capture"}, {"Nordljus Film"}),
        ({"q": "otion"}, set()),
        ({"q": "betahaus"}, {"Spielwerk"}),
        ({"q": "health"}, {"Medilab Plzeň"}),
        ({"sector": "games"}, {"Spielwerk"}),
        ({"sector": "games", "q": "plzen"}, set()),
        ({"status": "published"}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
        ({"status": "paused"}, set()),
        ({"status": "nonsense"}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
        ({"todo": "1", "q": "spielwerk"}, {"Spielwerk"}),
        ({"page": "99"}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
    ],
)
def test_search_finds_beginnings_of_words_whatever_the_accents(
    browse: Browse, world: World, query: dict[str, str], found: set[str]
) -> None:
    page = browse("admin").get("/smes", params=query).text

    assert {name for name in world.smes if f">{name}</a>" in page} == found


def test_the_list_asks_the_database_as_often_for_many_smes_as_for_few(
    browse: Browse, database: Database, queries_of: Callable[..., int]
) -> None:
    admin = browse("admin")
    few = queries_of(lambda: admin.get("/smes"))
    with database.write() as session:
        for number in range(60):
            factories.make_sme(session, f"Firm of many {number}", city="rome")

    assert queries_of(lambda: admin.get("/smes")) == few
    assert "Page 1 of 2" in admin.get("/smes").text
    assert "Page 2 of 2" in admin.get("/smes", params={"page": 2}).text


def test_the_profile_shows_texts_contact_consent_and_shortlist(browse: Browse, world: World) -> None:
    page = browse("broker").get(f"/smes/{world.smes['Spielwerk'].id}").text

    for text in (
        "game design for exercise and therapy",
        "a clinical partner to test our rehabilitation game with patients",
        "German, English",
        "Czechia, Austria",
        "To be matched",
        "Shortlist for Internationalisation Workshop",
        "Medilab Plzeň",
    ):
        assert text in page, text


def test_rings_are_offered_to_the_brokers_of_their_firms_with_a_way_to_the_own_only(
    browse: Browse, database: Database, world: World
) -> None:
    own = f"/smes/{world.smes['Spielwerk'].id}"
    assert "Exchange ring" not in browse("broker").get("/smes").text + browse("broker").get(own).text
    with database.write() as session:
        add_ring(session, world)

    for page in (browse("broker").get("/smes").text, browse("broker").get(own).text):
        page = " ".join(page.split())
        assert "Nothing is mailed for it" in page
        assert f'<a href="{own}">Spielwerk</a> (Berlin) looks for' in page
        assert "<b>Medilab Plzeň</b> (Pilsen) writes" in page
        assert "<q>a clinic for our game</q>" in page
        assert f"/smes/{world.smes['Medilab Plzeň'].id}" not in page
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
    assert "Exchange ring" not in browse("broker").get("/smes").text + browse("broker").get(own).text


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


def test_a_new_sme_needs_its_name_only_and_goes_on_to_its_task_list(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    fields = {"name": "Neu  & Gut", "city_code": "rome"}

    answer = client.post("/smes/new", data=fields)

    with database.read() as session:
        sme = session.exec(select(Sme).where(Sme.name == "Neu & Gut")).one()
    assert answer.headers["location"] == f"/smes/{sme.id}"
    assert (sme.city_code, sme.status) == ("berlin", SmeStatus.DRAFT)
    page = client.get(f"/smes/{sme.id}").text
    assert "0 % complete" in page
    assert page.count("To finish") == 7
    assert page.count(">Optional<") == 1
    again = client.post("/smes/new", data=fields)
    assert (again.status_code, "already an SME called" in again.text) == (422, True)
    assert '<a href="#f-name">Name: There is already' in again.text
    nowhere = browse("admin").post("/smes/new", data={"name": "Nowhere"})
    assert (nowhere.status_code, '<a href="#f-city_code">City: Choose one.</a>' in nowhere.text) == (422, True)
    assert "<title>Error: A new SME" in nowhere.text

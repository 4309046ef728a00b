"""The broker's desk: list, profile, editing."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain.consents import record_consent, withdraw_consent
from broker.models import Purpose, Shortlist, ShortlistStatus, Sme, SmeStatus
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


def test_an_sme_that_asks_in_person_is_erased_from_its_profile(browse: Browse, world: World) -> None:
    page = browse("broker").get(f"/smes/{world.smes['Spielwerk'].id}").text
    assert f'<a href="/smes/{world.smes["Spielwerk"].id}/erasure">It wants to be erased?' in page


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


def test_a_name_that_is_nearly_one_there_is_already_is_asked_about(
    browse: Browse, database: Database, world: World
) -> None:
    client, page = browse("broker"), f"/smes/{world.smes['Spielwerk'].id}"

    asked = client.post("/smes/new", data={"name": "SPIELWERK GmbH"})
    assert asked.status_code == 422
    assert f'<a href="{page}">Spielwerk</a>' in asked.text
    assert 'name="is_another"' in asked.text
    assert "Medilab" not in client.post("/smes/new", data={"name": "Medilab Plzeň a.s.", "is_another": "1"}).text
    assert client.post("/smes/new", data={"name": "SPIELWERK GmbH", "is_another": "1"}).status_code == 303
    with database.read() as session:
        names = session.exec(select(Sme.name).where(Sme.city_code == "berlin").order_by(Sme.name)).all()
    assert names == ["Medilab Plzeň a.s.", "SPIELWERK GmbH", "Spielwerk"]


def test_who_recorded_something_is_told_without_the_number_of_the_account(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        sme = session.get_one(Sme, world.smes["Spielwerk"].id)
        withdraw_consent(session, sme, [Purpose.MAILING], "Ann")
        record_consent(session, sme, [Purpose.MAILING], "Ann (account 12), firms.csv")

    page = browse("broker").get(f"/smes/{world.smes['Spielwerk'].id}").text
    assert "recorded by Ann, firms.csv</span>" in page


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

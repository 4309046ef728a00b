"""The list of SMEs: found by words and filters, as an address, with and without htmx."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from broker.db import Database, now
from broker.domain.queries import todo
from broker.models import Hub, Purpose, Sme, SmeStatus
from tests import factories
from tests.web.world import World

Browse = Callable[..., TestClient]


def names(page: str) -> list[str]:
    """The SMEs of the list, in its order."""
    return re.findall(r'<a class="name" href="/smes/\d+">([^<]*)</a>', page)


def chips(page: str) -> dict[str, str]:
    """Where each chip that stands for a filter leads: to the address without it."""
    found = re.findall(r'<a class="chip" href="([^"]*)" aria-current="true">(.*?)<span', page)
    return {label: address.replace("&amp;", "&") for address, label in found}


def test_the_list_shows_the_own_city_and_what_is_to_be_completed(browse: Browse, world: World) -> None:
    page = browse("broker").get("/smes").text

    assert "SMEs of Berlin" in page
    assert names(page) == ["Spielwerk"]
    assert "Betahaus Werkstatt" in page
    assert "readiness" in page
    assert "Medilab" not in page
    assert "Medilab Plzeň" in names(browse("admin").get("/smes").text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "plzen"}, {"Medilab Plzeň"}),
        ({"q": "LODKA"}, {"Solar Łódka"}),
        ({"q": "motion capture"}, {"Nordljus Film"}),
        ({"q": "otion"}, set()),
        ({"q": "betahaus"}, {"Spielwerk"}),
        ({"q": "health"}, {"Medilab Plzeň"}),
        ({"q": "clean"}, {"Solar Łódka"}),
        ({"q": "%"}, set()),
        ({"q": "ga_es"}, set()),
        ({"q": "   "}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
        ({"sector": "games"}, {"Spielwerk"}),
        ({"sector": "creative"}, {"Spielwerk", "Nordljus Film"}),
        ({"sector": "growth"}, {"Medilab Plzeň", "Solar Łódka"}),
        ({"sector": "games", "q": "plzen"}, set()),
        ({"language": "cs"}, {"Medilab Plzeň"}),
        ({"language": "de", "city": "pilsen"}, {"Medilab Plzeň"}),
        ({"city": "berlin"}, {"Spielwerk"}),
        ({"status": "published"}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
        ({"status": "paused"}, set()),
        ({"status": "nonsense"}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
        ({"hub": "nonsense", "language": "%", "city": "atlantis", "readiness": "9", "event": "x"}, None),
        ({"todo": "1", "q": "spielwerk"}, {"Spielwerk"}),
        ({"todo": "contact e-mail"}, {"Solar Łódka"}),
        ({"todo": "hub"}, {"Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
        ({"page": "99"}, {"Spielwerk", "Medilab Plzeň", "Nordljus Film", "Solar Łódka"}),
    ],
)
def test_words_and_filters_find_what_fits_all_of_them(
    browse: Browse, world: World, query: dict[str, str], found: set[str] | None
) -> None:
    page = browse("admin").get("/smes", params=query).text

    assert set(names(page)) == (set(world.smes) if found is None else found)


def test_an_address_finds_the_sme_it_belongs_to(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        factories.make_sme(session, "Neuland", email="Ada.Adler@neu_land.example")
    client = browse("broker")

    assert names(client.get("/smes", params={"q": "ada.adler@NEU_LAND"}).text) == ["Neuland"]
    assert names(client.get("/smes", params={"q": "adaxadler@"}).text) == []
    assert names(client.get("/smes", params={"q": "@neu%land"}).text) == []


def test_readiness_is_at_least_and_each_order_is_as_it_says(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        hub = Hub(city_code="rome", name="Officina")
        session.add(hub)
        session.flush()
        moment = now(session)
        factories.make_sme(session, "Alfa", city="rome", readiness=2, updated_at=moment - timedelta(days=2))
        factories.make_sme(
            session, "Beta", city="rome", readiness=5, updated_at=moment - timedelta(days=3), consents=()
        )
        factories.make_sme(session, "Gamma", city="rome", updated_at=moment - timedelta(days=1), hub_id=hub.id)
    admin = browse("admin")

    def ask(**query: str) -> list[str]:
        return names(admin.get("/smes", params={"city": "rome", **query}).text)

    assert ask() == ask(sort="name") == ask(sort="nonsense") == ["Alfa", "Beta", "Gamma"]
    assert ask(sort="changed") == ["Gamma", "Alfa", "Beta"]
    assert ask(sort="readiness") == ["Beta", "Alfa", "Gamma"]
    assert ask(sort="gaps") == ["Beta", "Alfa", "Gamma"]
    assert (ask(readiness="2"), ask(readiness="3")) == (["Alfa", "Beta"], ["Beta"])
    assert ask(hub=str(hub.id)) == ["Gamma"]
    assert ask(todo="consents") == ["Beta"]


def test_each_filter_has_a_chip_that_takes_only_it_away(browse: Browse, world: World) -> None:
    page = (
        browse("admin").get("/smes?q=game&sector=creative&language=en&status=published&todo=consent&city=berlin").text
    )

    found = chips(page)
    assert set(found) == {"“game”", "Creative", "Speaks English", "Lacks consent", "Berlin", "Published 0"}
    assert found["Creative"] == "/smes?city=berlin&q=game&status=published&language=en&todo=consent"
    assert found["Published 0"] == "?city=berlin&q=game&sector=creative&language=en&todo=consent"
    assert ">Take all away</a>" in page


def test_a_broker_cannot_look_into_another_city(browse: Browse, world: World) -> None:
    page = browse("broker").get("/smes", params={"city": "pilsen"}).text

    assert names(page) == ["Spielwerk"]
    assert "Pilsen" not in page


def test_htmx_is_told_the_address_that_is_shared(browse: Browse, world: World) -> None:
    client, asked = browse("broker"), "q=&sector=games&hub=&status=&language=&readiness=&todo=&sort=name"

    assert client.get(f"/smes?{asked}").headers["hx-push-url"] == "/smes?sector=games"
    assert client.get("/smes").headers["hx-push-url"] == "/smes"


def test_the_list_takes_three_statements_however_many_smes_there_are(
    browse: Browse, database: Database, queries_of: Callable[..., int]
) -> None:
    admin = browse("admin")
    clock = 1
    signed_in = queries_of(lambda: admin.get("/"))
    asked = {"": 3, "?q=firm&sector=games&sort=gaps&language=en": 3, "?todo=1": 3 + clock, "?todo=answer": 3 + clock}
    for number_of_smes in (1, 60):
        with database.write() as session:
            for number in range(number_of_smes):
                factories.make_sme(session, f"Firm {number} of {number_of_smes}", city="rome")

        taken = {query: queries_of(lambda query=query: admin.get(f"/smes{query}")) - signed_in for query in asked}
        assert taken == asked

    assert "Page 1 of 2" in admin.get("/smes").text
    assert "Page 2 of 2" in admin.get("/smes", params={"page": 2}).text


def test_all_of_a_page_are_ticked_without_javascript(browse: Browse, world: World) -> None:
    client = browse("broker")
    sme_id = world.smes["Spielwerk"].id

    plain = " ".join(client.get("/smes?q=game").text.split())
    ticked = " ".join(client.get("/smes?q=game&select=page").text.split())

    box = f'<input type="checkbox" name="ids" value="{sme_id}" aria-label="Choose Spielwerk"'
    assert f"{box}>" in plain
    assert f"{box} checked>" in ticked
    assert '<form method="post" action="/smes/bulk">' in plain
    assert re.findall(r'name="action" value="(\w+)"', plain) == ["ask", "publish", "renew", "pause", "resume"]
    assert 'href="?q=game&amp;page=1&amp;select=page">Tick all on this page</a>' in plain


def test_profiles_that_need_something_are_found_by_why(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        spielwerk = session.get_one(Sme, world.smes["Spielwerk"].id)
        spielwerk.expires_at = now(session) + timedelta(days=20)
        spielwerk.erasure_asked_at = now(session)
        factories.make_sme(session, "Gelesen", status=SmeStatus.REVIEWED)
        factories.make_sme(session, "Lesestoff", status=SmeStatus.IN_REVIEW)
        factories.make_sme(session, "Entwurf", status=SmeStatus.DRAFT, consents=(Purpose.MATCHING,))
        factories.make_sme(session, "Pause", status=SmeStatus.PAUSED, consents=())
    client = browse("broker")

    found = {
        reason: names(client.get("/smes", params={"todo": reason}).text)
        for reason in (*list(todo.LABELS)[1:], "nonsense")
    }
    assert found == {
        "erasure": ["Spielwerk"],
        "proposal": [],
        "sent_back": [],
        "finish": ["Entwurf"],
        "publish": ["Gelesen"],
        "review": ["Lesestoff"],
        "answer": ["Spielwerk"],
        "mail": [],
        "consents": ["Entwurf"],
        "expiring": ["Spielwerk"],
        "nonsense": ["Entwurf", "Gelesen", "Lesestoff", "Pause", "Spielwerk"],
    }

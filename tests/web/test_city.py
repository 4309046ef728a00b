"""The city's home as a page: where a broker lands."""

import re
from collections.abc import Callable

from fastapi.testclient import TestClient

from broker.db import Database
from broker.models import Sme, SmeStatus
from tests import factories
from tests.web.test_sme_list import names
from tests.web.world import World, say_yes

Browse = Callable[..., TestClient]


def test_each_task_leads_to_the_list_of_just_those(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        for number in range(6):
            factories.make_sme(session, f"Draft {number}", status=SmeStatus.DRAFT)
        session.get_one(Sme, world.smes["Spielwerk"].id).status = SmeStatus.IN_REVIEW
        say_yes(session, world, "Medilab Plzeň", "Spielwerk")
    client = browse("broker")

    page = " ".join(client.get("/city").text.split())

    links = dict.fromkeys(re.findall(r'<h3><a href="(/smes[^"]*)">', page))
    assert list(links) == ["/smes?todo=answer", "/smes?todo=finish", "/smes?todo=review"]
    assert names(client.get("/smes?todo=finish").text) == [f"Draft {number}" for number in range(6)]
    assert names(client.get("/smes?todo=answer").text) == names(client.get("/smes?todo=review").text) == ["Spielwerk"]
    assert '<a href="/smes?todo=finish">and 2 more</a>' in page
    assert '<a href="/introductions?state=watch">Introductions to watch</a>' in page
    assert re.search(
        r'<a href="/introductions\?state=watch#case-[\d-]+">Spielwerk</a> · A health company in Pilsen', page
    )
    assert "Medilab" not in page
    assert "closes in 30 days" in page
    assert f'<a href="/smes?event={world.event.id}">1 SME registered</a> · 0 answered' in page
    assert names(client.get(f"/smes?event={world.event.id}").text) == ["Spielwerk"]
    assert names(client.get(f"/smes?event={world.other_event.id}").text) == []


def test_an_administrator_sees_all_cities_or_one(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        factories.make_sme(session, "Römer", city="rome", status=SmeStatus.DRAFT)
    admin = browse("admin")

    assert "Today in all cities" in admin.get("/city").text
    rome, berlin = admin.get("/city?city=rome").text, admin.get("/city?city=berlin").text
    assert "Today in Rome" in rome
    assert 'href="/smes?city=rome&amp;todo=finish"' in rome
    assert "Römer" in rome
    assert "Römer" not in berlin
    assert "Today in all cities" in admin.get("/city?city=atlantis").text
    assert "Today in Berlin" in browse("broker").get("/city?city=rome").text


def test_a_city_says_when_all_is_done_and_when_nothing_has_begun(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        factories.make_sme(session, "Römer", city="rome")
    admin = browse("admin")

    done, empty = admin.get("/city?city=rome").text, admin.get("/city?city=linz").text
    assert "All is done" in done
    assert "Nothing needs you. 1 SME is in your care." in done
    assert "No SMEs yet" in empty
    assert "Import a spreadsheet" in empty


def test_the_home_takes_three_statements_however_much_is_to_do(
    browse: Browse, database: Database, world: World, queries_of: Callable[..., int]
) -> None:
    broker, clock = browse("broker"), 1
    signed_in = queries_of(lambda: broker.get("/"))
    for number in (9, 30):
        with database.write() as session:
            for _ in range(number):
                world.smes["Roman"] = factories.make_sme(session, f"Roman {_} of {number}", city="rome")
                factories.make_sme(session, f"Draft {_} of {number}", status=SmeStatus.DRAFT, consents=())
                say_yes(session, world, "Roman", "Spielwerk")
        assert queries_of(lambda: broker.get("/city")) == signed_in + clock + 3

"""The page where an SME asks for a fresh link."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.models import Contact, Email
from tests.web.test_account import newest_link
from tests.web.world import World

Browse = Callable[..., TestClient]


def address(database: Database, world: World) -> str:
    with database.read() as session:
        return session.exec(select(Contact.email).where(Contact.sme_id == world.smes["Spielwerk"].id)).one()


def test_a_fresh_link_arrives_and_opens_the_same_page(browse: Browse, world: World, database: Database) -> None:
    client = browse()
    client.post("/link", data={"email": address(database, world)})

    assert newest_link(database, "fresh_link") == world.links["Spielwerk"]
    assert client.get(world.links["Spielwerk"]).status_code == 200


def test_a_link_in_wrong_hands_ends_when_the_one_in_the_mail_is_used(
    browse: Browse, world: World, database: Database
) -> None:
    client, scanner = browse(), browse()
    client.post("/link", data={"email": address(database, world), "renews": "true"})
    link, old = newest_link(database, "fresh_link"), world.links["Spielwerk"]

    assert link.startswith("/link/")
    assert {scanner.get(link).status_code for _ in range(3)} == {200}
    assert client.get(old).status_code == 200
    new = client.post(link).headers["location"]
    assert (client.get(old).status_code, client.get(new).status_code) == (404, 200)
    assert newest_link(database, "fresh_link") == new
    assert (client.get(link).status_code, client.post(link).status_code) == (404, 404)


def test_known_and_unknown_addresses_get_the_same_answer(browse: Browse, world: World, database: Database) -> None:
    known, unknown = address(database, world), "nobody@else.example"
    answers = [browse().post("/link", data={"email": email}) for email in (known, unknown)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].text.replace(known, "") == answers[1].text.replace(unknown, "")
    assert "your city’s broker can help" in answers[1].text
    with database.read() as session:
        assert session.exec(select(Email.to_address).where(Email.kind == "fresh_link")).all() == [known]


def test_a_link_that_opens_nothing_leads_to_a_fresh_one(browse: Browse) -> None:
    client = browse()

    for path in ("/s/wrong", "/link/wrong"):
        answer = client.get(path)
        assert (answer.status_code, 'href="/link"' in answer.text) == (404, True), path
    assert 'href="/link"' not in client.get("/nowhere").text
    assert 'href="/link"' in client.get("/sign-in").text


def test_another_site_cannot_ask_for_links(browse: Browse, world: World, database: Database) -> None:
    fields = {"email": address(database, world)}

    assert browse().post("/link", data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    with database.read() as session:
        assert session.exec(select(Email).where(Email.kind == "fresh_link")).all() == []

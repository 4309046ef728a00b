"""The introductions page: the two-broker handshake, notes and who follows up."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.db import Database, now
from broker.models import CaseNote, Contact, Introduction, NoteKind
from tests import factories
from tests.web.world import World, say_yes

Browse = Callable[..., TestClient]


def flat(answer: str) -> str:
    """The page without the white space between its words."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.split("<main", 1)[1]).split())


def both_say_yes(session: Session, world: World) -> None:
    """Spielwerk and Medilab are introduced."""
    say_yes(session, world, "Medilab Plzeň", "Spielwerk")
    a_id, b_id = sorted((world.smes["Spielwerk"].id, world.smes["Medilab Plzeň"].id))
    session.add(Introduction(event_id=world.event.id, a_id=a_id, b_id=b_id, made_at=now(session)))
    session.flush()


@pytest.fixture
def path(database: Database, world: World) -> str:
    """Where the case of Spielwerk's yes to Medilab is acted on."""
    with database.write() as session:
        say_yes(session, world, "Spielwerk", "Medilab Plzeň")
    return f"/introductions/{world.event.id}/{world.smes['Spielwerk'].id}/{world.smes['Medilab Plzeň'].id}"


def test_the_names_of_the_other_city_are_told_when_both_said_yes(
    browse: Browse, database: Database, world: World, path: str
) -> None:
    own, other = browse("broker"), browse("other broker")

    page, theirs = flat(own.get("/introductions").text), flat(other.get("/introductions").text)
    assert "A health company Pilsen no answer yet" in page
    assert "Medilab" not in page + str(own.get("/city").text) + own.get("/smes").text
    assert "A games studio Berlin said yes" in theirs
    assert "for an answer of Medilab Plzeň" in theirs
    assert "Spielwerk" not in theirs
    for client in (own, other):
        page = client.get("/introductions").text
        assert "@network.example" not in page.split("<main", 1)[1]
        assert "@firm.example" not in page
    with database.write() as session:
        both_say_yes(session, world)
        address = session.exec(select(Contact.email).where(Contact.sme_id == world.smes["Medilab Plzeň"].id)).one()

    page, theirs = flat(own.get("/introductions").text), flat(other.get("/introductions").text)
    assert "Medilab Plzeň Person" in page
    assert address in page
    assert "Broker of Pilsen Other Broker other.broker@network.example" in page
    assert "Broker of Berlin Broker broker@network.example" in theirs
    assert "A health company" not in page
    assert "Medilab Plzeň" in own.get(f"/smes/{world.smes['Spielwerk'].id}").text


def test_a_note_is_read_by_both_brokers_and_by_nobody_else(
    browse: Browse, database: Database, world: World, path: str
) -> None:
    answer = browse("broker").post(f"{path}/notes?state=theirs", data={"text": "<b>Away</b> until Monday"})

    a_id, b_id = sorted((world.smes["Spielwerk"].id, world.smes["Medilab Plzeň"].id))
    case = f"case-{world.event.id}-{a_id}-{b_id}"
    assert answer.headers["location"] == f"/introductions?state=theirs#{case}"
    own = browse("broker").get("/introductions").text
    assert f'id="{case}"' in own
    assert "&lt;b&gt;Away&lt;/b&gt; until Monday" in own
    assert re.search(r"You, \d+ seconds? ago", flat(own))
    assert "The broker of Berlin" in flat(browse("other broker").get("/introductions").text)
    with database.write() as session:
        world.accounts["admin"] = factories.make_account(session, city="rome", email="rome@network.example")
        world.accounts["admin"].password_hash = world.accounts["broker"].password_hash
    assert "Away" not in browse("admin").get("/introductions").text


@pytest.mark.parametrize("text", ["", "x" * 2001, "a\x01b"])
def test_a_note_that_cannot_be_kept_comes_back_with_the_fault_beside_it(
    browse: Browse, database: Database, path: str, text: str
) -> None:
    answer = browse("broker").post(f"{path}/notes", data={"text": text})

    assert answer.status_code == 422
    assert "<title>Error: Introductions of Berlin" in answer.text
    [field] = re.findall(r'<a href="#(note-[\d-]+)">Note: ', answer.text)
    [shown] = re.findall(rf'<textarea id="{field}"[^>]* aria-invalid="true" autofocus>([^<]*)</textarea>', answer.text)
    assert shown == text
    with database.read() as session:
        assert session.exec(select(CaseNote)).all() == []


def test_a_broker_says_that_she_follows_up_and_takes_it_back(
    browse: Browse, database: Database, world: World, path: str
) -> None:
    with database.write() as session:
        both_say_yes(session, world)
    own, other = browse("broker"), browse("other broker")
    assert "Introductions to watch" in own.get("/city").text

    own.post(f"{path}/follow", data={"do": "follow"})
    own.post(f"{path}/follow", data={"do": "follow"})

    assert "I do not follow this up any more" in own.get("/introductions").text
    assert "followed up Broker, Berlin" in flat(other.get("/introductions").text)
    assert "Introductions to watch" not in own.get("/city").text
    assert "Introductions to watch" in other.get("/city").text
    with database.read() as session:
        assert [row.kind for row in session.exec(select(CaseNote))] == [NoteKind.FOLLOWS]
    own.post(f"{path}/follow", data={"do": "leave"})
    assert "I follow this up" in own.get("/introductions").text
    assert "Introductions to watch" in own.get("/city").text


def test_states_are_chips_and_each_has_an_empty_state(browse: Browse, world: World, path: str) -> None:
    client = browse("broker")

    page = client.get("/introductions").text
    assert 'href="?state=theirs">Waiting for the other side 1</a>' in page
    assert "A health company" in flat(client.get("/introductions?state=theirs").text)
    assert "None of these" in client.get("/introductions?state=introduced").text
    assert "A health company" in flat(client.get("/introductions?state=nonsense&city=rome&page=7").text)
    assert "Introductions of Pilsen" in browse("admin").get("/introductions?city=pilsen").text
    assert "Medilab Plzeň" in browse("admin").get("/introductions").text


def test_before_the_first_yes_the_page_says_what_comes(browse: Browse, world: World) -> None:
    assert "Nobody has said yes yet" in browse("broker").get("/introductions").text
    assert "No ring yet" in browse("broker").get("/introductions/rings").text


@pytest.mark.parametrize("page", ["/introductions", "/introductions?state=watch", "/introductions/rings"])
def test_the_pages_take_three_statements_however_many_cases(
    browse: Browse, database: Database, world: World, path: str, queries_of: Callable[..., int], page: str
) -> None:
    broker, clock = browse("broker"), 1
    signed_in = queries_of(lambda: broker.get("/"))
    for number in (0, 30):
        with database.write() as session:
            for name in (f"Roman {place}" for place in range(number)):
                world.smes[name] = factories.make_sme(session, name, city="rome")
                say_yes(session, world, name, "Spielwerk")

        assert queries_of(lambda: broker.get(page)) - signed_in - clock <= 3

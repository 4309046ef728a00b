"""An SME's page: its shortlist, its answers, and contacts once both said yes."""

from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database, now
from broker.models import Answer, AuditEntry, Email, Event, Interest, Introduction, Match, ShortlistEntry
from tests.web.world import World

Browse = Callable[..., TestClient]


def test_the_page_quotes_the_reasons_in_both_directions_and_says_what_is_missing(browse: Browse, world: World) -> None:
    page = browse().get(world.links["Spielwerk"]).text

    assert "Two partners for you in Berlin" in page
    assert "<q>a clinical partner to test our rehabilitation game with patients</q>" in page
    assert "<q>dvě kliniky a pacienty pro pilotní ověření terapeutických her</q>" in page
    assert "You write of quite different things" in page
    assert "English is the only working language you share." in page
    assert page.count(">Interested</button>") == 2


def test_partners_both_had_are_not_told_as_that_would_give_away_whom_others_know(
    browse: Browse, world: World, database: Database
) -> None:
    before = browse().get(world.links["Spielwerk"]).text
    with database.write() as session:
        for match in session.exec(select(Match)):
            match.criteria = {"history": 0.4}
            match.evidence = match.evidence | {"shares": {"history": 0.1}}

    assert browse().get(world.links["Spielwerk"]).text == before


def test_contacts_are_shown_only_after_both_said_yes(browse: Browse, world: World, database: Database) -> None:
    medilab, spielwerk = world.smes["Medilab Plzeň"], world.smes["Spielwerk"]
    client = browse()

    _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    for name in ("Spielwerk", "Medilab Plzeň"):
        assert "@firm.example" not in client.get(world.links[name]).text
    _answer(client, world, "Medilab Plzeň", "Spielwerk", "interested")

    own, other = client.get(world.links["Spielwerk"]).text, client.get(world.links["Medilab Plzeň"]).text
    addresses = _addresses(database)
    assert addresses[medilab.id] in own
    assert addresses[spielwerk.id] not in own
    assert addresses[spielwerk.id] in other
    assert "You both said yes" in own
    with database.read() as session:
        assert len(session.exec(select(Introduction)).all()) == 1
        assert len(session.exec(select(Email).where(Email.kind == "introduction")).all()) == 2


def test_an_answer_can_be_changed_until_the_deadline_and_is_shown(
    browse: Browse, world: World, database: Database
) -> None:
    client = browse()

    first = _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    assert first.headers["location"] == f"{world.links['Spielwerk']}#partner-{world.smes['Medilab Plzeň'].id}"
    assert "You would like to meet Medilab Plzeň." in client.get(world.links["Spielwerk"]).text
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "not_now")
    page = client.get(world.links["Spielwerk"]).text
    assert "You said: not now. Medilab Plzeň is not told." in page
    assert page.count('aria-pressed="true"') == 1
    with database.read() as session:
        assert [row.answer for row in session.exec(select(Interest))] == [Answer.NOT_NOW]

    _close(database, world)
    late = _answer(client, world, "Spielwerk", "Medilab Plzeň", "never")
    assert (late.status_code, "are closed" in late.text) == (409, True)
    page = client.get(world.links["Spielwerk"]).text
    assert "<button" not in page
    assert "Answers closed" in page


def test_opening_the_page_a_hundred_times_changes_nothing(browse: Browse, world: World, database: Database) -> None:
    """Mail scanners open links, again and again, and look with HEAD first."""
    client = browse()
    before = _counts(database)

    for _ in range(50):
        assert client.get(world.links["Spielwerk"]).status_code == 200
        looked = client.head(world.links["Spielwerk"])
        assert (looked.status_code, looked.text) == (200, "")
    address = f"{world.links['Spielwerk']}/answers/{world.smes['Medilab Plzeň'].id}"
    assert client.get(address, params={"answer": "never"}).status_code == 405

    assert _counts(database) == before


def test_a_link_that_is_wrong_or_whose_event_is_over_gets_a_friendly_page(
    browse: Browse, world: World, database: Database
) -> None:
    client = browse()
    link = world.links["Spielwerk"]
    flipped = link[:-1] + ("A" if link[-1] != "A" else "B")

    for wrong in (flipped, "/s/x", link + "x", link + "%C3%A9", "/s/%F0%9F%92%A5"):
        answer = client.get(wrong)
        assert (answer.status_code, "This link does not work any more" in answer.text) == (404, True), wrong
    with database.write() as session:
        event = session.get_one(Event, world.event.id)
        event.starts_at = event.answers_until = now(session) - timedelta(days=3)
        event.ends_at = now(session) - timedelta(days=1)
        session.add(event)
    assert client.get(link).status_code == 404


def test_nobody_outside_the_own_shortlist_can_be_answered(browse: Browse, world: World) -> None:
    client = browse()

    assert _answer(client, world, "Spielwerk", "Solar Łódka", "interested").status_code == 404
    assert _answer(client, world, "Spielwerk", "Spielwerk", "interested").status_code == 404
    assert _answer(client, world, "Spielwerk", "Medilab Plzeň", "perhaps").status_code == 422


def test_before_approval_the_page_says_that_there_is_nothing_to_do_yet(browse: Browse, world: World) -> None:
    page = browse().get(world.links["Solar Łódka"]).text

    assert "Your shortlist is not ready yet" in page


def _answer(client: TestClient, world: World, own: str, partner: str, answer: str):  # type: ignore[no-untyped-def]
    return client.post(f"{world.links[own]}/answers/{world.smes[partner].id}", data={"answer": answer})


def _addresses(database: Database) -> dict[int, str]:
    from broker.models import Contact

    with database.read() as session:
        return {row.sme_id: row.email for row in session.exec(select(Contact))}


def _close(database: Database, world: World) -> None:
    with database.write() as session:
        event = session.get_one(Event, world.event.id)
        event.answers_until = now(session) - timedelta(minutes=1)
        session.add(event)


def _counts(database: Database) -> list[int]:
    with database.read() as session:
        return [len(session.exec(select(table)).all()) for table in (Interest, Introduction, Email, AuditEntry)]


def test_a_sentence_of_a_description_is_not_called_an_offer(browse: Browse, world: World, database: Database) -> None:
    with database.write() as session:
        match = session.exec(
            select(Match).where(Match.a_id == world.smes["Spielwerk"].id).order_by(col(Match.id))
        ).first()
        assert match is not None
        match.evidence = match.evidence | {"a_to_b": match.evidence["a_to_b"] | {"source": "description"}}
    page = browse().get(world.links["Spielwerk"]).text
    assert "They write" in page
    assert "They offer" not in page
    assert "You offer" in page


def test_once_introduced_the_page_no_longer_says_if(browse: Browse, world: World) -> None:
    client = browse()
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    assert "If they say yes too" in client.get(world.links["Spielwerk"]).text
    _answer(client, world, "Medilab Plzeň", "Spielwerk", "interested")
    page = client.get(world.links["Spielwerk"]).text
    assert "You both said yes" in page
    assert "If they say yes too" not in page


def test_an_introduced_partner_stays_with_its_contact_when_a_new_list_leaves_it_out(
    browse: Browse, world: World, database: Database
) -> None:
    client, medilab = browse(), world.smes["Medilab Plzeň"]
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    _answer(client, world, "Medilab Plzeň", "Spielwerk", "interested")
    with database.write() as session:
        for entry in session.exec(select(ShortlistEntry).where(ShortlistEntry.partner_id == medilab.id)):
            session.delete(entry)
    page = client.get(world.links["Spielwerk"]).text
    assert "introduced from an earlier shortlist" in page
    assert _addresses(database)[medilab.id] in page


def test_both_brokers_see_an_introduction_by_name_once_both_said_yes(browse: Browse, world: World) -> None:
    client = browse()
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    assert "Medilab" not in browse("broker").get("/introductions").text
    assert "Spielwerk" not in browse("other broker").get("/introductions").text
    _answer(client, world, "Medilab Plzeň", "Spielwerk", "interested")
    for broker in ("broker", "other broker"):
        page = browse(broker).get("/introductions").text
        assert "Spielwerk" in page
        assert "Medilab Plzeň" in page

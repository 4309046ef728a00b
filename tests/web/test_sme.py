"""An SME's page: its shortlist, its answers, and contacts once both said yes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database, now
from broker.domain import erasure
from broker.models import (
    Answer,
    Email,
    EmailStatus,
    Event,
    Interest,
    Introduction,
    Match,
    Shortlist,
    ShortlistEntry,
    Sme,
    SmeStatus,
)
from tests.web.test_mail_links import everything
from tests.web.world import World, propose

Browse = Callable[..., TestClient]


def test_the_page_quotes_the_reasons_in_both_directions_and_says_what_is_missing(browse: Browse, world: World) -> None:
    page = browse().get(world.links["Spielwerk"]).text

    assert "2 partners for you in Berlin" in page
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
    assert "You said: not now. Medilab Plzeň was not told." in page
    assert "You did not answer about Nordljus Film, and they were not told." in page


@pytest.mark.parametrize("part", ["", "/profile", "/data", "/data.json"])
def test_a_hundred_looks_at_a_page_change_no_row(browse: Browse, world: World, database: Database, part: str) -> None:
    """Mail scanners open links, again and again, and look with HEAD first."""
    client = browse()
    with database.write() as session:
        propose(session, world)
    with database.read() as session:
        before = everything(session)

    for _ in range(50):
        assert client.get(world.links["Spielwerk"] + part).status_code == 200
        looked = client.head(world.links["Spielwerk"] + part)
        assert (looked.status_code, looked.text) == (200, "")

    with database.read() as session:
        assert everything(session) == before


@pytest.mark.parametrize("act", ["answers/{partner}", "profile/withdraw", "pause", "resume", "erasure", "erasure/undo"])
def test_what_changes_something_is_no_page(browse: Browse, world: World, database: Database, act: str) -> None:
    client, address = browse(), f"{world.links['Spielwerk']}/{act}"
    with database.write() as session:
        propose(session, world)
    with database.read() as session:
        before = everything(session)

    address = address.format(partner=world.smes["Medilab Plzeň"].id)
    for method in ("GET", "HEAD"):
        assert client.request(method, address, params={"answer": "never"}).status_code == 405

    with database.read() as session:
        assert everything(session) == before


def test_a_link_that_is_wrong_or_whose_event_is_over_gets_a_friendly_page(
    browse: Browse, world: World, database: Database
) -> None:
    client = browse()
    link = world.links["Spielwerk"]
    flipped = link[:-1] + ("A" if link[-1] != "A" else "B")

    for wrong in (flipped, "/s/x", link + "x", link + "%C3%A9", "/s/%F0%9F%92%A5"):
        answer = client.get(wrong)
        assert (answer.status_code, "This link does not work any more" in answer.text) == (404, True), wrong
        assert 'href="/link"' in answer.text
        assert "<h1>This link opens nothing</h1>" in answer.text
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
    assert "You can still change your answer" not in page
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


def test_the_page_says_when_where_until_when_and_whom_to_ask(browse: Browse, world: World) -> None:
    page = browse().get(world.links["Spielwerk"]).text

    assert "(Berlin time)" in page
    assert "Festsaal" in page
    assert "in 30 days" in page
    assert 'href="mailto:broker@network.example"' in page
    assert "0 of 2 answered" in page


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ("17:30", "Wed 24 March 2027, 09:30–17:30 (Berlin time)"),
        ("25", "09:30 – Thu 25 March 2027, 17:30 (Berlin time)"),
    ],
)
def test_the_page_says_until_when_and_at_which_address(
    browse: Browse, world: World, database: Database, ends: str, told: str
) -> None:
    with database.write() as session:
        event = session.get_one(Event, world.event.id)
        event.starts_at = datetime(2027, 3, 24, 8, 30, tzinfo=UTC)
        event.ends_at = datetime(2027, 3, 25 if ends == "25" else 24, 16, 30, tzinfo=UTC)
        event.venue, event.address = "Festsaal", "Uferweg 12, 10999 Berlin"

    page = browse().get(world.links["Spielwerk"]).text

    assert told in page
    assert "<dd>Festsaal<br>Uferweg 12, 10999 Berlin</dd>" in page


def test_a_reason_is_read_by_the_broker_and_the_organiser_and_never_by_the_partner(
    browse: Browse, world: World, database: Database
) -> None:
    spielwerk, medilab = world.smes["Spielwerk"], world.smes["Medilab Plzeň"]
    client, address = browse(), f"{world.links['Spielwerk']}/answers/{medilab.id}"
    client.post(address, data={"answer": "never"})
    assert (
        "Your broker and the organiser read it. Medilab Plzeň never does." in client.get(world.links["Spielwerk"]).text
    )

    client.post(address, data={"answer": "never", "reason": "They are <b>rivals</b> of ours."})

    reason = "They are &lt;b&gt;rivals&lt;/b&gt; of ours."
    assert reason in client.get(world.links["Spielwerk"]).text
    assert reason in browse("broker").get(f"/smes/{spielwerk.id}").text
    for own in (spielwerk, medilab):
        page = browse("organiser").get(f"/events/{world.event.id}/shortlists/{own.id}").text
        assert (reason in page, "Spielwerk says: " in page) == (True, True)
    export = browse("organiser").post(f"/events/{world.event.id}/export", data={"what": "answers", "form": "csv"})
    assert "They are <b>rivals</b> of ours." in export.text
    for page in ("", "/profile", "/data", "/data.json"):
        assert "rivals" not in client.get(world.links["Medilab Plzeň"] + page).text
    assert "rivals" not in browse("other broker").get(f"/smes/{medilab.id}").text


def test_a_reason_that_is_too_long_is_told_and_nothing_is_kept(
    browse: Browse, world: World, database: Database
) -> None:
    address = f"{world.links['Spielwerk']}/answers/{world.smes['Medilab Plzeň'].id}"
    for length in (301, 2001):
        answer = browse().post(address, data={"answer": "never", "reason": "x" * length})
        assert (answer.status_code, "at most" in answer.text) == (422, True)
    with database.read() as session:
        assert session.exec(select(Interest)).all() == []


def test_htmx_gets_the_card_alone_with_the_progress_beside_it(browse: Browse, world: World) -> None:
    medilab, nordljus = world.smes["Medilab Plzeň"], world.smes["Nordljus Film"]
    address = f"{world.links['Spielwerk']}/answers/{medilab.id}"

    answer = browse().post(address, data={"answer": "not_now"}, headers={"hx-request": "true"})

    assert answer.status_code == 200
    assert answer.text.count("<article") == 1
    assert f'id="partner-{medilab.id}"' in answer.text
    assert "<html" not in answer.text
    assert "1 of 2 answered" in answer.text
    assert f'href="#partner-{nordljus.id}"' in answer.text
    assert "You said: not now. Medilab Plzeň is not told.</p>" in answer.text


def test_htmx_loads_the_page_anew_once_answers_are_closed(browse: Browse, world: World, database: Database) -> None:
    _close(database, world)
    address = f"{world.links['Spielwerk']}/answers/{world.smes['Medilab Plzeň'].id}"

    answer = browse().post(address, data={"answer": "not_now"}, headers={"hx-request": "true"})

    assert (answer.status_code, answer.headers["hx-refresh"], answer.text) == (200, "true", "")
    with database.read() as session:
        assert session.exec(select(Interest)).all() == []


def test_when_all_is_answered_it_says_so_and_leads_nowhere(browse: Browse, world: World) -> None:
    client = browse()
    for partner in ("Medilab Plzeň", "Nordljus Film"):
        _answer(client, world, "Spielwerk", partner, "not_now")
    page = client.get(world.links["Spielwerk"]).text
    assert "All 2 answered. Thank you." in page
    assert "Next unanswered" not in page


def test_what_happens_to_an_introduction_is_said_before_the_answer_is_changed(browse: Browse, world: World) -> None:
    client = browse()
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    _answer(client, world, "Medilab Plzeň", "Spielwerk", "interested")
    assert "that cannot be taken back" in client.get(world.links["Spielwerk"]).text

    _answer(client, world, "Spielwerk", "Medilab Plzeň", "never")

    page = client.get(world.links["Spielwerk"]).text
    assert "You both said yes" in page
    assert "You said: never." in page


def test_partners_that_left_are_told_kindly(browse: Browse, world: World, database: Database) -> None:
    client = browse()
    _pause(database, world)
    page = client.get(world.links["Spielwerk"]).text
    assert "Medilab Plzeň does not take part at the moment, so there is nothing to answer." in page
    assert "0 of 1 answered" in page
    assert _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested").status_code == 409

    with database.write() as session:
        session.get_one(Sme, world.smes["Medilab Plzeň"].id).status = SmeStatus.PUBLISHED
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "interested")
    _pause(database, world)
    assert "Your answer is kept in case they come back." in client.get(world.links["Spielwerk"]).text
    with database.write() as session:
        session.get_one(Sme, world.smes["Medilab Plzeň"].id).status = SmeStatus.PUBLISHED
    _answer(client, world, "Medilab Plzeň", "Spielwerk", "interested")
    _pause(database, world)
    page = client.get(world.links["Spielwerk"]).text
    assert "You can still write to each other." in page
    assert "You can still change your answer" not in page

    with database.write() as session:
        erasure.erase(session, "ann", world.smes["Medilab Plzeň"].id)
    page = client.get(world.links["Spielwerk"]).text
    assert "One firm that was on your list has left the network" in page
    assert "Medilab" not in page


def test_the_partners_of_a_second_list_that_are_new_bear_a_sign_until_they_are_answered(
    browse: Browse, world: World, database: Database
) -> None:
    client, page = browse(), world.links["Spielwerk"]
    assert "New on your list" not in client.get(page).text
    with database.write() as session:
        own = session.exec(select(Shortlist).where(Shortlist.sme_id == world.smes["Spielwerk"].id)).one()
        moment = now(session)
        times = {"created_at": moment, "next_at": moment, "deadline": moment}
        key = f"shortlist:{own.event_id}:{own.sme_id}:{own.run_id + 1}"
        names = {"to_address": "a@b.example", "subject": "s", "message_id": "<m>", "kind": "shortlist", "message": b""}
        told = {"event_id": own.event_id, "sme_id": own.sme_id, "status": EmailStatus.SENT}
        session.add(Email(key=key, **names, **told, **times))
    assert client.get(page).text.count("New on your list") == 2
    _answer(client, world, "Spielwerk", "Medilab Plzeň", "not_now")
    assert client.get(page).text.count("New on your list") == 1


def _pause(database: Database, world: World) -> None:
    with database.write() as session:
        session.get_one(Sme, world.smes["Medilab Plzeň"].id).status = SmeStatus.PAUSED


def test_the_page_takes_as_many_statements_for_eight_partners_as_for_one(
    browse: Browse, world: World, database: Database, queries_of: Callable[[Callable[[], object]], int]
) -> None:
    client = browse()
    few = queries_of(lambda: client.get(world.links["Medilab Plzeň"]))
    with database.write() as session:
        own = session.exec(select(Shortlist).where(Shortlist.sme_id == world.smes["Medilab Plzeň"].id)).one()
        for entry in session.exec(select(ShortlistEntry).where(ShortlistEntry.shortlist_id == own.id)).all()[1:]:
            session.delete(entry)
    assert queries_of(lambda: client.get(world.links["Medilab Plzeň"])) == few
    assert few <= 20


@pytest.mark.parametrize("part", ["", "/profile", "/data"])
def test_the_secret_stands_in_addresses_only_and_goes_nowhere_else(browse: Browse, world: World, part: str) -> None:
    answer = browse().get(world.links["Spielwerk"] + part)

    secret = world.links["Spielwerk"].removeprefix("/s/")
    assert secret not in re.sub(r"<[^>]*>", "", answer.text)
    assert secret in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    foreign = re.findall(r'(?:src|<link[^>]*href)="(?!/static/|/s/)([^"]+)"', answer.text)
    assert foreign == []

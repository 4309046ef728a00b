"""An SME proposes a change of its profile by its link, and its broker answers it on the SME's page."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import languages, profiles
from broker.domain.profiles import ProfileData
from broker.models import AuditEntry, Email, Proposal, ProposalStatus, Sme
from tests.web.forms import fields_of
from tests.web.world import World, propose

Browse = Callable[..., TestClient]
TYPED = {
    "description": "Spielwerk makes things people like to use.",
    "needs": "a hospital in Łódź\r\n\r\n  a publisher ",
    "offers": "game design for exercise and therapy",
    "languages": "German, English",
    "markets": "Czechia, Austria, Poland",
    "website": "https://spielwerk.example",
}


def page_of(world: World) -> str:
    return world.links["Spielwerk"] + "/profile"


def held(database: Database, world: World) -> ProfileData:
    with database.read() as session:
        return profiles.read(session, session.get_one(Sme, world.smes["Spielwerk"].id))


def only_proposal(session: Session) -> Proposal:
    return session.exec(select(Proposal)).one()


def broker_answers(client: TestClient, world: World, act: str, **fields: object):  # type: ignore[no-untyped-def]
    address = f"/smes/{world.smes['Spielwerk'].id}/proposals/{world.proposal.id}/{act}"
    return client.post(address, data=fields)


def test_the_page_shows_the_profile_as_others_see_it_and_the_form_filled(browse: Browse, world: World) -> None:
    page = browse().get(page_of(world)).text

    seen = page[: page.index("Propose a change")]
    assert "game design for exercise and therapy" in seen
    assert "Betahaus Werkstatt" in seen
    assert "German, English" in seen
    assert "spielwerk.example" not in seen
    assert "https://spielwerk.example" in page
    assert "Broker reads it and takes it over." in page


def test_a_text_that_is_no_list_of_languages_or_countries_is_refused_unread(
    browse: Browse, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr(languages, "_language", lambda part: read.append(len(part)))
    monkeypatch.setattr(languages, "_market", lambda part: read.append(len(part)))
    long = {"languages": "x y " * 300, "markets": "English, " * 90_000}

    answer = browse().post(page_of(world), data=TYPED | long)
    assert answer.status_code == 422
    assert answer.text.count("together at most 1,000 characters") >= 2
    client, address = browse("broker"), f"/smes/{world.smes['Spielwerk'].id}/edit/abroad"
    section = client.post(address, data=fields_of(client.get(address).text) | long)
    assert section.status_code == 422
    assert section.text.count("together at most 1,000 characters") >= 2
    assert read == []


def test_a_proposal_changes_nothing_is_shown_and_can_be_taken_back(
    browse: Browse, world: World, database: Database
) -> None:
    client, before = browse(), held(database, world)

    answer = client.post(page_of(world), data=TYPED)

    assert (answer.status_code, answer.headers["location"]) == (303, page_of(world))
    page = client.get(page_of(world)).text
    assert "Your broker has your proposal." in page
    assert "a hospital in Łódź\na publisher" in page
    assert "Send to my broker" not in page
    assert held(database, world) == before
    with database.read() as session:
        proposal = only_proposal(session)
        assert proposal.after == {"needs": ["a hospital in Łódź", "a publisher"], "markets": ["CZ", "AT", "PL"]}
    assert client.post(page_of(world), data=TYPED | {"website": "x.example"}).status_code == 409

    client.post(page_of(world) + "/withdraw")

    assert "Send to my broker" in client.get(page_of(world)).text
    assert client.post(page_of(world) + "/withdraw").status_code == 404
    with database.read() as session:
        assert only_proposal(session).status is ProposalStatus.WITHDRAWN


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"languages": "German, Klingon"}, 'href="#languages">Working languages: “Klingon” is not a language'),
        ({"markets": "Atlantis"}, 'href="#markets">Target markets: “Atlantis” is not a country'),
        ({"website": "no address"}, 'href="#website">Website: a web address such as'),
        ({"needs": "fine\n" + "x" * 1001}, 'href="#needs">What you look for: Line 2:'),
        ({}, "Nothing is different"),
    ],
)
def test_what_cannot_be_read_comes_back_with_what_was_typed(
    browse: Browse, world: World, database: Database, typed: dict[str, str], told: str
) -> None:
    same = {
        "needs": "a clinical partner to test our rehabilitation game with patients",
        "markets": "Czechia, Austria",
    }
    answer = browse().post(page_of(world), data=TYPED | same | typed)

    assert answer.status_code == 422
    assert told in answer.text
    assert "autofocus" in answer.text
    assert "<title>Error:" in answer.text
    assert all(text in answer.text for text in typed.values())
    with database.read() as session:
        assert session.exec(select(Proposal)).all() == []


def test_the_broker_sees_both_sides_and_takes_over_what_is_ticked(
    browse: Browse, world: World, database: Database
) -> None:
    with database.write() as session:
        propose(session, world, website="https://new.example", markets=["PL"])
    broker = browse("broker")
    page = broker.get(f"/smes/{world.smes['Spielwerk'].id}").text
    card = page[page.index("Spielwerk proposes a change") :]
    for text in ("https://spielwerk.example", "https://new.example", "Czechia, Austria", "Poland"):
        assert text in card
    with database.read() as session:
        version = session.get_one(Sme, world.smes["Spielwerk"].id).version

    answer = broker_answers(broker, world, "accept", fields="markets", version=version, note="Thank you.")

    assert answer.status_code == 303
    after = held(database, world)
    assert (after.markets, after.website) == (["PL"], "https://spielwerk.example")
    with database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "proposal.accepted")).one()
        assert (entry.actor, entry.detail) == (
            f"Broker (account {world.accounts['broker'].id})",
            {"fields": ["markets"]},
        )
    own = browse().get(page_of(world)).text
    assert "Your broker accepted some of your last proposal" in own
    assert "Thank you." in own
    assert "proposes a change" not in broker.get(f"/smes/{world.smes['Spielwerk'].id}").text


def test_a_note_with_a_decline_is_read_on_the_smes_page_and_no_mail_is_written(
    browse: Browse, world: World, database: Database
) -> None:
    with database.write() as session:
        propose(session, world)
        mails = len(session.exec(select(Email)).all())

    broker_answers(browse("broker"), world, "decline", note="Which <hospital>?")

    own = browse().get(page_of(world)).text
    assert "Your broker declined your last proposal" in own
    assert "Which &lt;hospital&gt;?" in own
    with database.read() as session:
        assert len(session.exec(select(Email)).all()) == mails


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": 1}, "Tick what you take over."),
        ({"version": 99, "fields": "markets"}, "The profile changed while you compared it."),
        ({"version": "x" * 30, "fields": "markets"}, "The profile changed while you compared it."),
    ],
)
def test_an_answer_that_cannot_be_carried_out_changes_nothing(
    browse: Browse, world: World, database: Database, fields: dict[str, object], told: str
) -> None:
    with database.write() as session:
        propose(session, world)
    broker, before = browse("broker"), held(database, world)

    answer = broker_answers(broker, world, "accept", **fields)

    assert answer.headers["location"].endswith("#proposal")
    assert told in broker.get(f"/smes/{world.smes['Spielwerk'].id}").text
    assert held(database, world) == before
    with database.read() as session:
        assert only_proposal(session).status is ProposalStatus.OPEN


def test_a_proposal_of_another_sme_is_none_of_this_one(browse: Browse, world: World, database: Database) -> None:
    with database.write() as session:
        propose(session, world)
    admin, other = browse("admin"), world.smes["Medilab Plzeň"].id
    for act in ("accept", "decline"):
        assert admin.post(f"/smes/{other}/proposals/{world.proposal.id}/{act}").status_code == 404
        assert broker_answers(browse("other broker"), world, act).status_code == 404

"""Editing a profile section by section."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database, now
from broker.domain import profiles
from broker.models import Consent, ReadinessCheck, Sme, SmeStatus
from tests.web.forms import fields_of
from tests.web.world import World

Browse = Callable[..., TestClient]


def address(world: World, section: str) -> str:
    return f"/smes/{world.smes['Spielwerk'].id}/edit/{section}"


def save(client: TestClient, world: World, section: str, **changes: Any) -> Any:
    """Open the form, change some of it and send it."""
    fields = fields_of(client.get(address(world, section)).text) | changes
    return client.post(address(world, section), data={name: value for name, value in fields.items() if value != "-"})


def stored(database: Database, world: World) -> Any:
    with database.read() as session:
        return profiles.read(session, session.get_one(Sme, world.smes["Spielwerk"].id))


def test_each_section_is_saved_by_itself_half_filled_or_not(browse: Browse, database: Database, world: World) -> None:
    client, page = browse("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    before = stored(database, world)

    answers = [
        save(client, world, "firm", description="Wir bauen Spiele.\r\nFür Pflegekräfte.", hub="", website="firm.eu"),
        save(client, world, "sector", sector_code="health"),
        save(client, world, "needs", text=["ein Krankenhaus in Pilsen", "", "  einen   Verlag, der Spiele druckt "]),
        save(client, world, "abroad", languages="Deutsch, English, čeština", markets="Germany; Österreich"),
        save(client, world, "contact", phone="+49 30 123456"),
    ]

    assert [answer.headers["location"] for answer in answers if answer.status_code == 303] == [page] * 5
    after = stored(database, world)
    assert after == before.model_copy(
        update={
            "description": "Wir bauen Spiele.\nFür Pflegekräfte.",
            "hub": "",
            "website": "https://firm.eu",
            "sector_code": "health",
            "needs": ["ein Krankenhaus in Pilsen", "einen Verlag, der Spiele druckt"],
            "languages": ["de", "en", "cs"],
            "markets": ["DE", "AT"],
            "phone": "+49 30 123456",
        }
    )


def test_saving_a_section_that_is_the_same_writes_nothing(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    for section in ("firm", "sector", "offers", "needs", "abroad", "contact", "consents", "readiness"):
        assert save(client, world, section).status_code == 303
    with database.read() as session:
        assert session.get_one(Sme, world.smes["Spielwerk"].id).version == 1


@pytest.mark.parametrize(
    ("section", "change", "anchor", "told"),
    [
        ("firm", {"name": ""}, "f-name", "Name: this cannot be empty"),
        ("firm", {"website": "javascript:alert(1)"}, "f-website", "Website: a web address such as https://firm.eu"),
        ("abroad", {"languages": "Klingon"}, "f-languages", "is not a language we know"),
        ("abroad", {"markets": "Atlantis"}, "f-markets", "is not a country we know"),
        ("contact", {"email": "nobody"}, "f-email", "E-mail: one e-mail address such as name@firm.eu"),
        ("sector", {"sector_code": "alchemy"}, "f-sector_code", "is none of our sectors"),
        ("offers", {"text": ["a good offer", "", "x" * 1001]}, "text-1", "Offer 2: at most 1000 characters"),
        ("readiness", {"override": "4"}, "f-reason", "Say why you judge it differently from the answers."),
    ],
)
def test_what_cannot_be_saved_comes_back_with_a_summary_that_leads_to_the_field(
    browse: Browse, world: World, section: str, change: dict[str, Any], anchor: str, told: str
) -> None:
    client = browse("broker")

    answer = save(client, world, section, **change)

    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    summary = answer.text.split('id="summary"')[1].split("</div>")[0]
    assert f'href="#{anchor}"' in summary
    assert told in summary
    assert f'id="{anchor}"' in answer.text
    assert told in answer.text.split(f'id="{anchor}-error">')[1].split("</span>")[0]
    kept = {name: value for name, value in change.items() if name not in ("text", "sector_code")}
    assert {name: fields_of(answer.text)[name] for name in kept} == kept


def test_statements_are_added_moved_and_removed_without_being_saved(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    before = stored(database, world)

    def press(button: str, *texts: str) -> list[str]:
        answer = client.post(address(world, "offers"), data={"text": list(texts), "do": button})
        assert answer.status_code == 200
        found: list[str] = fields_of(answer.text)["text"]
        return found

    assert press("add", "one", "two") == ["one", "two", ""]
    assert press("down-0", "one", "two", "three") == ["two", "one", "three"]
    assert press("up-2", "one", "two", "three") == ["one", "three", "two"]
    assert press("remove-1", "one", "two", "three") == ["one", "three"]
    for nothing in ("up-0", "down-1", "remove-7", "remove--1", "up-²", "shout"):
        assert press(nothing, "one", "two") == ["one", "two"]
    assert stored(database, world) == before


def test_what_is_vague_is_told_beside_the_statement_that_was_just_saved(browse: Browse, world: World) -> None:
    client = browse("broker")

    answer = save(client, world, "offers", text=["innovative solutions", "game design for nurses in training"])

    assert answer.headers["location"] == address(world, "offers")
    page = client.get(address(world, "offers")).text
    assert "Saved. Below one statement could be clearer" in page
    assert "“innovative solutions” fits every firm. <b>For whom? Doing what?</b>" in page.split('id="lint-0"')[1]
    assert "<li>" not in page.split('id="lint-1"')[1].split("</ul>")[0]


def test_fields_that_only_one_of_two_touched_are_merged_without_a_word(
    browse: Browse, database: Database, world: World
) -> None:
    first, second = browse("broker"), browse("admin")
    mine, theirs = (fields_of(client.get(address(world, "firm")).text) for client in (first, second))

    assert first.post(address(world, "firm"), data=mine | {"description": "What the first wrote."}).status_code == 303
    assert second.post(address(world, "firm"), data=theirs | {"hub": "The second's hub"}).status_code == 303

    found = stored(database, world)
    assert (found.description, found.hub) == ("What the first wrote.", "The second's hub")


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        ("theirs", ["what the first of us offers"]),
        ("mine", ["what the second of us offers"]),
        ("both", ["what the first of us offers", "what the second of us offers"]),
    ],
)
def test_of_two_brokers_the_second_chooses_field_by_field_and_nothing_is_lost(
    browse: Browse, database: Database, world: World, choice: str, kept: list[str]
) -> None:
    first, second = browse("broker"), browse("admin")
    mine, theirs = (fields_of(client.get(address(world, "offers")).text) for client in (first, second))
    first.post(address(world, "offers"), data=mine | {"text": ["what the first of us offers"]})

    answer = second.post(address(world, "offers"), data=theirs | {"text": ["what the second of us offers"]})

    assert answer.status_code == 409
    assert "Somebody else saved this meanwhile" in answer.text
    compared = answer.text.split('class="compare"')[1]
    assert "what the first of us offers" in compared
    assert "what the second of us offers" in compared
    assert stored(database, world).offers == ["what the first of us offers"]
    form = fields_of(answer.text)
    unchosen = second.post(address(world, "offers"), data=form)
    assert unchosen.status_code == 409
    chosen = second.post(address(world, "offers"), data=form | {"choice_offers": choice})
    assert chosen.status_code == 303
    assert stored(database, world).offers == kept


def test_the_second_reads_who_was_first_and_where_the_two_differ(browse: Browse, world: World) -> None:
    first, second = browse("broker"), browse("admin")
    mine, theirs = (fields_of(client.get(address(world, "firm")).text) for client in (first, second))
    first.post(address(world, "firm"), data=mine | {"description": "We build games for <clinics>"})

    page = second.post(address(world, "firm"), data=theirs | {"description": "We build games for schools"}).text

    assert "It was Broker." in page
    assert "We build games for<mark> &lt;clinics&gt;</mark>" in page
    assert "We build games for<mark> schools</mark>" in page


def test_a_choice_made_while_a_third_saved_is_asked_for_again(browse: Browse, world: World) -> None:
    first, second = browse("broker"), browse("admin")
    mine, theirs = (fields_of(client.get(address(world, "firm")).text) for client in (first, second))
    first.post(address(world, "firm"), data=mine | {"description": "One"})
    form = fields_of(second.post(address(world, "firm"), data=theirs | {"description": "Two"}).text)
    save(first, world, "firm", description="Three")

    again = second.post(address(world, "firm"), data=form | {"choice_description": "mine"})

    assert again.status_code == 409
    assert "Three" in again.text


def test_a_guessed_sector_is_confirmed_by_a_tick_or_another_choice(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        sme = session.get_one(Sme, world.smes["Spielwerk"].id)
        sme.sector_confirmed, sme.sector_words = False, "playful things"
    client = browse("broker")
    page = f"/smes/{world.smes['Spielwerk'].id}"
    assert "to be confirmed" in client.get(page).text
    assert "playful things" in client.get(address(world, "sector")).text

    save(client, world, "sector")
    assert "to be confirmed" in client.get(page).text
    save(client, world, "sector", sector_confirmed="1")
    assert "to be confirmed" not in client.get(page).text


def test_a_consent_withdrawn_meanwhile_does_not_come_back(browse: Browse, database: Database, world: World) -> None:
    first, second = browse("broker"), browse("admin")
    opened = fields_of(second.get(address(world, "consents")).text)
    save(first, world, "consents", consent_matching="-", consent_mailing="-")

    answer = second.post(address(world, "consents"), data=opened)

    assert answer.status_code == 303
    with database.read() as session:
        rows = session.exec(select(Consent).where(Consent.sme_id == world.smes["Spielwerk"].id)).all()
    assert [row.withdrawn_at is not None for row in rows] == [True, True]


def test_the_questionnaire_gives_a_level_and_says_what_would_raise_it(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    answers = {"exports": "some", "market": "some", "web": "some", "documents": "none", "travel": "some"}
    save(client, world, "readiness", **answers)
    page = client.get(address(world, "readiness")).text
    assert "No level yet" in page
    assert "5 of 20 points, 4 questions open" in page

    save(client, world, "readiness", partners="some", blocking="time")
    page = client.get(address(world, "readiness")).text
    assert "Level 2 – first ideas" in page
    assert "2 points to level 3" in page
    assert "describe the product in English: two pages and a price list are enough to begin with" in page
    save(client, world, "readiness", override="4", reason="It sold to Vienna last week.")

    assert stored(database, world).readiness == 4
    assert "It sold to Vienna last week." in client.get(f"/smes/{world.smes['Spielwerk'].id}").text
    with database.read() as session:
        checks = session.exec(select(ReadinessCheck).order_by(ReadinessCheck.id)).all()  # type: ignore[arg-type]
    assert [(check.level, check.override) for check in checks] == [(None, None), (2, None), (2, 4)]
    assert {check.taken_by for check in checks} == {f"Broker (account {world.accounts['broker'].id})"}


def test_the_old_address_of_the_form_leads_to_the_task_list(browse: Browse, world: World) -> None:
    sme_id = world.smes["Spielwerk"].id
    assert browse("broker").get(f"/smes/{sme_id}/edit").headers["location"] == f"/smes/{sme_id}"
    assert browse("broker").get(f"/smes/{sme_id}/edit/nonsense").status_code == 404


def test_what_no_form_of_ours_sends_is_answered_calmly(browse: Browse, world: World) -> None:
    client = browse("broker")
    for section in ("firm", "sector", "offers", "needs", "abroad", "contact", "consents", "readiness"):
        odd = {
            "text": ["x" * 5000] * 50,
            "override": "9" * 30,
            "choice_offers": "both",
            "choice_firm": "x",
            "exports": "no",
        }
        assert client.post(address(world, section), data=odd).status_code in {303, 409, 422}
        assert client.post(address(world, section) + "/draft", data=odd).status_code in {303, 404}
    files = {"text": ("x.txt", b"file"), "name": ("y.txt", b"file")}
    assert client.post(address(world, "firm"), files=files).status_code in {409, 422}


def _expire(database: Database, world: World) -> int:
    with database.write() as session:
        sme = session.get_one(Sme, world.smes["Spielwerk"].id)
        sme.status, sme.expires_at = SmeStatus.EXPIRED, now(session) - timedelta(days=1)
        return sme.id


def test_an_expired_profile_is_changed_and_renewed_in_one_go(browse: Browse, database: Database, world: World) -> None:
    sme_id, client = _expire(database, world), browse("broker")
    assert "Save and renew for a year" in client.get(f"/smes/{sme_id}/edit/abroad").text
    assert "Save and renew for a year" in client.get(f"/smes/{sme_id}/edit/offers").text

    answer = save(client, world, "abroad", markets="Portugal", renew="1")

    assert answer.headers["location"] == f"/smes/{sme_id}"
    assert "Saved. Good. It is published for another year." in client.get(f"/smes/{sme_id}").text
    with database.read() as session:
        sme = session.get_one(Sme, sme_id)
        assert (sme.status, sme.markets) == (SmeStatus.PUBLISHED, ["PT"])
        assert sme.expires_at is not None
        assert sme.expires_at > now(session) + timedelta(days=364)
    assert "Save and renew" not in client.get(f"/smes/{sme_id}/edit/abroad").text


def test_what_is_renewed_and_lacks_something_is_said_to_be_a_draft(
    browse: Browse, database: Database, world: World
) -> None:
    sme_id, client = _expire(database, world), browse("broker")
    save(client, world, "abroad", languages="", renew="1")
    assert "Saved. It is a draft: finish what is open" in client.get(f"/smes/{sme_id}").text

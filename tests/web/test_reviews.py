"""The queue of reviews, and the steps from draft to published."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database, now
from broker.domain.lifecycle import REMIND_BEFORE
from broker.models import AuditEntry, Contact, Review, Sme, SmeStatus, Statement
from tests import factories
from tests.web.forms import fields_of
from tests.web.world import World, await_review

Browse = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def waiting(database: Database, world: World) -> None:
    with database.write() as session:
        await_review(session, world)
        world.in_review.website = "https://cichy.example"
        world.in_review.description = "Cichy Młyn mills flour by hand."
        session.add(world.in_review)
        session.add(Statement(sme_id=world.in_review.id, kind="offer", position=9, text="innovative solutions"))
        session.add(
            Statement(sme_id=world.in_review.id, kind="need", position=9, text="bakers who try Cichy  Młyn flour")
        )


def status(database: Database, sme_id: int) -> SmeStatus:
    with database.read() as session:
        return session.get_one(Sme, sme_id).status


def test_a_broker_of_another_city_reads_what_a_firm_says_and_not_who_it_is(
    browse: Browse, database: Database, world: World
) -> None:
    with database.read() as session:
        contact = session.exec(select(Contact).where(Contact.sme_id == world.in_review.id)).one()
    page = browse("broker").get(f"/reviews/{world.in_review.id}").text

    assert "A games studio in Warsaw" in page
    assert "[name] mills flour by hand." in page
    assert "bakers who try [name] flour" in page
    assert "We build serious games for training nurses." in page
    assert "“innovative solutions” fits every firm." in page
    for hidden in ("Cichy", "cichy.example", contact.name, contact.email):
        assert hidden not in page, hidden
    queue = browse("broker").get("/reviews").text
    assert "A games studio in Warsaw" in queue
    assert "Cichy" not in queue
    assert "Cichy Młyn" in browse("admin").get("/reviews").text


def test_the_notes_on_a_statement_tell_no_more_than_what_is_shown_of_it(
    browse: Browse, database: Database, world: World
) -> None:
    with database.write() as session:
        session.get_one(Sme, world.in_review.id).name = "Kompleksowe"
        session.add(Statement(sme_id=world.in_review.id, kind="offer", position=10, text="Kompleksowe usługi"))
    path = f"/reviews/{world.in_review.id}"

    assert "“Kompleksowe usługi” fits every firm." in browse("admin").get(path).text
    page = browse("broker").get(path).text
    assert "[name] usługi" in page
    assert "Kompleksowe" not in page


def test_the_queue_takes_the_same_few_statements_however_long_it_is(
    browse: Browse, database: Database, queries_of: Callable[..., int], world: World
) -> None:
    client = browse("broker")
    few = queries_of(lambda: client.get("/reviews"))
    with database.write() as session:
        for _ in range(40):
            sme = factories.make_sme(session, city="rome", status=SmeStatus.IN_REVIEW)
            session.add(Review(sme_id=sme.id, asked_by_id=world.accounts["admin"].id, asked_at=now(session)))
    assert queries_of(lambda: client.get("/reviews")) == few <= 4  # who is signed in, the clock, and two
    assert client.get("/reviews").text.count("A games studio in Rome") == 40


def test_confirming_leads_to_reviewed_and_a_second_one_finds_nothing(
    browse: Browse, database: Database, world: World
) -> None:
    path, sme_id = f"/reviews/{world.in_review.id}", world.in_review.id
    form = fields_of(browse("broker").get(path).text)
    assert browse("broker").post(path, data=form | {"decision": "confirm"}).headers["location"] == "/reviews"
    assert status(database, sme_id) is SmeStatus.REVIEWED
    assert browse("other broker").post(path, data=form | {"decision": "confirm"}).status_code == 404
    assert "Nothing to review" in browse("broker").get("/reviews").text


def test_sending_back_needs_a_note_that_its_broker_reads(browse: Browse, database: Database, world: World) -> None:
    path, sme_id = f"/reviews/{world.in_review.id}", world.in_review.id
    form = fields_of(browse("broker").get(path).text)
    answer = browse("broker").post(path, data=form | {"decision": "send_back"})
    assert (answer.status_code, '<a href="#f-note">Write what is to be changed' in answer.text) == (422, True)
    assert "<title>Error: " in answer.text

    browse("broker").post(path, data=form | {"decision": "send_back", "note": "For whom is it?"})

    assert status(database, sme_id) is SmeStatus.DRAFT
    page = browse("admin").get(f"/smes/{sme_id}").text
    assert "sent it back" in page
    assert "For whom is it?" in page


def test_what_changed_while_it_was_read_is_read_again(browse: Browse, database: Database, world: World) -> None:
    path = f"/reviews/{world.in_review.id}"
    form = fields_of(browse("broker").get(path).text)
    with database.write() as session:
        session.get_one(Sme, world.in_review.id).version += 1
    answer = browse("broker").post(path, data=form | {"decision": "confirm"})
    assert (answer.status_code, "changed while you read it" in answer.text) == (409, True)


def test_its_author_is_shown_no_form_and_refused(browse: Browse, database: Database, world: World) -> None:
    with database.write() as session:
        session.exec(select(Review)).one().asked_by_id = world.accounts["admin"].id
    path = f"/reviews/{world.in_review.id}"
    page = browse("admin").get(path).text
    assert "somebody else has to read it" in page
    assert "decision" not in page
    version = str(world.in_review.version)
    assert browse("admin").post(path, data={"decision": "confirm", "version": version}).status_code == 403
    assert "You asked for these" in browse("admin").get("/reviews").text


def test_a_profile_is_led_from_draft_to_published_paused_and_renewed(
    browse: Browse, database: Database, world: World
) -> None:
    sme_id = world.smes["Spielwerk"].id
    with database.write() as session:
        session.get_one(Sme, sme_id).status = SmeStatus.DRAFT
    client, page = browse("broker"), f"/smes/{world.smes['Spielwerk'].id}"

    def press(step: str) -> tuple[int, SmeStatus]:
        offered = f"{page}/steps/{step}" in client.get(page).text
        answer = client.post(f"{page}/steps/{step}")
        assert offered == (answer.status_code == 303)
        return answer.status_code, status(database, sme_id)

    assert press("publish") == (409, SmeStatus.DRAFT)
    assert press("ask") == (303, SmeStatus.IN_REVIEW)
    assert press("withdraw") == (303, SmeStatus.DRAFT)
    assert press("ask") == (303, SmeStatus.IN_REVIEW)
    review = f"/reviews/{sme_id}"
    form = fields_of(browse("other broker").get(review).text)
    browse("other broker").post(review, data=form | {"decision": "confirm", "note": "Good."})
    assert press("publish") == (303, SmeStatus.PUBLISHED)
    assert press("pause") == (303, SmeStatus.PAUSED)
    assert press("resume") == (303, SmeStatus.PUBLISHED)
    with database.write() as session:
        session.get_one(Sme, sme_id).expires_at = now(session) + REMIND_BEFORE / 2
    assert press("renew") == (303, SmeStatus.PUBLISHED)
    with database.read() as session:
        ends = session.get_one(Sme, sme_id).expires_at
        actions = session.exec(select(AuditEntry.action).where(AuditEntry.subject == f"sme:{sme_id}")).all()
        assert ends is not None
        assert ends > now(session) + 10 * REMIND_BEFORE
    steps = ("ask", "withdraw", "ask", "confirm", "publish", "pause", "resume", "renew")
    assert list(actions) == [f"profile {step}" for step in steps]
    for step in ("confirm", "send_back", "expire", "nonsense"):
        assert client.post(f"{page}/steps/{step}").status_code == 404


def test_what_is_not_finished_cannot_be_asked_about(browse: Browse, database: Database, world: World) -> None:
    sme_id = world.smes["Solar Łódka"].id
    with database.write() as session:
        session.get_one(Sme, sme_id).status = SmeStatus.DRAFT
    page = browse("admin").get(f"/smes/{sme_id}").text
    assert "Finish 1 section first" in page
    assert "steps/ask" not in page
    answer = browse("admin").post(f"/smes/{sme_id}/steps/ask")
    assert (answer.status_code, "Finish this first: contact e-mail." in answer.text) == (422, True)

"""The unsubscribe page: a GET changes nothing, one POST stops all mail, and it can be taken back."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database
from broker.domain import approvals, consents, subscriptions, suppressions
from broker.models import AuditEntry, Consent, Contact, Email, EmailStatus, Purpose, Sme, Suppression
from tests.factories import make_event, make_shortlists, make_sme, register
from tests.web.world import World

Browse = Callable[..., TestClient]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def address(session: Session, sme_id: int) -> str:
    return session.exec(select(Contact.email).where(Contact.sme_id == sme_id)).one()


def queue_mails(database: Database, settings: Settings, world: World) -> None:
    """A shortlist mail to Spielwerk and one to another firm."""
    with database.write() as session:
        event, other = make_event(session), make_sme(session, "Bea", city="rome")
        spielwerk = world.smes["Spielwerk"]
        register(session, event, spielwerk, other)
        make_shortlists(session, event, (spielwerk, other))
        approvals.approve(session, settings, "ann", event.id)


def statuses(database: Database, sme_id: int) -> list[EmailStatus]:
    with database.read() as session:
        return list(session.exec(select(Email.status).where(Email.sme_id == sme_id)))


def consent(database: Database, sme_id: int) -> bool:
    with database.read() as session:
        row = session.exec(select(Consent).where(Consent.sme_id == sme_id, Consent.purpose == Purpose.MAILING)).one()
        return row.withdrawn_at is None


def test_the_page_says_what_will_stop_and_changes_nothing(browse: Browse, world: World, database: Database) -> None:
    page = browse().get(world.unsubscribe)

    assert page.status_code == 200
    assert "no shortlists and no reminders" in page.text
    assert f'action="{world.unsubscribe}"' in page.text
    assert consent(database, world.smes["Spielwerk"].id)
    with database.read() as session:
        assert session.exec(select(Suppression)).all() == []


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_one_click_needs_no_cookie_and_no_origin_and_stops_what_waits(
    app: FastAPI, world: World, database: Database, settings: Settings, encoding: str
) -> None:
    """RFC 8058: the mail program's server posts it, in either encoding, and follows no redirect."""
    queue_mails(database, settings, world)
    sme_id = world.smes["Spielwerk"].id
    server = TestClient(app, base_url="http://testserver", follow_redirects=False)
    body = (
        {"data": ONE_CLICK} if encoding == "form" else {"files": {name: (None, ONE_CLICK[name]) for name in ONE_CLICK}}
    )

    for _ in range(2):
        answer = server.post(world.unsubscribe, **body)  # type: ignore[arg-type]
        assert (answer.status_code, "You get no more mails" in answer.text) == (200, True)

    assert statuses(database, sme_id) == [EmailStatus.SUPPRESSED]
    assert not consent(database, sme_id)
    with database.read() as session:
        assert suppressions.reason_of(session, address(session, sme_id)) == "unsubscribed"
        assert session.exec(select(Email.status).where(Email.kind == "shortlist", Email.sme_id != sme_id)).all() == [
            EmailStatus.QUEUED
        ]
        actions = session.exec(select(AuditEntry.action).where(AuditEntry.actor == f"sme {sme_id}")).all()
    assert sorted(actions) == ["consent withdrawn", "mails.stop"]


def test_a_page_of_another_site_cannot_unsubscribe(browse: Browse, world: World, database: Database) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "", "origin": "https://evil.example"}):
        assert browse().post(world.unsubscribe, headers=headers).status_code == 403
    assert consent(database, world.smes["Spielwerk"].id)


def test_nobody_who_unsubscribed_is_mailed_by_the_next_approval(
    browse: Browse, world: World, database: Database, settings: Settings
) -> None:
    browse().post(world.unsubscribe)

    queue_mails(database, settings, world)

    assert statuses(database, world.smes["Spielwerk"].id) == []
    with database.read() as session:
        assert suppressions.is_suppressed(session, address(session, world.smes["Spielwerk"].id).upper())


def test_taking_it_back_gives_the_consent_again_and_sends_what_was_stopped(
    browse: Browse, world: World, database: Database, settings: Settings
) -> None:
    queue_mails(database, settings, world)
    client, sme_id = browse(), world.smes["Spielwerk"].id
    assert "/undo" in client.post(world.unsubscribe).text

    for _ in range(2):
        answer = client.post(f"{world.unsubscribe}/undo")
        assert (answer.status_code, answer.headers["location"]) == (303, world.unsubscribe)

    assert "You get mails from us again." in client.get(world.unsubscribe).text
    assert statuses(database, sme_id) == [EmailStatus.QUEUED]
    assert consent(database, sme_id)
    with database.read() as session:
        assert session.exec(select(Suppression)).all() == []


def test_an_address_whose_mails_came_back_stays_suppressed(browse: Browse, world: World, database: Database) -> None:
    with database.write() as session:
        suppressions.suppress(session, address(session, world.smes["Spielwerk"].id), suppressions.BOUNCED)
    client = browse()

    assert "/undo" not in client.post(world.unsubscribe).text
    assert client.post(f"{world.unsubscribe}/undo").status_code == 409
    with database.read() as session:
        assert [row.reason for row in session.exec(select(Suppression))] == ["bounced"]


@pytest.mark.parametrize("unsubscribed_too", [False, True])
def test_a_consent_taken_back_with_the_broker_is_not_given_again_by_whoever_has_the_link(
    browse: Browse, world: World, database: Database, unsubscribed_too: bool
) -> None:
    sme_id = world.smes["Spielwerk"].id
    with database.write() as session:
        consents.withdraw_consent(session, session.get_one(Sme, sme_id), [Purpose.MAILING], "broker 1")
    client = browse()
    page = client.post(world.unsubscribe) if unsubscribed_too else client.get(world.unsubscribe)

    assert ("You get no more mails" in page.text, "/undo" in page.text) == (True, False)
    answer = client.post(f"{world.unsubscribe}/undo")
    assert (answer.status_code, "Tell your broker" in answer.text) == (409, True)
    assert not consent(database, sme_id)


def test_the_link_dies_with_the_address_and_no_other_is_accepted(
    browse: Browse, world: World, database: Database, settings: Settings
) -> None:
    client, sme_id = browse(), world.smes["Spielwerk"].id
    token = world.unsubscribe.removeprefix("/u/")
    shortlist_token = world.links["Spielwerk"].removeprefix("/s/")
    elsewhere = subscriptions.link(settings.model_copy(update={"secret_key": "k" * 32}), sme_id, "a@b.example")
    wrong = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token + "x",
        token + "%C3%A9",
        "x",
        "%F0%9F%92%A5",
        shortlist_token,
    ]
    for bad in [*wrong, elsewhere.rpartition("/")[2]]:
        for answer in (client.get(f"/u/{bad}"), client.post(f"/u/{bad}"), client.post(f"/u/{bad}/undo")):
            assert (answer.status_code, "This link does not work any more" in answer.text) == (404, True), bad
    assert client.get(f"/s/{token}").status_code == 404

    with database.write() as session:
        session.exec(select(Contact).where(Contact.sme_id == sme_id)).one().email = "new@firm.example"
    assert client.post(world.unsubscribe).status_code == 404
    assert consent(database, sme_id)


def test_the_broker_reads_that_an_sme_unsubscribed(browse: Browse, world: World) -> None:
    page = f"/smes/{world.smes['Spielwerk'].id}"
    assert "They unsubscribed" not in browse("broker").get(page).text

    browse().post(world.unsubscribe)

    assert "They unsubscribed with the link in a mail" in browse("broker").get(page).text


def test_what_brokers_are_told_about_the_sme_is_still_sent(
    browse: Browse, world: World, database: Database, settings: Settings
) -> None:
    queue_mails(database, settings, world)
    sme_id = world.smes["Spielwerk"].id
    with database.write() as session:
        session.exec(select(Email).where(Email.sme_id == sme_id)).one().kind = "undelivered"

    browse().post(world.unsubscribe)

    assert statuses(database, sme_id) == [EmailStatus.QUEUED]

"""What an SME does about its data: read it, take it along, pause, be erased; and the broker's side of the last."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.domain import reports, wishes
from broker.models import AuditEntry, Contact, Email, EmailStatus, ExportLog, Interest, Sme, SmeStatus
from tests.web.world import World, propose, send_mail

Browse = Callable[..., TestClient]


def data_of(world: World, page: str = "data") -> str:
    return f"{world.links['Spielwerk']}/{page}"


def test_a_file_taken_twice_is_told_once_in_words(browse: Browse, world: World, database: Database) -> None:
    with database.write() as session:
        table = reports.table(session, world.event.id, "participants")
        for what in ("match list", "participants", "match list"):
            reports.log_export(session, "Organiser (account 3)", world.event.id, what, "csv", table)

    page = browse().get(data_of(world)).text

    assert page.count("Match list, as chosen on its page") == 1
    assert page.count("2 times, this was the last") == 1
    assert "<li>match list" not in page


def test_a_mail_of_a_list_nobody_approved_is_not_told(browse: Browse, world: World, database: Database) -> None:
    with database.write() as session:
        send_mail(session, world)
        for mail in session.exec(select(Email)):
            mail.status = EmailStatus.DRAFT

    page, file = browse().get(data_of(world)).text, browse().get(data_of(world, "data.json")).json()

    assert "Mails to you" not in page
    assert file["mails"] == []


def status(database: Database, world: World) -> SmeStatus:
    with database.read() as session:
        return session.get_one(Sme, world.smes["Spielwerk"].id).status


def test_the_page_tells_in_plain_words_and_the_file_tells_all(browse: Browse, world: World, database: Database) -> None:
    client = browse()
    with database.write() as session:
        send_mail(session, world)
        propose(session, world, website="new.example")
        table = reports.table(session, world.event.id, "participants")
        reports.log_export(session, "Organiser (account 3)", world.event.id, "participants", "csv", table)
    medilab = world.smes["Medilab Plzeň"].id
    client.post(f"{world.links['Spielwerk']}/answers/{medilab}", data={"answer": "never", "reason": "a rival"})

    page, file = client.get(data_of(world)).text, client.get(data_of(world, "data.json"))

    for text in ("Your shortlist", "a rival", "by Organiser", "Internationalisation Workshop"):
        assert text in page
    assert "account 3" not in page
    assert world.unsubscribe in page
    assert file.headers["content-type"] == "application/json"
    assert file.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    told = file.json()
    assert set(told) == {
        *("profile", "contact", "consents", "workshops", "shortlists", "answers", "introductions", "mails"),
        *("proposals", "exports", "changes", "known_partners", "number_rows"),
        *("not_mailed_because", "erasure_asked_at"),
    }
    assert [mail["subject"] for mail in told["mails"]] == ["Your shortlist"]
    assert told["mails"][0]["sent_at"].endswith("+00:00")
    assert told["answers"][0]["reason"] == "a rival"
    assert told["proposals"][0]["after"] == {"website": "https://new.example"}
    assert told["exports"][0]["what"] == "participants"
    with database.read() as session:
        others = session.exec(select(Contact).where(Contact.sme_id != world.smes["Spielwerk"].id)).all()
    assert [row.email for row in others if row.email in page or row.email in file.text] == []


def test_it_pauses_itself_and_takes_up_again(browse: Browse, world: World, database: Database) -> None:
    client = browse()

    answer = client.post(data_of(world, "pause"))

    assert (answer.status_code, answer.headers["location"]) == (303, data_of(world))
    page = client.get(data_of(world)).text
    assert "You are paused" in page
    assert "Take up again" in page
    assert "You are paused" in client.get(world.links["Spielwerk"]).text
    assert status(database, world) is SmeStatus.PAUSED
    client.post(data_of(world, "resume"))
    assert status(database, world) is SmeStatus.PUBLISHED


def test_what_its_broker_paused_it_cannot_take_up_by_its_link(browse: Browse, world: World, database: Database) -> None:
    with database.write() as session:
        session.get_one(Sme, world.smes["Spielwerk"].id).status = SmeStatus.PAUSED
    client = browse()
    assert "ask your broker to take you up again" in client.get(data_of(world)).text
    assert client.post(data_of(world, "resume")).status_code == 409
    assert status(database, world) is SmeStatus.PAUSED


def test_who_has_no_address_and_who_unsubscribed_read_so(browse: Browse, world: World) -> None:
    client = browse()
    assert "We have no address of yours" in client.get(world.links["Solar Łódka"] + "/data").text
    client.post(world.unsubscribe)
    assert "You get no mails from us." in client.get(data_of(world)).text


def test_an_erasure_is_asked_for_shown_to_the_broker_and_taken_back(
    browse: Browse, world: World, database: Database
) -> None:
    client, broker, sme = browse(), browse("broker"), f"/smes/{world.smes['Spielwerk'].id}"
    assert "asks to be erased" not in broker.get(sme).text

    client.post(data_of(world, "erasure"))

    assert "You asked on" in client.get(data_of(world)).text
    assert "Spielwerk asks to be erased" in broker.get(sme).text
    client.post(data_of(world, "erasure/undo"))
    assert "asks to be erased" not in broker.get(sme).text
    client.post(data_of(world, "erasure"))
    assert broker.post(f"{sme}/erasure/decline").status_code == 303
    assert "Ask to be erased" in client.get(data_of(world)).text


@pytest.mark.parametrize("typed", ["", "Spielwerk GmbH", "Medilab Plzeň"])
def test_nobody_is_erased_by_a_slip(browse: Browse, world: World, database: Database, typed: str) -> None:
    sme = world.smes["Spielwerk"].id
    answer = browse("broker").post(f"/smes/{sme}/erasure", data={"name": typed})
    assert (answer.status_code, "Nothing was erased." in answer.text) == (422, True)
    with database.read() as session:
        assert session.get(Sme, sme) is not None


def test_the_broker_erases_it_with_its_mail_files_and_reads_who_has_exported_files(
    app: FastAPI, browse: Browse, world: World, database: Database
) -> None:
    sme, broker, client = world.smes["Spielwerk"].id, browse("broker"), browse()
    with database.write() as session:
        send_mail(session, world)
        propose(session, world)
        wishes.ask_erasure(session, session.get_one(Sme, sme))
        session.add(
            ExportLog(
                at=world.smes["Spielwerk"].created_at.replace(year=2099),
                actor="Ann",
                event_id=world.event.id,
                what="matches",
                format="csv",
                rows=3,
            )
        )
    client.post(
        f"{world.links['Spielwerk']}/answers/{world.smes['Medilab Plzeň'].id}",
        data={"answer": "never", "reason": "a rival"},
    )
    name = "0-" + sha256(b"<sent@service.example>").hexdigest()[:16] + ".eml"
    app.state.settings.outbox_dir.mkdir(parents=True, exist_ok=True)
    file = app.state.settings.outbox_dir / name
    file.write_text("a mail")
    page = broker.get(f"/smes/{sme}/erasure").text
    assert "Match list of Internationalisation Workshop" in page
    assert "by Ann" in page

    answer = broker.post(f"/smes/{sme}/erasure", data={"name": " spielwerk "})

    assert (answer.status_code, answer.headers["location"]) == (303, "/smes")
    assert "Erased, with its mails and answers." in broker.get("/smes").text
    assert not file.exists()
    assert client.get(world.links["Spielwerk"]).status_code == 404
    with database.read() as session:
        assert session.get(Sme, sme) is None
        assert session.exec(select(Interest)).all() == []
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "sme.erase")).one()
        assert entry.actor == f"Broker (account {world.accounts['broker'].id})"

"""Signing in and out, the front page and the demo's outbox."""

from collections.abc import Callable
from email import message_from_bytes
from email.policy import default

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database
from broker.models import Email, EmailStatus, SignIn
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]


@pytest.mark.parametrize(
    ("person", "desk"),
    [("broker", "/city"), ("organiser", "/events"), ("admin", "/events")],
)
def test_signing_in_leads_to_ones_own_desk(browse: Browse, world: World, person: str, desk: str) -> None:
    client = browse()

    answer = client.post("/sign-in", data={"email": world.accounts[person].email.upper(), "password": PASSWORD})

    assert (answer.status_code, answer.headers["location"]) == (303, desk)
    assert client.get(desk).status_code == 200
    assert client.get("/").headers["location"] == desk


def test_signing_in_leads_back_to_the_page_that_was_asked_for_but_never_to_another_site(
    browse: Browse, world: World
) -> None:
    wanted = browse().get("/events/1").headers["location"]
    assert wanted == "/sign-in?next=%2Fevents%2F1"
    fields = {"email": world.accounts["organiser"].email, "password": PASSWORD}

    assert browse().post("/sign-in", data=fields | {"next": "/events/1"}).headers["location"] == "/events/1"
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil"):
        assert browse().post("/sign-in", data=fields | {"next": elsewhere}).headers["location"] == "/events"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(browse: Browse, world: World) -> None:
    known = browse().post("/sign-in", data={"email": world.accounts["broker"].email, "password": "wrong wrong"})
    unknown = browse().post("/sign-in", data={"email": "no.broker@network.example", "password": "wrong wrong"})

    assert known.status_code == unknown.status_code == 422
    assert "do not belong together" in known.text
    assert _without_addresses(known.text) == _without_addresses(unknown.text)


def test_asking_for_a_link_says_the_same_for_known_and_unknown_addresses(
    browse: Browse, world: World, database: Database
) -> None:
    known = browse().post("/sign-in/link", data={"email": world.accounts["broker"].email, "password": "whatever"})
    unknown = browse().post("/sign-in/link", data={"email": "no.broker@network.example"})

    assert known.status_code == unknown.status_code == 200
    assert _without_addresses(known.text) == _without_addresses(unknown.text)
    with database.read() as session:
        mails = session.exec(select(Email).where(Email.kind == "sign_in", Email.id != world.email.id)).all()
    assert [mail.to_address for mail in mails] == [world.accounts["broker"].email]


def test_one_address_serves_the_password_and_the_link(browse: Browse) -> None:
    page = browse().get("/sign-in").text
    assert (page.count('name="email"'), page.count('autocomplete="username"')) == (1, 1)
    assert 'formaction="/sign-in/link" formnovalidate' in page
    answer = browse().post("/sign-in/link", data={"email": " ", "password": "whatever"})
    assert answer.status_code == 422
    assert "Enter your e-mail address first" in answer.text
    assert "whatever" not in answer.text


def test_a_mailed_link_opens_a_page_whose_button_signs_in_once(
    browse: Browse, world: World, database: Database
) -> None:
    client = browse()
    client.post("/sign-in/link", data={"email": world.accounts["broker"].email})
    address = _newest_link(database, world)
    scanner = browse()

    for _ in range(3):
        assert scanner.get(address).status_code == 200
        assert "Sign in now" in scanner.get(address).text
    assert client.post(address).headers["location"] == "/city"
    assert client.get("/smes").status_code == 200
    again = scanner.post(address)
    assert (again.status_code, "used already" in again.text) == (404, True)
    assert scanner.get(address).status_code == 404


def test_signing_out_ends_this_session_and_everywhere_all_of_them(
    browse: Browse, database: Database, world: World
) -> None:
    first, second, third = browse("broker"), browse("broker"), browse("broker")

    assert first.post("/sign-out").headers["location"] == "/sign-in"
    assert first.get("/smes").status_code == 303
    assert second.get("/smes").status_code == 200
    second.post("/sign-out/everywhere")
    assert third.get("/smes").status_code == 303
    with database.read() as session:
        assert session.exec(select(SignIn).where(SignIn.account_id == world.accounts["broker"].id)).all() == []


def test_the_demo_accounts_are_offered_and_fill_the_form(browse: Browse) -> None:
    page = browse().get("/").text
    assert "Look around in the demo" in page
    assert 'value="cross-innovation"' not in page

    filled = browse().get("/sign-in", params={"email": "organiser@workshop.example"}).text
    assert 'value="cross-innovation"' in filled
    assert 'value="cross-innovation"' not in browse().get("/sign-in", params={"email": "someone@else.example"}).text


def test_outside_the_demo_no_account_is_offered(app: FastAPI, browse: Browse) -> None:
    app.state.settings.demo_mark.unlink()

    page = browse().get("/sign-in", params={"email": "organiser@workshop.example"}).text

    assert "Look around in the demo" not in page
    assert "cross-innovation" not in page.split("</head>")[1].replace("Cross-Innovation", "")


@pytest.mark.parametrize("part", ["", "/html", "?part=source"])
def test_a_mail_written_ahead_is_read_by_nobody(browse: Browse, database: Database, world: World, part: str) -> None:
    with database.write() as session:
        session.get_one(Email, world.email.id).status = EmailStatus.DRAFT

    assert browse("admin").get(f"/outbox/{world.email.id}{part}").status_code == 404


def test_the_outbox_shows_each_mail_as_html_text_and_source(browse: Browse, world: World) -> None:
    client = browse()
    address = f"/outbox/{world.email.id}"

    assert world.email.subject in client.get("/outbox").text
    assert f'src="{address}/html"' in client.get(address).text
    assert "https://link.example/" in client.get(address, params={"part": "text"}).text
    assert "Message-ID: &lt;" in client.get(address, params={"part": "source"}).text
    html = client.get(f"{address}/html")
    assert '<base target="_top">' in html.text
    assert html.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_page_that_is_none_says_so_kindly(browse: Browse) -> None:
    answer = browse().get("/nowhere")

    assert answer.status_code == 404
    assert "does not exist, or it is not yours to see" in answer.text
    assert browse().delete("/sign-in").status_code == 405


def _newest_link(database: Database, world: World) -> str:
    with database.read() as session:
        mail = session.exec(select(Email).where(Email.kind == "sign_in").order_by(Email.id.desc())).first()  # type: ignore[union-attr]
    assert mail is not None
    body = message_from_bytes(mail.message, policy=default).get_body(("plain",))
    assert body is not None
    return "/sign-in/link/" + body.get_content().split("/sign-in/link/")[1].split()[0]


def _without_addresses(page: str) -> str:
    for address in ("broker@network.example", "no.broker@network.example"):
        page = page.replace(address, "")
    return "".join(line for line in page.split("\n") if "form_token" not in line).replace("no.", "")

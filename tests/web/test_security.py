"""Headers, cookies, forged requests, limits: what guards every page."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from broker.config import Settings
from broker.db import Database
from broker.models import AuditEntry, Hub
from broker.web.app import create_app
from broker.web.deps import SessionDep
from broker.web.security import SAFE_METHODS, SME_PATHS
from tests.web.test_access import FORMS, _address, routes
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]
FORM = {"content-type": "application/x-www-form-urlencoded"}

FRAMED = (
    "/outbox/{email_id}/html",
    "/events/{event_id}/mailings/{kind}/html",
    "/events/{event_id}/invitations/html",
)
"""Mails as they look, in frames of our own pages."""


def test_every_answer_carries_the_security_headers(app: FastAPI, browse: Browse, world: World) -> None:
    admin = browse("admin")
    for name in routes(app):
        method, path = name.split(" ", 1)
        headers = admin.request(method, _address(world, path, "SME")).headers
        if path in FRAMED:
            assert "sandbox" in headers["content-security-policy"]
            assert "frame-ancestors 'self'" in headers["content-security-policy"]
        else:
            assert "default-src 'self'" in headers["content-security-policy"], name
            assert "unsafe" not in headers["content-security-policy"], name
            assert "frame-ancestors 'none'" in headers["content-security-policy"], name
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["referrer-policy"] == "no-referrer", name
        assert headers["cache-control"] == "no-store", name


def test_pages_hold_no_inline_script_or_style(app: FastAPI, browse: Browse, world: World) -> None:
    admin = browse("admin")
    for name in routes(app):
        method, path = name.split(" ", 1)
        if method == "GET" and not path.endswith("/html"):
            text = admin.get(_address(world, path, "SME")).text
            assert "<style" not in text, name
            assert " style=" not in text, name
            assert "<script>" not in text, name
            assert " on" not in {part[:3] for part in text.split('="')[:-1]}, name


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, False),
        ({"origin": "http://testserver"}, True),
        ({"origin": "http://127.0.0.1:8000"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://testserver.evil.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_may_change_anything(
    app: FastAPI, world: World, headers: dict[str, str], allowed: bool
) -> None:
    client = TestClient(app, follow_redirects=False)
    account = world.accounts["organiser"]

    answer = client.post("/sign-in", data={"email": account.email, "password": PASSWORD}, headers=headers)

    assert answer.status_code == (303 if allowed else 403)
    assert bool(client.cookies.get("broker_session")) is allowed


FORGERIES = {
    "no token": {},
    "no origin told, no token": {"origin": "null"},
    "wrong origin": {"origin": "https://evil.example"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "cross-site that names our origin": {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
    "another host of the site": {"sec-fetch-site": "same-site"},
}


@pytest.mark.parametrize("how", FORGERIES)
def test_every_unsafe_route_refuses_what_no_page_of_ours_sent(
    app: FastAPI, browse: Browse, database: Database, world: World, how: str
) -> None:
    """But where the address itself is the secret (RFC 8058's POST comes from a mail program): there, other sites."""
    with database.read() as session:
        before = len(session.exec(select(AuditEntry)).all())
    people = {name: browse(name) for name in ("admin", "broker", "organiser")}
    with database.read() as session:
        signed_in = len(session.exec(select(AuditEntry)).all())
    answers: dict[str, set[int]] = {}
    for name in routes(app):
        method, path = name.split(" ", 1)
        may_say_nothing = path.startswith(SME_PATHS) and how.startswith("no ")
        if method in SAFE_METHODS or may_say_nothing:
            continue
        for client in people.values():
            del client.headers["sec-fetch-site"]
            answer = client.request(method, _address(world, path, "SME"), data=FORMS.get(name), headers=FORGERIES[how])
            client.headers["sec-fetch-site"] = "same-origin"
            answers.setdefault(name, set()).add(answer.status_code)

    assert len(answers) > 25
    assert {name: statuses for name, statuses in answers.items() if statuses != {403}} == {}
    with database.read() as session:
        assert len(session.exec(select(AuditEntry)).all()) == signed_in == before + len(people)


def test_without_those_headers_the_token_of_our_own_form_decides(app: FastAPI, world: World) -> None:
    """Plain HTTP in a local network: browsers send no Sec-Fetch-Site, and `null` as origin."""
    client = TestClient(app, follow_redirects=False, headers={"origin": "null"})
    page = client.get("/sign-in").text
    token = page.split('name="form_token" value="')[1].split('"')[0]
    fields = {"email": world.accounts["broker"].email, "password": PASSWORD}

    assert client.post("/sign-in", data=fields | {"form_token": "0" * 64}).status_code == 403
    assert client.post("/sign-in", data=fields | {"form_token": token}).status_code == 303
    stranger = TestClient(app, follow_redirects=False, headers={"origin": "null"})
    stranger.get("/sign-in")
    assert stranger.post("/sign-in", data=fields | {"form_token": token}).status_code == 403


def test_an_sme_can_answer_from_a_browser_that_says_nothing_of_itself(app: FastAPI, world: World) -> None:
    """The address holds the secret, so there is nothing left to forge; but another site is still refused."""
    client = TestClient(app, follow_redirects=False)
    address = f"{world.links['Spielwerk']}/answers/{world.smes['Medilab Plzeň'].id}"

    assert client.post(address, data={"answer": "interested"}).status_code == 303
    assert client.post(address, data={"answer": "never"}, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_every_form_of_a_signed_in_page_carries_the_token(app: FastAPI, browse: Browse, world: World) -> None:
    admin = browse("admin")
    for name in routes(app):
        method, path = name.split(" ", 1)
        if method == "GET" and not path.startswith(SME_PATHS):
            text = admin.get(_address(world, path, "SME")).text
            for form in text.split("<form")[1:]:
                is_post = 'method="post"' in form.split(">")[0]
                assert ('name="form_token"' in form.split("</form>")[0]) is is_post, name


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(browse: Browse, world: World) -> None:
    client = browse()
    answer = client.post("/sign-in", data={"email": world.accounts["broker"].email, "password": PASSWORD})

    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("broker_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_by_https_cookies_are_bound_to_the_host_and_strict_transport_is_asked_for(
    settings: Settings, world: World
) -> None:
    app = create_app(settings.model_copy(update={"public_url": "https://broker.example"}))
    client = TestClient(app, base_url="https://broker.example", headers={"sec-fetch-site": "same-origin"})
    answer = client.post(
        "/sign-in",
        data={"email": world.accounts["broker"].email, "password": PASSWORD},
        follow_redirects=False,
    )
    app.state.database.dispose()

    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("__Host-session="))
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_the_sixth_wrong_password_is_not_even_tried(browse: Browse, world: World) -> None:
    client = browse()
    fields = {"email": world.accounts["broker"].email, "password": "wrong wrong wrong"}

    assert [client.post("/sign-in", data=fields).status_code for _ in range(6)] == [422] * 5 + [429]
    refused = client.post("/sign-in", data=fields | {"password": PASSWORD})
    assert (refused.status_code, 0 < int(refused.headers["retry-after"]) <= 900) == (429, True)
    assert "Wait 15 minutes, then try again. A mailed link signs you in sooner" in refused.text
    assert 'action="/sign-in/link"' in refused.text
    other = {"email": world.accounts["organiser"].email, "password": PASSWORD}
    assert client.post("/sign-in", data=other).status_code == 303


def test_the_fourth_mailed_link_in_a_row_is_refused(browse: Browse, world: World) -> None:
    client = browse()
    fields = {"email": world.accounts["broker"].email}

    assert [client.post("/sign-in/link", data=fields).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_body_larger_than_any_spreadsheet_we_take_is_refused(browse: Browse) -> None:
    answer = browse("broker").post("/import", files={"file": ("big.csv", b"x" * 12_000_000)})

    assert answer.status_code == 413
    assert "10 MB" in answer.text


def test_text_that_no_database_keeps_is_refused_in_words(browse: Browse, world: World) -> None:
    admin = browse("admin")

    for answer in (
        admin.post("/events/new", data={"name": "a\0b"}),
        admin.get("/smes", params={"q": "a\0b"}),
        admin.post("/sign-in", data={"email": "a\0@b.example", "password": "x"}),
    ):
        assert answer.status_code == 422
        assert "cannot be stored" in answer.text


def test_static_files_are_kept_for_ever_under_the_name_of_their_content(browse: Browse) -> None:
    client = browse()
    page = client.get("/").text
    style = page.split('href="/static/app.css?v=')[1].split('"')[0]

    answer = client.get(f"/static/app.css?v={style}")

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/app.css").headers["cache-control"] == "public, max-age=3600"
    assert "immutable" in client.get("/static/vendor/htmx-2.0.11.min.js").headers["cache-control"]
    assert client.get("/static/none.css").status_code == 404
    assert client.get("/static/../app.py").status_code == 404


def test_a_fault_is_told_without_its_innards(app: FastAPI, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one place where a part of ours is replaced: a fault cannot be ordered."""

    def fail(*_arguments: object) -> None:
        raise RuntimeError("secret innards")

    monkeypatch.setattr("broker.web.organiser.event_queries.event_list", fail)
    client = TestClient(
        app, headers={"sec-fetch-site": "same-origin"}, follow_redirects=False, raise_server_exceptions=False
    )
    client.post("/sign-in", data={"email": world.accounts["organiser"].email, "password": PASSWORD})

    answer = client.get("/events")

    assert answer.status_code == 500
    assert "secret innards" not in answer.text
    assert "went wrong on our side" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_real_people_need_a_key_of_their_own(home, sqlite_url: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Exception, match="BROKER_SECRET_KEY"):
        create_app(Settings(home=home, database_url=sqlite_url))


def test_a_file_name_no_database_keeps_is_refused(browse: Browse) -> None:
    body = b"\r\n".join(
        (
            b"--limit",
            b'Content-Disposition: form-data; name="file"; filename="a\0b.csv"',
            b"Content-Type: text/csv",
            b"",
            b"Company\nAdler\n",
            b"--limit--",
            b"",
        )
    )
    headers = {"content-type": "multipart/form-data; boundary=limit"}

    answer = browse("broker").post("/import", content=body, headers=headers)

    assert (answer.status_code, "cannot be stored" in answer.text) == (422, True)


def test_a_text_hidden_behind_another_of_its_name_is_looked_at_too(browse: Browse) -> None:
    answer = browse("broker").post("/smes/new", content="name=%00&name=Neuland", headers=FORM)

    assert (answer.status_code, "cannot be stored" in answer.text) == (422, True)


def test_what_another_wrote_at_the_same_moment_is_a_conflict_and_any_other_refusal_a_fault(
    app: FastAPI, browse: Browse
) -> None:
    def clash(session: SessionDep, city: str, often: int) -> None:
        session.add_all(Hub(city_code=city, name="Often") for _ in range(often))

    app.add_api_route("/clash", clash, methods=["POST"])

    answer = browse().post("/clash?city=berlin&often=2")

    assert (answer.status_code, "at the same moment" in answer.text) == (409, True)
    with pytest.raises(IntegrityError):
        browse().post("/clash?city=atlantis&often=1")

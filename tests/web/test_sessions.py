"""The session's cookie: new with each sign-in, good for a time, renewed by use, and nobody else's to make."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import select

from broker.db import Database, now
from broker.domain import sign_ins
from broker.models import SignIn
from broker.web import sessions
from broker.web.devices import device_name
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]
NAME = "broker_session"


def set_back(app: FastAPI, client: TestClient, by: timedelta) -> str:
    """Make the cookie that many hours older; gives it as it is then."""
    token, seen = sessions._signer(app.state.settings).loads(client.cookies[NAME])
    older = sessions._value(app.state.settings, token, datetime.fromtimestamp(seen, UTC) - by)
    client.cookies.set(NAME, older, domain="testserver.local", path="/")
    return older


def test_a_browser_that_asked_for_nothing_for_a_day_signs_in_anew(app: FastAPI, browse: Browse) -> None:
    client = browse("broker")
    set_back(app, client, timedelta(hours=23, minutes=59))
    assert client.get("/smes").status_code == 200

    set_back(app, client, timedelta(hours=24, minutes=1))
    assert client.get("/smes").headers["location"].startswith("/sign-in")


def test_use_keeps_the_session_open_but_never_beyond_its_seven_days(
    app: FastAPI, browse: Browse, database: Database
) -> None:
    client = browse("broker")
    assert f"{NAME}=" not in client.get("/smes").headers.get("set-cookie", "")
    for _ in range(3):  # a day and a half, a page every twelve hours
        older = set_back(app, client, timedelta(hours=12))
        assert client.get("/smes").status_code == 200
        assert client.cookies[NAME] != older
    with database.write() as session:
        for row in session.exec(select(SignIn)):
            row.expires_at = now(session) - timedelta(seconds=1)
    assert client.get("/smes").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "WyJhIiwxXQ.x", "ü", "WyJhIiwgMWU5OTld.AAAA"])
def test_a_cookie_of_somebodys_own_making_is_none(browse: Browse, cookie: str) -> None:
    client = browse()
    answer = client.get("/smes", headers={"cookie": f"{NAME}={cookie}".encode()})
    assert answer.headers["location"].startswith("/sign-in")


def test_a_time_of_somebodys_own_making_is_none(app: FastAPI, browse: Browse) -> None:
    """Who found an old cookie cannot make it young."""
    client = browse("broker")
    older = set_back(app, client, timedelta(hours=30))
    young = browse("organiser").cookies[NAME]
    forged = ".".join([older.split(".")[0], young.split(".")[1]])

    assert browse().get("/smes", headers={"cookie": f"{NAME}={forged}"}).status_code == 303


def test_each_sign_in_has_a_token_of_its_own_and_ends_the_browsers_former_one(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    former = client.cookies[NAME]
    client.post("/sign-in", data={"email": world.accounts["organiser"].email, "password": PASSWORD})

    assert client.cookies[NAME] != former
    assert browse().get("/smes", headers={"cookie": f"{NAME}={former}"}).status_code == 303
    with database.read() as session:
        rows = session.exec(select(SignIn).where(SignIn.account_id == world.accounts["broker"].id)).all()
    assert rows == []


def test_a_cookie_set_before_signing_in_is_not_taken_over(browse: Browse, world: World) -> None:
    client = browse()
    client.cookies.set(NAME, "planted")
    answer = client.post("/sign-in", data={"email": world.accounts["broker"].email, "password": PASSWORD})

    assert f"{NAME}=planted" not in answer.headers["set-cookie"]
    assert browse().get("/smes", headers={"cookie": f"{NAME}=planted"}).status_code == 303


def test_the_lifetimes_are_those_that_are_documented() -> None:
    assert (timedelta(days=7), timedelta(hours=24)) == (sign_ins.SIGN_IN_LIFE, sign_ins.IDLE_LIFE)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/26 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/142.0 Safari/604", "Chrome on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_a_device_is_named_by_what_it_says_of_itself(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name

"""Whatever somebody types stays text: every attack in every text of every table, on every page, in every mail.

Only on SQLite: what is looked at is made by the templates from what the database gives back, and both databases give
back the same characters (tests/domain/test_texts.py); a second run would only take its time."""

from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import changes, letters
from broker.domain.queries import invitations as invitation_queries
from broker.domain.queries import mailings
from broker.models import Account, City, Contact, Email, Event, MailingKind, Shortlist, ShortlistStatus, Sme
from tests.web.api import routes as api_routes
from tests.web.api.test_access import address as api_address
from tests.web.payloads import ATTACKS, GROUPS, MARK, packed, read
from tests.web.poison import fill, poison
from tests.web.test_access import _address, routes
from tests.web.test_fuzz import WRITTEN
from tests.web.world import World, await_review, propose, send_mail

Browse = Callable[..., TestClient]
Pages = dict[str, Any]
WHO = ("admin", "broker", "other broker", "SME")
"""An organiser sees of an event what the administrator sees; who is not signed in has the links of an SME."""
HEADERS = {
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe", "List-Id"),
    *("List-Unsubscribe-Post", "MIME-Version", "Content-Type"),
}




@pytest.fixture
def database(sqlite_url: str, home: Any) -> Iterator[Database]:
    """As in all tests, but on SQLite only."""
    database = Database(Settings(home=home, database_url=sqlite_url))
    yield database
    database.dispose()


def test_thirty_attacks_each_fit_into_a_name() -> None:
    assert len(set(ATTACKS)) == 30
    assert all(MARK in attack for attack in ATTACKS)
    assert all(len(packed(group, None)) <= 120 - len("<q99>99") for group in GROUPS)


@pytest.mark.parametrize(
    "attack", [one for one in ATTACKS if one.startswith(("<", "]]>", "\""))] + ["</title><b xss>", '<a href="data:x">']
)
def test_an_attack_that_is_not_escaped_is_seen(attack: str) -> None:
    assert read(f'<p title="{attack}">').live or read(f"<p>{attack}</p>").live


@pytest.mark.parametrize("group", GROUPS, ids=range(len(GROUPS)))
def test_what_people_type_never_comes_alive(
    app: FastAPI, browse: Browse, database: Database, world: World, group: tuple[str, ...]
) -> None:
    columns = _poisoned(database, world, group)
    people = {who: browse(None if who == "SME" else who) for who in WHO}
    pages = {f"{who}: {name}": page for who in WHO for name, page in _walk(app, people[who], world, who).items()}
    with database.write() as session:
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
    pages |= {f"drafts: {name}": page for name, page in _walk(app, people["admin"], world, "admin", "/events").items()}
    pages |= _answers_to_wrong_forms(app, people["admin"], world, packed(group, None))

    shown = set()
    for name, page in pages.items():
        assert page.status_code in {200, 303, 304, 404, 409, 413, 422, 429}, (name, page.status_code)
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert all(MARK not in value for key, value in page.headers.items() if key != "location"), name
        if page.headers.get("content-type", "").startswith("text/html"):
            tags = read(page.text)
            assert tags.live == [], name
            shown |= tags.shown
    assert sorted(columns[number] for number in set(columns) - shown) == sorted(NOT_SHOWN)


def _poisoned(database: Database, world: World, group: tuple[str, ...]) -> dict[int, str]:
    with database.write() as session:
        await_review(session, world)
        send_mail(session, world)
        propose(session, world)
        world.change_set = changes.keep(
            session, world.accounts["broker"], "pause", {world.smes["Spielwerk"].id: {"status": "published"}}
        )
        fill(session, world)
        return poison(session, group)


def _walk(app: FastAPI, client: TestClient, world: World, who: str, under: str = "/") -> Pages:
    """Every GET route, as a page and (where that is another answer) as a fragment."""
    pages = {}
    for name in routes(app):
        method, path = name.split(" ", 1)
        if method != "GET" or not path.startswith(under):
            continue
        address = _address(world, path, who)
        pages[name] = client.get(address)
        if who == "admin":
            pages[f"{name} as a fragment"] = client.get(address, headers={"hx-request": "true"})
    return pages


def _answers_to_wrong_forms(app: FastAPI, client: TestClient, world: World, text: str) -> Pages:
    """What each form and each search answers where all its fields hold the attacks, and where that leads."""
    typed, pages = dict.fromkeys(WRITTEN, text), {}
    for name in routes(app):
        method, path = name.split(" ", 1)
        if path.startswith(("/sign-out", "/metrics")):
            continue
        address = _address(world, path, "SME")
        if method == "GET":
            page = client.get(address, params=typed)
        else:
            page = client.post(address, data=typed)
        pages[f"{name} with attacks"] = page
        if page.status_code == 303:
            pages[f"{name} with attacks, after it"] = client.get(page.headers["location"])
    return pages


NOT_SHOWN: list[str] = []

"""Whatever somebody types stays text: every attack in every text of every table, on every page, in every mail.

Only on SQLite: what is looked at is made by the templates from what the database gives back, and both databases give
back the same characters (tests/domain/test_texts.py); a second run would only take its time."""

from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.config import TEMPLATES, Settings
from broker.db import Database, now
from broker.domain import changes, letters, tokens
from broker.domain.completeness import Section
from broker.domain.queries import invitations as invitation_queries
from broker.domain.queries import mailings
from broker.models import Account, City, Contact, Email, Event, MailingKind, Scope, Shortlist, ShortlistStatus, Sme
from tests.web.api import routes as api_routes
from tests.web.api.test_access import address as api_address
from tests.web.payloads import ATTACKS, GROUPS, MARK, packed, read
from tests.web.poison import fill, poison
from tests.web.test_access import _address, routes
from tests.web.test_fuzz import WRITTEN
from tests.web.world import World, await_review, propose, send_mail

Browse = Callable[..., TestClient]
Pages = dict[str, Any]
ALL, CITY = ("/",), ("/city", "/introductions", "/reviews", "/smes", "/changes")
WHO = {"admin": ALL, "broker": (*CITY, "/import"), "other broker": CITY, "SME": ("/s/", "/u/", "/i/", "/sign-in", "/o")}
"""Who sees something of their own where: an organiser sees of an event what the administrator sees."""
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


def test_there_are_thirty_attacks_of_which_three_fit_into_a_name() -> None:
    assert len(set(ATTACKS)) == 30
    assert all(MARK in attack for attack in ATTACKS)
    assert all(len(attack) <= 120 / 3 for attack in ATTACKS)


@pytest.mark.parametrize(
    "attack", [one for one in ATTACKS if one.startswith(("<", "]]>", '"'))] + ["</title><b xss>", '<a href="data:x">']
)
def test_an_attack_that_is_not_escaped_is_seen(attack: str) -> None:
    assert read(f'<p title="{attack}">').live or read(f"<p>{attack}</p>").live


@pytest.mark.parametrize("group", GROUPS, ids=range(len(GROUPS)))
def test_what_people_type_never_comes_alive(
    app: FastAPI, browse: Browse, database: Database, world: World, group: tuple[str, ...]
) -> None:
    people = {who: browse(None if who == "SME" else who) for who in WHO}
    columns = _poisoned(database, world, group)
    pages = {f"{who}: {name}": page for who in WHO for name, page in _walk(app, people[who], world, who).items()}
    profile = f"/smes/{world.smes['Spielwerk'].id}/edit/"
    for more in (*Section, "offers?draft=1", "needs?draft=1"):
        pages[f"section {more}"] = people["admin"].get(profile + more)
    with database.write() as session:
        written = _mails(session, database.settings, world)
        assert set(written) == {folder.name for folder in (TEMPLATES / "emails").iterdir() if folder.is_dir()}
        for kind, mail in written.items():
            _is_harmless_mail(kind, mail)
        for shortlist in session.exec(select(Shortlist)):
            shortlist.status = ShortlistStatus.DRAFT
    drafts = _walk(app, people["admin"], world, "drafts", ("/events/{event_id}",))
    shown = _none_alive(pages) | _none_alive(drafts)
    _none_in_the_api(app, database, world)
    hidden = {columns[number] for number in set(columns) - shown}
    assert hidden == NOT_SHOWN


def test_what_people_type_into_forms_stays_text_in_what_they_answer(
    app: FastAPI, browse: Browse, database: Database, world: World
) -> None:
    _poisoned(database, world, ATTACKS[:1])
    admin = browse("admin")

    for attacks in (ATTACKS, ATTACKS[:3]):
        _none_alive(_answers_to_wrong_forms(app, admin, world, packed(attacks, None)))


def _none_alive(pages: Pages) -> set[int]:
    """The numbers of the columns these pages show."""
    shown: set[int] = set()
    for name, page in pages.items():
        assert page.status_code in {200, 303, 404, 409, 422}, (name, page.status_code)
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert all(MARK not in value for key, value in page.headers.items() if key != "location"), name
        if page.headers.get("content-type", "").startswith("text/html"):
            tags = read(page.text)
            assert tags.live == [], name
            shown |= tags.shown
    return shown


def _none_in_the_api(app: FastAPI, database: Database, world: World) -> None:
    with database.write() as session:
        admin = session.get_one(Account, world.accounts["admin"].id)
        _, secret = tokens.create(session, admin, "a test's", Scope.READ, 30)
    client = TestClient(app, base_url="http://testserver/api/v1", headers={"authorization": f"Bearer {secret}"})
    for name in api_routes.routes(app):
        method, path = name.split(" ", 1)
        if method == "GET":
            answer = client.get(api_address(world, path))
            assert answer.headers["content-type"] in {"application/json", "application/problem+json"}, name
            assert answer.headers["x-content-type-options"] == "nosniff", name
            assert answer.json() is not None


def _mails(session: Session, settings: Settings, world: World) -> dict[str, EmailMessage]:
    """One mail of every kind, written from what is in the tables."""
    sme = session.get_one(Sme, world.smes["Spielwerk"].id)
    event = session.get_one(Event, world.event.id)
    city = session.get_one(City, "berlin")
    account = session.get_one(Account, world.accounts["broker"].id)
    contact = session.exec(select(Contact).where(Contact.sme_id == sme.id)).one()
    moment = now(session)
    token, _ = tokens.create(session, account, ATTACKS[0], Scope.READ, 30)
    link = letters.EventLink(event, city, ZoneInfo("Europe/Berlin"), "https://there.example/")
    rows = {
        "sign_in": letters.sign_in(session, settings, account, "https://there.example/"),
        "password": letters.password(session, settings, account, "https://there.example/"),
        "account_invitation": letters.account_invitation(session, settings, account, "https://there.example/"),
        "token_made": letters.token_made(session, settings, account, token, "read only"),
        "expiry": letters.expiry(session, settings, sme, account, moment),
        "fresh_link": letters.fresh_links(session, settings, sme, contact, [link], renews=True),
        "undelivered": letters.undelivered(session, settings, session.get_one(Email, world.event_email.id), sme.name),
    }
    found = {kind: message_from_bytes(row.message, policy=SMTP) for kind, row in rows.items() if row is not None}
    for kind in MailingKind:
        found[kind.value] = mailings.preview(session, settings, event, kind).message
    found["invitation"] = invitation_queries.preview(session, settings, event)
    return cast(dict[str, EmailMessage], found)


def _is_harmless_mail(kind: str, mail: EmailMessage) -> None:
    """Its HTML is escaped, and its headers are those it should have, each of one line, as it is sent."""
    assert mail is not None, kind
    again = cast(EmailMessage, message_from_bytes(mail.as_bytes(), policy=SMTP))
    assert set(again.keys()) <= HEADERS, kind
    assert len(again.keys()) == len(set(again.keys())), kind
    assert all(str(value).isprintable() for value in again.values()), kind
    html, plain = again.get_body(("html",)), again.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert read(html.get_content()).live == [], kind
    assert kind in WITHOUT_TYPED or MARK in plain.get_content(), kind


WITHOUT_TYPED: set[str] = set()


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


def _walk(app: FastAPI, client: TestClient, world: World, who: str, under: tuple[str, ...] = ()) -> Pages:
    """Every GET route, as a page and (where that is another answer) as a fragment."""
    pages = {}
    for name in routes(app):
        method, path = name.split(" ", 1)
        if method != "GET" or not path.startswith(under or WHO[who]):
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
        page = client.get(address, params=typed) if method == "GET" else client.post(address, data=typed)
        pages[f"{name} with attacks"] = page
        if page.status_code == 303:
            pages[f"{name} with attacks, after it"] = client.get(page.headers["location"])
    return pages


NOT_SHOWN = {
    *("auditentry.actor", "auditentry.detail", "matchrun.requested_by", "suppression.reason", "pastpartner.source"),
    *("sme.name_key", "sme.search_text", "proposal.before"),  # compared or searched
    *("sme.website", "webhook.url"),  # shown: the attack as it is, without the column's number
    *("changeset.left", "matchrun.error", "review.note", "proposal.note"),  # in states this world is not in
    "importfile.rejected",  # leaves as a CSV file
}
"""Columns no page of this walk shows by their number. One that a page begins to show belongs here no more."""

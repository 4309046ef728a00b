"""Whatever somebody types stays text: in every text field, on every page, and in the mail of the outbox."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from broker.db import Database, now
from broker.domain import changes, shortlists
from broker.domain.completeness import Section
from broker.models import (
    Account,
    Answer,
    City,
    Contact,
    Draft,
    Event,
    Hub,
    ImportFile,
    Interest,
    Invitation,
    Match,
    MatchRun,
    Proposal,
    Shortlist,
    ShortlistStatus,
    Sme,
    Statement,
)
from tests.web.test_access import _address, routes
from tests.web.test_imports import upload
from tests.web.world import World, add_ring, await_review

Browse = Callable[..., TestClient]
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</title><svg onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "javascript:alert(1)",
)


class Tags(HTMLParser):
    """Notes what a browser would take for a script, a handler or a script's address."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and not given.get("src", "").startswith("/static/vendor/"):
            self.live.append("script")
        self.live += [f"{tag} {name}" for name in given if name.startswith("on")]
        self.live += [
            f"{tag} {name}={value}"
            for name, value in given.items()
            if name in {"href", "src", "action"} and value.strip().lower().startswith(("javascript:", "data:"))
        ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_type_never_comes_alive(
    app: FastAPI, browse: Browse, database: Database, world: World, payload: str
) -> None:
    with database.write() as session:
        await_review(session, world)
        _poison(session, world, payload)
    admin, broker = browse("admin"), browse("broker")

    pages = {}
    for name in routes(app):
        method, path = name.split(" ", 1)
        if method == "GET":
            client = broker if path.startswith("/import") else admin
            pages[name] = client.get(_address(world, path, "SME"), params={"q": payload} if path == "/smes" else None)
    pages["preview"] = upload(admin, f'Name;City;Sector;Needs;Email\n"{_cell(payload)}";Berlin;{_cell(payload)};x;bad')
    typed = {"name": payload, "venue": payload, "break_name_1": payload, "zone": payload, "dial": payload}
    pages["event form"] = admin.post("/events/new", data=typed)
    pages["places"] = admin.post(f"/events/{world.event.id}/registrations/places", data={"places_berlin": payload})
    pages["sign-in"] = browse().post("/sign-in", data={"email": payload, "password": payload})
    with database.write() as session:
        shortlists.approve(session, app.state.settings, "test", world.event.id)
    for mail in (world.email.id + 1, world.email.id + 2):
        pages[f"mail {mail}"] = admin.get(f"/outbox/{mail}/html")

    for name, page in pages.items():
        assert page.status_code in {200, 303, 404, 409, 422}, (name, page.status_code)
        tags = Tags()
        tags.feed(page.text)
        assert tags.live == [], name
    sme_id = world.smes["Spielwerk"].id
    for section in Section:
        pages[f"section {section}"] = admin.get(f"/smes/{sme_id}/edit/{section}")
        pages[f"conflict {section}"] = admin.post(f"/smes/{sme_id}/edit/{section}", data={"text": payload})
    look = {"data": {"text": [payload]}, "headers": {"hx-request": "true"}}
    pages["looked"] = admin.post(f"/smes/{sme_id}/edit/offers/draft", **look)
    with database.write() as session:
        quote = {"need": payload, "offer": payload, "strength": "good", "source": "offer"}
        row = {"city": payload, "sector": payload, "strength": "good", "distance": payload}
        draft = session.exec(select(Draft)).one()
        draft.result = {"onlookers": [row | {"you_need": quote, "they_need": quote}], "unread": 0}
    pages["seen"] = admin.get(f"/smes/{sme_id}/seen")
    pages["seen again"] = admin.get(f"/smes/{sme_id}/edit/offers", params={"draft": "1", "seen": payload[:16]})
    for name, page in pages.items():
        tags = Tags()
        tags.feed(page.text)
        assert tags.live == [], name
    assert _escaped(payload) in pages["seen"].text
    assert _escaped(payload) in pages["section offers"].text
    for name in (
        "GET /smes/{sme_id}",
        "GET /smes",
        "GET /s/{token}",
        "GET /s/{token}/data",
        "GET /events/{event_id}",
        "GET /import",
    ):
        assert _escaped(payload) in pages[name].text, name


def _poison_events(session: Session, payload: str) -> None:
    for event in session.exec(select(Event)):
        event.name = event.venue = event.address = event.invitation = payload
        event.breaks = [{"name": payload, "from": 720, "to": 780}]
    for invitation in session.exec(select(Invitation)):
        invitation.words = payload


def _poison(session: Session, world: World, payload: str) -> None:
    """Write the payload into every text somebody could have typed."""
    for number, sme in enumerate(session.exec(select(Sme).order_by(Sme.id)).all()):  # type: ignore[arg-type]
        sme.name = f"{payload} {number}"
        sme.description = sme.sector_words = payload
        sme.website = payload[:300]
        session.add(sme)
    for statement in session.exec(select(Statement)):
        statement.text = payload
    for contact in session.exec(select(Contact)):
        contact.name = contact.phone = payload[:40]
    for hub in session.exec(select(Hub)):
        hub.name = payload
    _poison_events(session, payload)
    for account in session.exec(select(Account)):
        account.name = payload
    _poison_what_smes_say(session, world, payload)
    for match in session.exec(select(Match)):
        quote = {"need": payload, "offer": payload, "strength": "good"}
        match.evidence = {"a_to_b": quote, "b_to_a": quote, "distance": payload, "missing": [payload]}
        match.evidence |= {"shares": {payload: 0.5}}
    for shortlist in session.exec(select(Shortlist)):
        shortlist.status = ShortlistStatus.DRAFT
        shortlist.shortfall = {"reason": payload, "relaxation": payload, "advice": payload}
    add_ring(session, world)
    report = session.get_one(MatchRun, world.run.id).report
    step = {"need": payload, "offer": payload, "strength": payload}
    ring = {"members": report["rings"][0]["members"], "evidence": [step] * 3}
    session.get_one(MatchRun, world.run.id).report = {"rings": [ring], "relaxations": [payload]}
    for file in session.exec(select(ImportFile)):
        file.file_name = payload
    before = {world.smes["Spielwerk"].id: {"status": "published"}}
    world.change_set = changes.keep(session, world.accounts["broker"], "pause", before)
    assert session.get_one(City, "berlin").name == "Berlin"


def _poison_what_smes_say(session: Session, world: World, payload: str) -> None:
    for sme in world.smes.values():
        wished = {"description": payload, "offers": [payload], "needs": [payload]}
        session.add(Proposal(sme_id=sme.id, version=1, before=wished, after=wished, note=payload, made_at=now(session)))
    spielwerk, medilab = world.smes["Spielwerk"].id, world.smes["Medilab Plzeň"].id
    session.add(
        Interest(
            event_id=world.event.id,
            sme_id=spielwerk,
            partner_id=medilab,
            answer=Answer.NEVER,
            reason=payload,
            answered_at=now(session),
        )
    )


def _cell(payload: str) -> str:
    return payload.replace('"', '""').replace(";", ",")


def _escaped(payload: str) -> str:
    for plain, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        payload = payload.replace(plain, safe)
    return payload

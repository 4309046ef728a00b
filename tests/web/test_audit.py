"""What a person changes is on record: one entry for each change, in its transaction, and none where nothing changed.

Every unsafe route of the application is tried, with a form that changes something where one is known here, else as
the access matrix sends it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session, SQLModel, select

from broker.config import Settings
from broker.db import Database
from broker.domain import event_form, fresh_links, letters, login_links
from broker.models import (
    Account,
    AuditEntry,
    Email,
    EmailStatus,
    LinkPurpose,
    MatchRun,
    RunStatus,
    Shortlist,
    ShortlistStatus,
)
from broker.web.limits import Limits
from broker.web.security import SAFE_METHODS
from tests.domain.links import mailed_token
from tests.web.test_access import FORMS, _address, routes
from tests.web.world import PASSWORD, World, send_mail

Browse = Callable[..., TestClient]
SHEET = ("smes.csv", b"Name;City\nNeuland;Berlin\n")
WORKSHOP = event_form.empty() | {"name": "Workshop", "city": "berlin", "first_day": "2030-07-01"}
CHANGES: dict[str, dict[str, Any]] = {
    "POST /sign-in": {"email": "broker@network.example", "password": PASSWORD},
    "POST /sign-in/link": {"email": "broker@network.example"},
    "POST /sign-in/link/{token}": {},
    "POST /sign-out": {},
    "POST /sign-out/everywhere": {},
    "POST /password": {"email": "broker@network.example"},
    "POST /password/{token}": {"password": PASSWORD},
    "POST /invitation/{token}": {"name": "Bo", "password": PASSWORD},
    "POST /link": {"email": "spielwerk@firm.example"},
    "POST /link/{token}": {},
    "POST /account": {"name": "Another Name"},
    "POST /account/password": {"present": PASSWORD, "password": PASSWORD},
    "POST /account/sign-ins/{handle}/end": {},
    "POST /accounts": {"email": "new@city.example", "name": "New", "role": "organiser"},
    "POST /accounts/{account_id}": {"role": "broker", "city": "rome"},
    "POST /accounts/{account_id}/deactivate": {},
    "POST /accounts/{account_id}/invite": {},
    "POST /accounts/{account_id}/reactivate": {},
    "POST /s/{token}/answers/{partner_id}": {"answer": "never"},
    "POST /u/{token}": {},
    "POST /u/{token}/undo": {},
    "POST /smes/new": {"name": "Neuland", "city_code": "berlin"},
    "POST /events/new": WORKSHOP,
    "POST /events/{event_id}/registrations": {},
    "POST /events/{event_id}/runs": {},
    "POST /events/{event_id}/runs/{run_id}/cancel": {},
    "POST /events/{event_id}/approve": {"run_id": "1"},
    "POST /events/{event_id}/export": {"what": "matches", "form": "csv"},
    "POST /events/{event_id}/mail/{email_id}/retry": {},
    "POST /events/{event_id}/mail/{email_id}/hold": {},
    "POST /mail/{email_id}/retry": {},
    "POST /mail/{email_id}/hold": {},
}
"""Forms that change something, sent by who may."""
NO_RECORD = {
    "POST /import": "an upload waits, unseen by anybody else; the import itself is on record",
    "POST /import/{file_id}/columns": "so does how its columns are read",
    "POST /smes/{sme_id}/edit/{section}/draft": "what is being typed is kept for an hour, and changes no profile",
}
"""Routes that keep something without an entry, and why."""
TWO = {
    "POST /events/{event_id}/runs/{run_id}/cancel": ["run.cancel", "run.cancelled"],
    "POST /u/{token}": ["consent withdrawn", "mails.stop"],
}
"""Where two things happen at once: what was asked for is done, too, as no worker had begun; mails waited."""


@pytest.fixture(autouse=True)
def sent(database: Database, world: World) -> None:
    with database.write() as session:
        send_mail(session, world)


def rows(database: Database) -> dict[str, list[Any]]:
    """Every row of every table but the record itself."""
    with database.read() as session:
        return {
            table.name: session.connection().execute(select(table).order_by(*table.primary_key.columns)).all()
            for table in SQLModel.metadata.sorted_tables
            if table.name != AuditEntry.__tablename__
        }


def entries(database: Database) -> list[str]:
    with database.read() as session:
        return [entry.action for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]  # type: ignore[arg-type]


def person_for(name: str) -> str | None:
    """Somebody who may: whom the matrix does not turn away."""
    if name.startswith("POST /sign-out"):
        return "organiser"
    if name.startswith(("POST /sign-in", "POST /password", "POST /invitation", "POST /link", "POST /s/", "POST /u/")):
        return None
    if name.startswith(("POST /import", "POST /smes")):
        return "broker"
    return "admin"


def mail_a_link(session: Session, settings: Settings, world: World, name: str) -> None:
    """For the routes a mailed link leads to."""
    broker = session.get_one(Account, world.accounts["broker"].id)
    match name.split("/")[1]:
        case "sign-in":
            login_links.mail_sign_in(session, settings, broker.email)
        case "password":
            login_links.mail_password(session, settings, broker.email)
        case "account_invitation":
            link = login_links.make(session, settings, broker, LinkPurpose.INVITATION)
            letters.account_invitation(session, settings, broker, link)
        case _:
            fresh_links.mail(session, settings, "spielwerk@firm.example", renews=True)


def prepare(session: Session, settings: Settings, world: World, name: str) -> None:
    """Bring the world into the state in which the route has something to change."""
    match name.rpartition("/")[2]:
        case "{token}" | "link":
            mail_a_link(session, settings, world, name)
        case "reactivate":
            session.get_one(Account, world.accounts["other broker"].id).active = False
        case "invite":
            session.get_one(Account, world.accounts["other broker"].id).active = True
        case "cancel":
            session.get_one(MatchRun, world.run.id).status = RunStatus.QUEUED
        case "approve":
            for shortlist in session.exec(select(Shortlist)):
                shortlist.status = ShortlistStatus.DRAFT
        case "retry" | "hold" as act:
            mail = session.get_one(Email, world.event_email.id)
            mail.status = EmailStatus.FAILED if act == "retry" else EmailStatus.QUEUED


PATHS = {
    "POST /sign-in/link/{token}": ("sign_in", "/sign-in/link/"),
    "POST /password/{token}": ("password", "/password/"),
    "POST /invitation/{token}": ("account_invitation", "/invitation/"),
    "POST /link/{token}": ("fresh_link", "/link/"),
}


def address(database: Database, world: World, client: TestClient, name: str) -> str:
    path = name.removeprefix("POST ")
    if name in PATHS:
        kind, start = PATHS[name]
        return start + mailed_token(database, kind, start)
    if "{handle}" in path:
        return path.replace("{handle}", re.findall(r"/account/sign-ins/(\w+)/end", client.get("/account").text)[0])
    if name.startswith("POST /events/{event_id}/registrations"):
        return f"/events/{world.other_event.id}/registrations"
    return _address(world, path.replace("/mail/{email_id}", f"/mail/{world.event_email.id}"), "SME")


def order(name: str) -> tuple[bool, bool, bool, str]:
    """Such that each finds its state: the SME answers before its link is renewed, and leaves last of all."""
    return "/u/" in name, not name.startswith("POST /s/"), not name.endswith("/cancel"), name


def test_each_change_writes_one_entry_and_what_changes_nothing_none(
    app: FastAPI, browse: Browse, database: Database, world: World
) -> None:
    unsafe = [name for name in routes(app) if name.split(" ")[0] not in SAFE_METHODS]
    assert set(CHANGES) | set(NO_RECORD) <= set(unsafe)
    told, unchanged = {}, set()
    for name in sorted(unsafe, key=order):
        app.state.limits = Limits(app.state.settings)  # nobody signs in that often
        client = browse(person_for(name))
        with database.write() as session:
            prepare(session, app.state.settings, world, name)
        path = address(database, world, client, name)
        before, recorded = rows(database), len(entries(database))
        answer = client.post(path, data=CHANGES.get(name, FORMS.get(name)))
        changed = [table for table, found in rows(database).items() if found != before[table]]
        written = entries(database)[recorded:]
        if len(written) != bool(changed) and name not in NO_RECORD and written != TWO.get(name):
            told[name] = (answer.status_code, changed, written)
        if not changed:
            unchanged.add(name)

    assert told == {}
    assert unchanged & set(CHANGES) == set()

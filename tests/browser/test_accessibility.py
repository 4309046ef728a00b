"""No page breaks a WCAG 2.2 A or AA rule that axe knows, light or dark, narrow or wide; none scrolls sideways."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from sqlmodel import select

from broker.models import Match, MatchRun, Shortlist, ShortlistStatus
from tests.browser.conftest import Service
from tests.web.world import add_ring

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SHEET = "Name;City;Needs\nNeuland;Berlin;eine Klinik\nSPIELWERK GmbH;Berlin;eine Schule\nFern;Atlantis;\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_breaks_a_rule(open_page: Callable[..., Page], service: Service, width: int, scheme: str) -> None:
    found: dict[str, list[str]] = {}
    with service.database.write() as session:
        for shortlist in session.exec(select(Shortlist).where(Shortlist.sme_id == service.world.smes["Spielwerk"].id)):
            shortlist.status = ShortlistStatus.DRAFT
            shortlist.shortfall = {"reason": "Only two share a language.", "relaxation": "allow one", "advice": "Add."}
        for match in session.exec(select(Match)):
            match.evidence = match.evidence | {"shares": {"fit": 0.6, "history": 0.1}}
        add_ring(session, service.world)
        run = session.get_one(MatchRun, service.world.run.id)
        run.report = run.report | {"relaxations": ["allow one partner from Berlin's own city for 3 SMEs"]}
    sme = service.world.smes["Spielwerk"].id
    event = f"/events/{service.world.event.id}"
    stranger = open_page(width=width, scheme=scheme)
    _answer_both(stranger, service)
    for path in (
        "/",
        "/sign-in?email=organiser@workshop.example",
        "/sign-in/link/none",
        "/nowhere",
        "/outbox",
        f"/outbox/{service.world.email.id}",
        f"/outbox/{service.world.email.id}?part=source",
        service.world.links["Medilab Plzeň"],
        service.world.links["Solar Łódka"],
        "/s/wrong",
    ):
        _look(stranger, path, found)
    admin = open_page("admin", width=width, scheme=scheme)
    for path in (
        "/smes",
        "/smes?q=nothing-like-it",
        f"/smes/{sme}",
        f"/smes/{sme}/edit",
        "/smes/new",
        "/events",
        event,
        f"{event}/shortlists",
        f"{event}/shortlists?short=1",
        f"{event}/shortlists?status=approved",
        f"{event}/shortlists/{sme}",
        f"{event}/mailings",
        f"{event}/mailings/reminder",
        f"{event}/mailings/summary?part=text",
        f"{event}/mail",
        "/mail?status=queued",
        "/account/webhooks",
    ):
        _look(admin, path, found)
    _webhook_page(admin, found)
    _import_pages(admin, found)
    admin.goto(event)
    admin.get_by_role("button", name="Build again").click()
    _look(admin, admin.url, found)

    assert found == {}


def _answer_both(page: Page, service: Service) -> None:
    for own, other in (("Medilab Plzeň", "Nordljus Film"), ("Nordljus Film", "Medilab Plzeň")):
        page.goto(service.world.links[own])
        page.locator(f"#partner-{service.world.smes[other].id}").get_by_role("button", name="Interested").click()


def _webhook_page(page: Page, found: dict[str, list[str]]) -> None:
    page.get_by_label("Address").fill("https://crm.example/hook?key=" + "0123456789abcdef" * 8)
    page.get_by_role("button", name="Add the webhook").click()
    page.get_by_role("button", name="Send a test call").click()
    page.locator("summary").first.click()
    _look(page, None, found)


def _import_pages(page: Page, found: dict[str, list[str]]) -> None:
    _look(page, "/import", found)
    page.get_by_label("Spreadsheet").set_input_files(
        {"name": "smes.csv", "mimeType": "text/csv", "buffer": SHEET.encode()}
    )
    page.get_by_role("button", name="See what would happen").click()
    page.locator("summary").first.click()
    _look(page, None, found)
    page.get_by_role("button", name="Import: create 1 SME").click()
    _look(page, None, found)


def _look(page: Page, path: str | None, found: dict[str, list[str]]) -> None:
    if path is not None:
        page.goto(path)
    violations: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    told = [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in violations
        for node in rule["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        told.append("the page scrolls sideways")
    if told:
        found[page.url] = told

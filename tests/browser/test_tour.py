"""The tour of the README, step by step, on a phone and at a desk, light and dark, with and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from broker.config import ROOT
from broker.domain.embeddings import TextEncoder
from broker.models import Introduction
from tests.browser.conftest import Service
from tests.browser.test_organiser_story import work
from tests.browser.test_stories import SHEET, upload

OpenPage = Callable[..., Page]
# Any two of width, colours and JavaScript meet in every way.
WAYS = pytest.mark.parametrize(
    ("width", "scheme", "javascript"),
    [(360, "light", False), (360, "dark", True), (1280, "light", True), (1280, "dark", False)],
)
README = (ROOT / "README.md").read_text("utf-8")
TOUR = README.partition("## A tour in five minutes")[2].partition("\n## ")[0]


def said(*words: str) -> None:
    """The README names these pages and buttons, in this order."""
    places = [TOUR.find(f"*{word}*") for word in words]
    assert -1 not in places, dict(zip(words, places, strict=True))
    assert places == sorted(places)


@WAYS
def test_the_organisers_tour(
    open_page: OpenPage, service: Service, encoder: TextEncoder, width: int, scheme: str, javascript: bool
) -> None:
    said("Build again", "Review the drafts", "Approve", "Mails by date", "How the mails fare", "Match list")
    page = open_page("organiser", width=width, scheme=scheme, javascript=javascript)
    page.get_by_role("link", name="Internationalisation Workshop").click()
    page.get_by_role("button", name="Build again").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    work(service, encoder)
    page.reload()
    page.get_by_role("link", name="Review the drafts").first.click()
    page.get_by_role("link", name="Spielwerk").first.click()
    expect(page.get_by_text("designéra, který udělá z cvičení hru")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.get_by_role("status").first).to_contain_text("Approved.")
    page.goto(f"/events/{service.world.event.id}")
    expect(page.get_by_role("heading", name="Mails by date")).to_be_visible()
    page.get_by_role("link", name="How the mails fare").click()
    page.get_by_role("link", name="Internationalisation Workshop").first.click()
    page.get_by_role("link", name="Match list").first.click()
    for kind in ("CSV", "XLSX"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).click()
        assert download.value.suggested_filename.endswith(kind.lower())
    _fits(page, width)


@WAYS
def test_an_smes_tour(open_page: OpenPage, service: Service, width: int, scheme: str, javascript: bool) -> None:
    said("Outbox", "Interested", "Not now", "Never", "We know each other", "Get no more of these mails")
    page = open_page(width=width, scheme=scheme, javascript=javascript)
    page.goto("/outbox")
    expect(page.get_by_role("heading", name=re.compile("^Outbox|mail", re.IGNORECASE)).first).to_be_visible()
    page.goto(service.world.links["Spielwerk"])
    card = page.locator(f"#partner-{service.world.smes['Medilab Plzeň'].id}")
    expect(card.get_by_text("a clinical partner to test our rehabilitation game with patients")).to_be_visible()
    card.get_by_role("button", name="Not now").click()
    expect(card.get_by_text("You said: not now.")).to_be_visible()
    card.get_by_text("Add a reason (optional)").click()
    card.get_by_label("Why not now?").fill("In May we can.")
    card.get_by_role("button", name="Save the reason").click()
    card.get_by_role("button", name="Interested").click()
    expect(card.get_by_text("You would like to meet Medilab Plzeň.")).to_be_visible()
    _fits(page, width)
    page.goto(service.world.links["Medilab Plzeň"])
    page.locator(f"#partner-{service.world.smes['Spielwerk'].id}").get_by_role("button", name="Interested").click()
    expect(page.get_by_text("You both said yes")).to_be_visible()
    with service.database.read() as session:
        assert session.exec(select(Introduction)).one() is not None
    page.goto(service.world.unsubscribe)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="You get no more mails")).to_be_visible()
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="You get no more mails")).to_have_count(0)


@WAYS
def test_a_brokers_tour(open_page: OpenPage, service: Service, width: int, scheme: str, javascript: bool) -> None:
    said("Today", "SMEs", "Reviews", "Introductions", "Import", "Undo this import")
    page = open_page("broker", width=width, scheme=scheme, javascript=javascript)
    page.get_by_role("link", name="Today").click()
    expect(page.get_by_role("heading", name="What needs you")).to_be_visible()
    page.get_by_role("link", name="SMEs", exact=True).first.click()
    page.get_by_label("Search").fill("spiel")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("q=spiel"))
    page.get_by_role("link", name="Spielwerk").click()
    page.get_by_role("link", name="What it looks for").click()
    expect(page.get_by_role("button", name="Show who would see this")).to_be_visible()
    page.get_by_role("link", name="Reviews").click()
    expect(page.get_by_role("heading", name="Reviews")).to_be_visible()
    page.get_by_role("link", name="Introductions", exact=True).first.click()
    expect(page.get_by_role("heading", name="Introductions").first).to_be_visible()
    page.get_by_role("link", name="Import", exact=True).click()
    upload(page, "smes.csv", SHEET.encode())
    page.get_by_role("button", name="See what would happen").click()
    page.get_by_role("button", name="Import: create 1 SME").click()
    expect(page.get_by_role("heading", name="smes.csv is imported")).to_be_visible()
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_role("status")).to_contain_text("1 new SME removed")
    _fits(page, width)


@WAYS
def test_an_administrators_tour(
    open_page: OpenPage, service: Service, width: int, scheme: str, javascript: bool
) -> None:
    said("Accounts", "Mail")
    page = open_page("admin", width=width, scheme=scheme, javascript=javascript)
    page.get_by_role("link", name="Accounts").click()
    page.locator("#f-email").fill("bo@city.example")
    page.locator("#f-name").fill("Bo Rossi")
    page.locator("#f-role").select_option("organiser")
    page.get_by_role("button", name="Mail the invitation").click()
    expect(page.get_by_role("status")).to_contain_text("Bo Rossi is invited.")
    page.get_by_role("link", name="Bo Rossi").click()
    page.get_by_role("button", name=re.compile("Deactivate")).click()
    expect(page.get_by_role("status")).to_be_visible()
    page.get_by_role("link", name="Mail", exact=True).click()
    expect(page.get_by_role("heading").first).to_be_visible()
    _fits(page, width)


def _fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width

"""No page breaks a WCAG 2.2 A or AA rule that axe knows, light or dark, narrow or wide; none scrolls sideways."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlmodel import select

from broker.db import now
from broker.domain.completeness import Section
from broker.models import Contact, Match, MatchRun, PairRule, Shortlist, ShortlistStatus, Sme
from tests.browser.conftest import Service
from tests.domain.links import mailed_token
from tests.web.test_runs import build_again
from tests.web.world import add_ring, await_review, propose

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SHEET = "Name;City;Needs\nNeuland;Berlin;eine Klinik\nSPIELWERK GmbH;Berlin;eine Schule\nFern;Atlantis;\n"


# Colours do not depend on the width, nor anything else on the colours.
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_no_page_breaks_a_rule(open_page: Callable[..., Page], service: Service, width: int, scheme: str) -> None:
    found: dict[str, list[str]] = {}
    with service.database.write() as session:
        for shortlist in session.exec(select(Shortlist).where(Shortlist.sme_id == service.world.smes["Spielwerk"].id)):
            shortlist.status = ShortlistStatus.DRAFT
            shortlist.shortfall = {"reason": "Only two share a language.", "relaxation": "allow one", "advice": "Add."}
        for match in session.exec(select(Match)):
            match.evidence = match.evidence | {"shares": {"fit": 0.6, "history": 0.1}}
        add_ring(session, service.world)
        propose(session, service.world)
        session.get_one(Sme, service.world.smes["Spielwerk"].id).erasure_asked_at = now(session)
        await_review(session, service.world)
        run = session.get_one(MatchRun, service.world.run.id)
        run.report = run.report | {"relaxations": ["allow one partner from Berlin's own city for 3 SMEs"]}
        session.add(PairRule(event_id=service.world.event.id, a_id=1, b_id=2, kind="pin", reason="Promised"))
        build_again(session, service.world)
    sme = service.world.smes["Spielwerk"].id
    event = f"/events/{service.world.event.id}"
    stranger = open_page(width=width, scheme=scheme)
    _answer_both(stranger, service)
    for path in (
        "/",
        "/sign-in?email=organiser@workshop.example",
        "/sign-in/link/none",
        "/password",
        "/password/none",
        "/invitation/none",
        "/link",
        "/api",
        "/nowhere",
        "/outbox",
        f"/outbox/{service.world.email.id}",
        f"/outbox/{service.world.email.id}?part=source",
        service.world.links["Medilab Plzeň"],
        service.world.links["Solar Łódka"],
        service.world.invitation,
        "/s/wrong",
        *(
            service.world.links[name] + page
            for name in ("Spielwerk", "Medilab Plzeň")
            for page in ("/profile", "/data")
        ),
    ):
        _look(stranger, path, found)
    admin = open_page("admin", width=width, scheme=scheme)
    for path in (
        "/city",
        "/city?city=linz",
        "/introductions",
        "/introductions?state=introduced",
        "/introductions?state=closed",
        "/introductions/rings",
        "/smes",
        "/changes",
        "/smes?q=spielwerk&sector=creative&todo=consent",
        "/smes?q=nothing-like-it",
        f"/smes/{sme}",
        f"/smes/{sme}/erasure",
        *(f"/smes/{sme}/edit/{section}" for section in Section),
        f"/smes/{sme}/seen?section=offers",
        "/reviews",
        f"/reviews/{service.world.in_review.id}",
        "/smes/new",
        "/events",
        "/events/new",
        event,
        f"{event}/edit",
        f"{event}/picture",
        f"{event}/picture?of=yes",
        f"{event}/registrations",
        f"{event}/registrations?city=berlin",
        f"{event}/invitations",
        f"{event}/shortlists",
        f"{event}/shortlists?short=1",
        f"{event}/shortlists?status=approved",
        f"{event}/shortlists/{sme}",
        f"{event}/diff",
        f"{event}/pairs",
        f"{event}/matches?c=city,sector,hub,languages,strength,answers,answered,introduced,reasons,contacts",
        f"{event}/matches?q=nothing-like-it",
        f"{event}/unanswered",
        f"{event}/mailings",
        f"{event}/mailings/reminder",
        f"{event}/mailings/summary?part=text",
        f"{event}/mail",
        "/mail?status=queued",
        "/account",
        "/accounts",
        f"/accounts/{service.world.accounts['broker'].id}",
        f"/accounts/{service.world.accounts['admin'].id}",
    ):
        _look(admin, path, found)
    admin.goto("/events/new")
    admin.get_by_role("button", name="Set the event up").click()
    _look(admin, None, found)
    _account_pages(admin, stranger, service, found)
    _profile_pages(admin, sme, found)
    _look(admin, "/account/webhooks", found)
    _webhook_page(admin, found)
    _import_pages(admin, found)
    admin.goto(event)
    admin.get_by_role("button", name="Build again").click()
    _look(admin, admin.url, found)

    assert found == {}


def _answer_both(page: Page, service: Service) -> None:
    for own, other in (("Medilab Plzeň", "Nordljus Film"), ("Nordljus Film", "Medilab Plzeň")):
        page.goto(service.world.links[own])
        card = page.locator(f"#partner-{service.world.smes[other].id}")
        card.get_by_role("button", name="Interested").click()
        card.get_by_text("Add a reason").click()
        card.get_by_label("What would you like to talk about?").fill("motion capture")
        card.get_by_role("button", name="Save the reason").click()
        card.get_by_text("motion capture").first.wait_for()


def _account_pages(admin: Page, stranger: Page, service: Service, found: dict[str, list[str]]) -> None:
    """Those with something wrong in a form, and those that a mailed link leads to."""
    admin.goto("/accounts")
    admin.locator("#f-email").fill("broker@network.example")
    admin.locator("#f-name").fill("Bo")
    admin.locator("#f-role").select_option("broker")
    admin.get_by_role("button", name="Mail the invitation").click()
    _look(admin, None, found)
    admin.locator("#f-email").fill("bo@city.example")
    admin.locator("#f-role").select_option("organiser")
    admin.get_by_role("button", name="Mail the invitation").click()
    _look(admin, None, found)
    stranger.goto("/password")
    stranger.get_by_label("E-mail address").fill("broker@network.example")
    stranger.get_by_role("button", name="Mail me a link").click()
    _look(stranger, None, found)
    with service.database.read() as session:
        sme = service.world.smes["Spielwerk"].id
        address = session.exec(select(Contact.email).where(Contact.sme_id == sme)).one()
    stranger.goto("/link")
    stranger.get_by_label("E-mail address").fill(address)
    stranger.get_by_label("The old link").check()
    stranger.get_by_role("button", name="Mail me the link").click()
    _look(stranger, None, found)
    for kind, path in (("account_invitation", "/invitation/"), ("password", "/password/"), ("fresh_link", "/link/")):
        _look(stranger, path + mailed_token(service.database, kind, path), found)


def _profile_pages(page: Page, sme: int, found: dict[str, list[str]]) -> None:
    """With notes beside statements, with errors, and with the fields two people changed."""
    page.goto(f"/smes/{sme}/edit/offers")
    page.get_by_label("Offer 1").fill("innovative solutions")
    expect(page.get_by_text("fits every firm")).to_be_visible()
    expect(page.get_by_text("Being worked out")).to_be_visible()
    _look(page, None, found)
    page.goto(f"/smes/{sme}/edit/contact")
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_visible()
    _look(page, None, found)
    page.goto(f"/smes/{sme}/edit/firm")
    other = page.context.new_page()
    other.goto(f"/smes/{sme}/edit/firm")
    for one, words in ((other, "What one wrote"), (page, "What the other wrote")):
        one.get_by_label("Description").fill(words)
        one.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Somebody else saved this meanwhile")).to_be_visible()
    _look(page, None, found)
    page.goto(f"/smes/{sme}/edit/readiness")
    for name in ("not yet", "no", "it names a country", "in part", "in one project", "with some notice", "applied for"):
        page.get_by_role("radio", name=name, exact=True).first.check()
    page.get_by_role("radio", name="also English", exact=True).check()
    page.get_by_role("button", name="Save").click()
    _look(page, f"/smes/{sme}/edit/readiness", found)
    page.goto("/smes/new")
    page.get_by_role("button", name="Add the SME").click()
    _look(page, None, found)


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
    page.get_by_role("button", name="Upload and match the columns").click()
    _look(page, None, found)
    page.get_by_role("button", name="See what would happen").click()
    page.locator("summary").first.click()
    _look(page, None, found)
    page.get_by_role("link", name="Compare side by side").click()
    _look(page, None, found)
    page.get_by_label("Yes, merge them").check()
    _look(page, None, found)
    page.get_by_role("button", name="Save and go back to the check").click()
    page.get_by_role("button", name="Import: create 1 SME").click()
    _look(page, None, found)
    page.get_by_role("button", name="Undo this import").click()
    _look(page, None, found)
    page.goto("/smes")
    page.get_by_label("Choose Spielwerk").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    _look(page, None, found)
    page.get_by_role("button", name="Undo", exact=True).click()


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

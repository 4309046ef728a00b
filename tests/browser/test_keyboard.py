"""Each role's work by keyboard alone; the focus is never out of sight."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from broker.domain.embeddings import TextEncoder
from tests.browser.conftest import Service
from tests.browser.test_organiser_story import work
from tests.browser.test_sme_story import card
from tests.web.world import PASSWORD

OpenPage = Callable[..., Page]


def test_the_keyboard_reaches_the_content_first(open_page: Callable[..., Page]) -> None:
    page = open_page("broker")
    page.goto("/smes")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.closest('main') !== null")
    assert focused


def test_an_sme_answers_and_says_why(open_page: OpenPage, service: Service) -> None:
    page = open_page(width=360)
    page.goto(service.world.links["Spielwerk"])
    medilab = card(page, service, "Medilab Plzeň")
    tab_to(page, page.get_by_role("link", name="Start"))
    page.keyboard.press("Enter")
    tab_to(page, medilab.get_by_role("button", name="Interested"), most=3)
    tab_to(page, medilab.get_by_role("button", name="Not now"), most=1)
    page.keyboard.press("Enter")
    expect(medilab.get_by_text("You said: not now.")).to_be_visible()
    tab_to(page, medilab.locator("summary"), most=3)
    page.keyboard.press("Enter")
    tab_to(page, medilab.get_by_label("Why not now?"), most=1)
    page.keyboard.type("In May we can.")
    tab_to(page, medilab.get_by_role("button", name="Save the reason"), most=1)
    page.keyboard.press("Enter")
    expect(medilab.get_by_text("Your reason: In May we can.")).to_be_visible()


def test_a_broker_signs_in_finds_a_firm_writes_a_need_pauses_it_and_takes_that_back(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page(width=360)
    _sign_in(page, service, "broker")
    _press(page, page.get_by_role("link", name="SMEs", exact=True).first)
    tab_to(page, page.get_by_label("Search"))
    page.keyboard.type("spiel")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=spiel"))
    _press(page, page.get_by_role("link", name="Spielwerk"))
    _press(page, page.get_by_role("link", name="What it looks for"))
    tab_to(page, page.get_by_label("Need 1"))
    page.keyboard.press("Control+A")
    page.keyboard.type("a hospital that tests games")
    _press(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_role("status").first).to_contain_text("saved.")
    expect(page.get_by_text("a hospital that tests games")).to_be_visible()

    _press(page, page.get_by_role("link", name="SMEs", exact=True).first)
    tab_to(page, page.get_by_label("Choose Spielwerk"))
    page.keyboard.press("Space")
    _press(page, page.get_by_role("button", name="Pause", exact=True))
    expect(page.get_by_role("status").first).to_contain_text("1 SME is paused.")
    _press(page, page.get_by_role("button", name="Undo"))
    expect(page.get_by_role("status").first).to_contain_text("1 profile as before")


def test_an_organiser_builds_looks_a_draft_over_approves_and_filters_the_match_list(
    open_page: OpenPage, service: Service, encoder: TextEncoder
) -> None:
    page = open_page()
    _sign_in(page, service, "organiser")
    _press(page, page.get_by_role("link", name="Internationalisation Workshop").first)
    _press(page, page.get_by_role("button", name="Build again"))
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    work(service, encoder)
    expect(page.get_by_role("link", name="Review the drafts").first).to_be_visible()
    _press(page, page.get_by_role("link", name="Review the drafts").first)
    _press(page, page.get_by_role("link", name="Spielwerk").first)
    expect(page.get_by_text("designéra, který udělá z cvičení hru")).to_be_visible()
    page.go_back()
    _press(page, page.get_by_role("button", name=re.compile("^Approve")))
    expect(page.get_by_role("status").first).to_contain_text("Approved.")
    _press(page, page.get_by_role("link", name="Match list").first)
    _press(page, page.locator("summary", has_text="Filters"))
    tab_to(page, page.locator("select[name=city]"))
    page.keyboard.press("w")
    expect(page.locator("select[name=city]")).to_have_value("warsaw")
    _press(page, page.get_by_role("button", name="Show"))
    expect(page.get_by_role("rowheader").first).to_contain_text("Solar Łódka")


def _sign_in(page: Page, service: Service, person: str) -> None:
    page.goto("/sign-in")
    tab_to(page, page.get_by_label("E-mail address").first)
    page.keyboard.type(service.world.accounts[person].email)
    tab_to(page, page.get_by_label("Password"), most=1)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def _press(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def tab_to(page: Page, wanted: Locator, most: int = 40) -> None:
    """Press Tab until it is reached; whatever is focused on the way can be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert _is_in_sight(wanted)
            return
    pytest.fail(f"not reached with {most} presses of Tab")


def _is_in_sight(wanted: Locator) -> bool:
    """Focus is not hidden behind the bar at the bottom (WCAG 2.2, 2.4.11)."""
    script = """element => {
        const box = element.getBoundingClientRect();
        const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height, 44) / 2);
        return element === top || element.contains(top);
    }"""
    return bool(wanted.evaluate(script))

"""A broker's day: what needs her, the list that follows what she types, and the handshake with another city."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Service
from tests.web.world import say_yes


def test_the_list_follows_what_is_typed_and_so_does_the_address(open_page: Callable[..., Page]) -> None:
    page = open_page("admin")
    page.goto("/smes")
    page.get_by_label("Search").press_sequentially("plzen")

    expect(page).to_have_url(re.compile(r"/smes\?q=plzen$"))
    expect(page.locator("#list .name")).to_have_text(["Medilab Plzeň"])
    expect(page.locator("#found")).to_have_text("1 SME found")
    expect(page.get_by_label("Search")).to_be_focused()
    page.locator("summary", has_text="Filters").click()
    page.locator("select[name=sector]").select_option("games")
    expect(page).to_have_url(re.compile(r"/smes\?q=plzen&sector=games$"))
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name=re.compile("Games.*take this filter away")).click()
    expect(page.locator("#list .name")).to_have_text(["Medilab Plzeň"])
    page.go_back()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    kept = page.evaluate("Object.values({...sessionStorage, ...localStorage}).join()")
    assert "Medilab" not in kept  # no profile stays in the browser


@pytest.mark.parametrize("javascript", [True, False])
def test_two_brokers_look_after_one_introduction(
    open_page: Callable[..., Page], service: Service, javascript: bool
) -> None:
    with service.database.write() as session:
        say_yes(session, service.world, "Medilab Plzeň", "Spielwerk")
    own = open_page("broker", width=360, javascript=javascript)
    own.goto("/city")
    own.get_by_role("link", name="Introductions to watch").click()
    case = own.get_by_role("article")
    expect(case).to_contain_text("A health company")
    expect(case).not_to_contain_text("Medilab")
    case.get_by_text("Write a note").first.click()
    case.get_by_label("Your note").fill("They are back on Monday.")
    case.get_by_role("button", name="Write the note").click()
    expect(own.get_by_role("status")).to_contain_text("Your note is there")
    own.get_by_role("button", name="I follow this up").click()

    other = open_page("other broker", javascript=javascript)
    other.goto("/introductions")
    theirs = other.get_by_role("article")
    expect(theirs).to_contain_text("A games studio")
    expect(theirs).not_to_contain_text("Spielwerk")
    expect(theirs).to_contain_text("followed up The broker of Berlin")
    theirs.get_by_text("1 note").first.click()
    expect(theirs.get_by_text("They are back on Monday.")).to_be_visible()

"""How people get in: by an invitation, by a new password, by a fresh link; on a phone, with and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from broker.models import Contact
from tests.browser.conftest import Service
from tests.domain.links import mailed_token
from tests.web.world import PASSWORD

BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])


@BOTH
def test_an_administrator_invites_a_broker_who_signs_in_with_a_password(
    open_page: Callable[..., Page], service: Service, javascript: bool
) -> None:
    admin = open_page("admin", javascript=javascript)
    admin.get_by_role("link", name="Accounts").click()
    admin.locator("#f-email").fill("bo@city.example")
    admin.locator("#f-name").fill("Bo Rossi")
    admin.locator("#f-role").select_option("broker")
    admin.get_by_role("button", name="Mail the invitation").click()
    problem = admin.get_by_role("alert")
    expect(problem).to_contain_text("A broker works for one of the network's cities")
    if javascript:
        expect(problem).to_be_focused()
    problem.get_by_role("link", name="City").click()
    admin.locator("#f-city").select_option("rome")
    admin.get_by_role("button", name="Mail the invitation").click()
    expect(admin.get_by_role("status")).to_contain_text("Bo Rossi is invited.")

    guest = open_page(width=360, javascript=javascript)
    guest.goto("/invitation/" + mailed_token(service.database, "account_invitation", "/invitation/"))
    expect(guest.get_by_label("Your name")).to_have_value("Bo Rossi")
    guest.locator("#f-password").fill(PASSWORD)
    guest.get_by_role("button", name="Set the password and begin").click()
    expect(guest.get_by_role("heading", name="Today in Rome")).to_be_visible()
    guest.get_by_role("button", name="Sign out").click()
    guest.get_by_label("E-mail address").first.fill("bo@city.example")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Sign in").click()
    expect(guest.get_by_role("heading", name="Today in Rome")).to_be_visible()


@BOTH
def test_a_forgotten_password_is_replaced_by_a_mailed_link(
    open_page: Callable[..., Page], service: Service, javascript: bool
) -> None:
    page = open_page(width=360, javascript=javascript)
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail address").fill("broker@network.example")
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()

    page.goto("/password/" + mailed_token(service.database, "password", "/password/"))
    page.get_by_label("New password").fill("another long password")
    page.get_by_role("button", name="Set the new password").click()
    expect(page.get_by_role("status")).to_contain_text("Your new password is set")
    page.get_by_label("E-mail address").first.fill("broker@network.example")
    page.get_by_label("Password").fill("another long password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Today in Berlin")).to_be_visible()


@BOTH
def test_an_sme_whose_link_was_seen_by_others_replaces_it(
    open_page: Callable[..., Page], service: Service, javascript: bool
) -> None:
    with service.database.read() as session:
        sme = service.world.smes["Spielwerk"].id
        address = session.exec(select(Contact.email).where(Contact.sme_id == sme)).one()
    page = open_page(width=360, javascript=javascript)
    page.goto("/s/mangled")
    page.get_by_role("link", name="Get a fresh link").click()
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("The old link has got into wrong hands").check()
    for target in (page.get_by_role("button", name="Mail me the link"), page.locator("label.choice")):
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.get_by_role("button", name="Mail me the link").click()

    page.goto("/link/" + mailed_token(service.database, "fresh_link", "/link/"))
    page.get_by_role("button", name="Replace the link").click()
    expect(page.get_by_role("status").first).to_contain_text("The old link does not work any more.")
    expect(page.get_by_role("heading", name="2 partners for you in Berlin")).to_be_visible()
    page.goto(service.world.links["Spielwerk"])
    expect(page.get_by_role("link", name="Get a fresh link")).to_be_visible()


def test_my_account_names_this_device_and_signs_another_out(open_page: Callable[..., Page]) -> None:
    page, other = open_page("broker", width=360, javascript=False), open_page("broker")
    page.get_by_role("link", name="Your account, Broker").click()
    expect(page.get_by_text("this one")).to_have_count(1)
    page.locator("tr", has_not=page.get_by_text("this one")).get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("That device is signed out.")

    other.goto("/smes")
    expect(other.get_by_role("heading", name="Sign in").first).to_be_visible()

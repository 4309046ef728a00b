"""An SME's whole story on a phone 360 px wide, with and without JavaScript."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import APIResponse, Error, Locator, Page, Route, expect
from sqlmodel import select

from broker.db import now
from broker.domain import profiles
from broker.models import Answer, Event, Interest, Proposal, ProposalStatus, Sme, SmeStatus
from tests.browser.conftest import Service

OpenPage = Callable[..., Page]
BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])


def card(page: Page, service: Service, name: str) -> Locator:
    return page.locator(f"#partner-{service.world.smes[name].id}")


@BOTH
def test_it_answers_gives_a_reason_changes_its_mind_and_sees_how_far_it_is(
    open_page: OpenPage, service: Service, javascript: bool
) -> None:
    page = open_page(width=360, javascript=javascript)
    page.goto(service.world.links["Spielwerk"])
    expect(page.get_by_text("0 of 2 answered")).to_be_visible()
    page.get_by_role("link", name="Start (Medilab Plzeň)", exact=True).click()
    medilab, nordljus = card(page, service, "Medilab Plzeň"), card(page, service, "Nordljus Film")

    medilab.get_by_role("button", name="Never").click()
    expect(medilab.get_by_text("You said: never.")).to_be_visible()
    expect(page.get_by_text("1 of 2 answered")).to_be_visible()
    medilab.get_by_text("Add a reason (optional)").click()
    medilab.get_by_label("Why never?").fill("A rival of ours.")
    medilab.get_by_role("button", name="Save the reason").click()
    expect(medilab.get_by_text("Your reason: A rival of ours.")).to_be_visible()

    page.get_by_role("link", name="Next unanswered").click()
    assert page.url.endswith(f"#partner-{service.world.smes['Nordljus Film'].id}")
    nordljus.get_by_role("button", name="We know each other").click()
    expect(page.get_by_text("All 2 answered. Thank you.")).to_be_visible()
    medilab.get_by_role("button", name="Interested").click()
    expect(medilab.get_by_text("You would like to meet Medilab Plzeň.")).to_be_visible()

    with service.database.read() as session:
        found = {row.partner_id: (row.answer, row.reason) for row in session.exec(select(Interest))}
    assert found == {
        service.world.smes["Medilab Plzeň"].id: (Answer.INTERESTED, ""),
        service.world.smes["Nordljus Film"].id: (Answer.KNOWN, ""),
    }


def test_with_scripts_only_the_card_changes_and_the_focus_stays(open_page: OpenPage, service: Service) -> None:
    page = open_page(width=360)
    page.goto(service.world.links["Spielwerk"])
    page.evaluate("window.before = 'the same page'")
    medilab = card(page, service, "Medilab Plzeň")

    medilab.get_by_role("button", name="Not now").click()

    expect(medilab.get_by_text("You said: not now.")).to_be_visible()
    expect(medilab.get_by_role("button", name="Not now")).to_be_focused()
    expect(medilab.get_by_role("button", name="Not now")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#told")).to_have_text("You said: not now. Medilab Plzeň is not told.")
    assert page.evaluate("window.before") == "the same page"


def test_an_answer_counts_though_an_earlier_reason_is_still_on_its_way(open_page: OpenPage, service: Service) -> None:
    page = open_page(width=360)
    page.goto(service.world.links["Spielwerk"])
    medilab = card(page, service, "Medilab Plzeň")
    medilab.get_by_role("button", name="Not now").click()
    medilab.get_by_text("Add a reason (optional)").click()
    medilab.get_by_label("Why not now?").fill("In May we can.")
    held: list[tuple[Route, APIResponse]] = []

    page.route("**/answers/*", lambda route: held.append((route, route.fetch())))
    medilab.get_by_role("button", name="Save the reason").click()
    medilab.get_by_role("button", name="Interested").click()
    while len(held) < 2:
        page.wait_for_timeout(20)
    for route, response in held:
        with suppress(Error):  # the browser may have let go of it
            route.fulfill(response=response)
        page.wait_for_timeout(200)

    expect(medilab.get_by_text("You would like to meet Medilab Plzeň.")).to_be_visible()


def test_saving_a_reason_leaves_the_focus_beside_it_and_says_so(open_page: OpenPage, service: Service) -> None:
    page = open_page(width=360)
    page.goto(service.world.links["Spielwerk"])
    medilab = page.get_by_role("article", name="Medilab Plzeň")
    medilab.get_by_role("button", name="Not now").click()
    medilab.get_by_text("Add a reason").click()
    medilab.get_by_label("Why not now?").fill("in May")

    medilab.get_by_role("button", name="Save the reason").click()

    expect(medilab.get_by_text("Change your reason")).to_be_focused()
    expect(page.locator("#told")).to_have_text("Your reason is saved.")


def test_answers_that_closed_meanwhile_are_told_and_nothing_is_lost(open_page: OpenPage, service: Service) -> None:
    page = open_page(width=360)
    page.goto(service.world.links["Spielwerk"])
    with service.database.write() as session:
        event = session.get_one(Event, service.world.event.id)
        event.answers_until = now(session)

    card(page, service, "Medilab Plzeň").get_by_role("button", name="Interested").click()

    expect(page.get_by_text("Answers are closed.")).to_be_visible()
    expect(page.get_by_text("You did not answer about Medilab Plzeň, and they were not told.")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


@BOTH
def test_it_proposes_a_change_and_its_broker_takes_some_of_it_over(
    open_page: OpenPage, service: Service, javascript: bool
) -> None:
    page = open_page(width=360, javascript=javascript)
    page.goto(service.world.links["Spielwerk"])
    page.get_by_role("link", name="Profile", exact=True).click()
    page.get_by_label("Working languages").fill("German, Klingon")
    page.get_by_role("button", name="Send to my broker").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_label("Working languages")).to_be_focused()
    page.get_by_label("Working languages").fill("German, Czech")
    page.get_by_label("Target markets").fill("Poland")
    page.get_by_role("button", name="Send to my broker").click()
    expect(page.get_by_text("Your proposal waits for your broker")).to_be_visible()

    broker = open_page("broker", javascript=javascript)
    broker.goto(f"/smes/{service.world.smes['Spielwerk'].id}")
    broker.get_by_label("Target markets").uncheck()
    broker.get_by_label("A note to Spielwerk").fill("Poland: let us talk.")
    broker.get_by_role("button", name="Accept what is ticked").click()
    expect(broker.get_by_text("1 field taken over.")).to_be_visible()

    page.reload()
    expect(page.get_by_text("Your broker accepted some of your last proposal")).to_be_visible()
    expect(page.get_by_text("Poland: let us talk.")).to_be_visible()
    with service.database.read() as session:
        held = profiles.read(session, session.get_one(Sme, service.world.smes["Spielwerk"].id))
        assert session.exec(select(Proposal.status)).one() is ProposalStatus.ACCEPTED
    assert (held.languages, held.markets) == (["de", "cs"], ["CZ", "AT"])


@BOTH
def test_it_takes_its_data_along_pauses_and_asks_to_be_erased(
    open_page: OpenPage, service: Service, javascript: bool
) -> None:
    page = open_page(width=360, javascript=javascript)
    page.goto(service.world.links["Spielwerk"])
    page.get_by_role("link", name="My data").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download everything").click()
    assert download.value.suggested_filename == "my-data.json"
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Take up again")).to_be_visible()
    with service.database.read() as session:
        assert session.get_one(Sme, service.world.smes["Spielwerk"].id).status is SmeStatus.PAUSED
    page.get_by_role("button", name="Take up again").click()
    page.get_by_text("Ask to be erased").click()
    page.get_by_role("button", name="Yes, ask my broker").click()

    broker = open_page("broker", javascript=javascript)
    broker.goto(f"/smes/{service.world.smes['Spielwerk'].id}")
    broker.get_by_role("link", name="See what would go").click()
    broker.get_by_label("Type its name").fill("Spielwerk")
    broker.get_by_role("button", name="Erase for good").click()
    expect(broker.get_by_text("Erased, with its mails and answers.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("This link does not work any more:")).to_be_visible()
    expect(page.get_by_role("link", name="Get a fresh link")).to_be_visible()


@pytest.mark.parametrize("part", ["", "/profile", "/data"])
def test_every_target_is_as_large_as_a_thumb(open_page: OpenPage, service: Service, part: str) -> None:
    """Links within a sentence excepted, as WCAG has it."""
    page = open_page(width=360)
    page.goto(service.world.links["Spielwerk"] + part)
    small = page.evaluate(
        """() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden]), textarea')]
            .filter(element => !element.closest('p, .skip') && !element.matches('.skip'))
            .filter(element => element.checkVisibility() && element.getBoundingClientRect().height < 43.5)
            .map(element => element.outerHTML.slice(0, 120))"""
    )
    assert small == []

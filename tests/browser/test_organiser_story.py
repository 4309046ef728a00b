"""The organiser's story without JavaScript: build, see what changes, pin and ban, build again, approve, take along."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from broker.domain import shortlists
from broker.domain.embeddings import TextEncoder
from broker.models import MatchRun, RunStatus
from tests.browser.conftest import Service


def work(service: Service, encoder: TextEncoder) -> None:
    """What a worker does with the run that waits."""
    with service.database.read() as session:
        run_id = session.exec(select(MatchRun.id).where(MatchRun.status == RunStatus.QUEUED)).one()
    assert shortlists.build(service.database, run_id, owner="test", encoder=encoder)


@pytest.mark.parametrize("width", [360, 1280])
def test_an_organiser_builds_compares_rules_approves_and_exports(
    open_page: Callable[..., Page], service: Service, encoder: TextEncoder, width: int
) -> None:
    page = open_page("organiser", javascript=False, width=width)
    event = f"/events/{service.world.event.id}"
    page.goto(event)
    page.get_by_role("button", name="Build again").click()
    work(service, encoder)
    page.goto(event)
    page.get_by_role("link", name="What this build changes").click()
    expect(page.get_by_role("heading", name="What this build changes")).to_be_visible()
    expect(page.get_by_text("compared with the lists the SMEs see")).to_be_visible()

    page.get_by_role("link", name="Pins and bans").click()
    _rule(page, "Spielwerk, Berlin", "Solar Łódka, Warsaw", "must meet (pin)")
    _rule(page, "Spielwerk, Berlin", "Medilab Plzeň, Pilsen", "must not meet (ban)")
    page.get_by_role("button", name="Build again").click()
    work(service, encoder)

    page.goto(f"{event}/diff?against=approved")
    expect(page.get_by_text("Spielwerk and Solar Łódka")).to_be_visible()
    expect(page.get_by_text("You ruled the pair out.").first).to_be_visible()
    page.get_by_role("link", name="Review and approve").click()
    expect(page.get_by_text("Against the lists the SMEs see now:")).to_be_visible()
    page.get_by_role("button", name="Approve 4 shortlists").click()
    expect(page.get_by_role("status")).to_contain_text("Approved.")

    page.get_by_role("link", name="Match list").first.click()
    page.locator("summary", has_text="Filters").click()
    page.locator("select[name=city]").select_option("Warsaw")
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Sector", exact=True).last.uncheck()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("rowheader").first).to_contain_text("Solar Łódka")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert rows[0] == ["sme", "partner", "sme_city", "partner_city", "strength", "answer_sme", "answer_partner"]
    assert {row[0] for row in rows[1:]} == {"Solar Łódka"}
    assert "Spielwerk" in {row[1] for row in rows[1:]}


def _rule(page: Page, one: str, other: str, kind: str) -> None:
    page.get_by_label("One SME").fill(one)
    page.get_by_label("The other SME").fill(other)
    page.get_by_label(kind).check()
    page.get_by_role("button", name="Save the rule").click()
    expect(page.get_by_role("status")).to_contain_text("It takes effect at the next build.")


def test_answers_are_counted_again_while_the_page_is_open(open_page: Callable[..., Page], service: Service) -> None:
    page = open_page("organiser")
    page.clock.install()
    page.goto(f"/events/{service.world.event.id}/matches")
    expect(page.get_by_text("0 of 3 SMEs have answered.")).to_be_visible()
    sme = open_page(width=360)
    sme.goto(service.world.links["Spielwerk"])
    partner = f"#partner-{service.world.smes['Medilab Plzeň'].id}"
    sme.locator(partner).get_by_role("button", name="Interested").click()
    expect(sme.get_by_text("1 of 2 answered")).to_be_visible()

    page.clock.run_for(31_000)

    expect(page.get_by_text("1 of 3 SMEs have answered.")).to_be_visible()

"""What each of the three does, in a real browser, with and without JavaScript."""

import io
import re
from collections.abc import Callable

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from broker.domain import invitation_letters, invitations
from broker.models import Answer, Contact, Draft, Interest, Introduction, Invitation, MatchRun, RunStatus
from tests.browser.conftest import Service

SHEET = (
    "Firma;Stadt;Branche;Bietet;Sucht\nNeuland;Berlin;Design;Servicedesign für Kliniken;eine Klinik\nFern;Atlantis;;;\n"
)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_broker_imports_a_spreadsheet_after_seeing_what_would_happen(
    open_page: Callable[..., Page], javascript: bool
) -> None:
    page = open_page("broker", javascript=javascript)
    page.get_by_role("link", name="Import", exact=True).click()
    upload(page, "smes.csv", SHEET.encode())
    page.get_by_role("button", name="See what would happen").click()

    expect(page.get_by_role("heading", name="1 rejected row")).to_be_visible()
    expect(page.get_by_text("row 3 Atlantis")).to_be_visible()
    page.get_by_role("button", name="Import: create 1 SME").click()
    expect(page.get_by_role("heading", name="smes.csv is imported")).to_be_visible()
    page.get_by_role("link", name="Neuland").click()
    expect(page.get_by_text("Servicedesign für Kliniken")).to_be_visible()


def test_a_broker_fills_the_template_merges_a_duplicate_and_undoes_it_all(
    open_page: Callable[..., Page], service: Service
) -> None:
    page = open_page("broker", width=360, javascript=False)
    page.goto("/import")
    with page.expect_download() as download:
        page.get_by_role("link", name="Template (XLSX)").click()
    workbook = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes()))
    assert workbook.sheetnames == ["SMEs", "What the columns mean"]
    fill(workbook["SMEs"], Name="SPIELWERK GmbH", Description="We also build for museums.", Offers="games for museums")
    fill(workbook["SMEs"], Name="Neuland", Sector="Design")
    filled = io.BytesIO()
    workbook.save(filled)

    upload(page, "ours.xlsx", filled.getvalue())
    expect(page.get_by_label("What the column Contact e-mail means")).to_have_value("email")
    page.get_by_label("What the column Website means").select_option("Leave out")
    page.get_by_role("button", name="See what would happen").click()
    expect(page.get_by_text("The example row of the template is skipped.")).to_be_visible()
    page.get_by_role("link", name="Compare side by side").click()
    card = page.get_by_role("region", name="Row 3: SPIELWERK GmbH")
    card.get_by_label("Yes, merge them").check()
    fits = "[...document.querySelectorAll('.take')].map(side => side.scrollHeight <= side.clientHeight)"
    assert set(page.evaluate(fits)) == {True}  # no side runs over into the next
    card.get_by_role("group", name="Description").get_by_label("take this").check()
    page.get_by_role("button", name="Save and go back to the check").click()
    expect(page.get_by_text("Decided: 1 to merge")).to_be_visible()
    page.get_by_role("button", name="Import: create 1 SME, merge 1").click()

    profile = f"/smes/{service.world.smes['Spielwerk'].id}"
    result = page.url
    page.get_by_role("link", name="Spielwerk").click()
    expect(page.get_by_text("We also build for museums.")).to_be_visible()
    expect(page.get_by_text("games for museums")).to_be_visible()
    expect(page.get_by_role("listitem").get_by_text("game design for exercise and therapy").first).to_be_visible()
    page.goto(result)
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_role("status")).to_contain_text("1 profile as before, 1 new SME removed")
    page.goto(profile)
    expect(page.get_by_text("Spielwerk makes things people like to use.")).to_be_visible()
    expect(page.get_by_text("games for museums")).to_have_count(0)


def test_a_broker_pauses_two_smes_and_takes_it_back(open_page: Callable[..., Page]) -> None:
    page = open_page("broker", javascript=False)
    page.goto("/smes")
    page.get_by_label("Choose Spielwerk").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("1 SME is paused.")
    expect(page.get_by_role("row", name="Spielwerk")).to_contain_text("Paused")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").first).to_contain_text("1 profile as before")
    expect(page.get_by_role("row", name="Spielwerk")).to_contain_text("Published")


def upload(page: Page, name: str, content: bytes) -> None:
    page.get_by_label("Spreadsheet").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    page.get_by_role("button", name="Upload and match the columns").click()


def fill(sheet: Worksheet, **cells: str) -> None:
    """One more row of the template, by the names of its columns."""
    header = [str(cell.value) for cell in sheet[1]]
    sheet.append([cells.get(name, "") for name in header])


def test_a_broker_edits_a_profile_and_finds_it_again(open_page: Callable[..., Page]) -> None:
    page = open_page("broker")
    page.get_by_role("link", name="Spielwerk").click()
    page.get_by_role("link", name="What it looks for").click()
    page.get_by_label("Need 1").fill("a hospital in Łódź that tests games")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("saved.")
    expect(page.get_by_text("a hospital in Łódź that tests games")).to_be_visible()

    page.get_by_role("link", name="SMEs", exact=True).first.click()
    page.get_by_label("Search").fill("lodz")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Spielwerk")).to_be_visible()
    expect(page).to_have_url(re.compile("q=lodz"))


def test_a_new_sme_is_profiled_on_a_small_phone_without_javascript(
    open_page: Callable[..., Page], service: Service
) -> None:
    page = open_page("broker", width=360, javascript=False)
    page.goto("/smes")
    page.get_by_role("link", name="Add one SME").click()
    page.get_by_role("button", name="Add the SME").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Name: ").click()
    page.get_by_label("Name").fill("Stille Post")
    page.get_by_role("button", name="Add the SME").click()
    expect(page.get_by_text("0 % complete")).to_be_visible()

    _open(page, "What it offers")
    page.get_by_label("Offer 1").fill("innovative solutions")
    page.get_by_role("button", name="Add another offer").click()
    expect(page.get_by_label("Offer 2")).to_be_focused()
    page.get_by_label("Offer 2").fill("letters read aloud for people who cannot see")
    page.get_by_role("button", name="Move up offer 2").click()
    expect(page.get_by_label("Offer 1")).to_have_value("letters read aloud for people who cannot see")
    page.get_by_role("button", name="Show who would see this").click()
    expect(page.get_by_text("this page renews itself")).to_be_visible()
    _answer_draft(service)
    expect(page.get_by_text("A firm in Pilsen")).to_be_visible()
    page.get_by_role("link", name="Back to your statements").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“innovative solutions” fits every firm.")).to_be_visible()
    page.get_by_role("button", name="Remove offer 2").click()
    page.get_by_role("button", name="Save").click()

    _open(page, "What it looks for")
    page.get_by_label("Need 1").fill("a home for the blind where we can read on Sundays")
    page.get_by_role("button", name="Save").click()
    _open(page, "The firm")
    page.get_by_label("Description").fill("We read letters aloud.")
    page.get_by_role("button", name="Save").click()
    _open(page, "Sector")
    page.get_by_label("Sector").select_option("games")
    page.get_by_role("button", name="Save").click()
    _open(page, "Languages and markets")
    page.get_by_label("Working languages").fill("German, Klingon")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_label("Working languages").fill("German, Dutch")
    page.get_by_role("button", name="Save").click()
    _open(page, "Contact")
    page.get_by_label("E-mail").fill("post@stille.example")
    page.get_by_role("button", name="Save").click()
    _open(page, "Consents")
    page.get_by_label("Has agreed to be matched").check()
    page.get_by_label("Has agreed to be mailed").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("To finish")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Ask for a review").click()
    expect(page.get_by_text("It waits for a second broker since")).to_be_visible()
    page.goto("/reviews")
    asked = page.get_by_role("region", name="You asked for these").get_by_role("link", name="Stille Post")
    assert asked.evaluate("link => link.getClientRects().length") == 1  # on one line, beside nothing
    asked.click()

    other = open_page("other broker", width=360, javascript=False)
    other.get_by_role("link", name="Reviews").click()
    other.get_by_role("link", name="in Berlin").click()
    expect(other.get_by_text("letters read aloud for people who cannot see")).to_be_visible()
    assert "Stille Post" not in other.content()
    assert "post@stille.example" not in other.content()
    other.get_by_role("button", name="Confirm").click()
    page.reload()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_statements_are_looked_at_as_somebody_types(open_page: Callable[..., Page], service: Service) -> None:
    page = open_page("broker")
    page.goto(f"/smes/{service.world.smes['Spielwerk'].id}/edit/offers")
    page.get_by_label("Offer 1").press("Control+End")
    page.get_by_label("Offer 1").press_sequentially(" and innovative solutions", delay=5)
    expect(page.get_by_text("Being worked out")).to_be_visible()
    _answer_draft(service)
    expect(page.get_by_text("A firm in Pilsen")).to_be_visible()
    expect(page.get_by_label("Offer 1")).to_have_value("game design for exercise and therapy and innovative solutions")
    page.get_by_label("Offer 1").fill("innovative solutions")
    expect(page.get_by_text("“innovative solutions” fits every firm.")).to_be_visible()
    expect(page.get_by_text("Being worked out")).to_be_visible()
    page.get_by_label("Offer 1").fill("game design for exercise and therapy")
    expect(page.get_by_text("fits every firm")).to_have_count(0)


def _open(page: Page, section: str) -> None:
    """From the task list to a section, by the way back where another section is open."""
    if page.get_by_role("link", name="Back without saving").count():
        page.get_by_role("link", name="Back without saving").click()
    page.get_by_role("link", name=section, exact=True).click()


def _answer_draft(service: Service) -> None:
    """As the worker would."""
    quote = {"need": "someone who reads", "offer": "letters read aloud", "strength": "good", "source": "offer"}
    row = {"city": "pilsen", "sector": "health", "strength": "good", "distance": "near"}
    with service.database.write() as session:
        for draft in session.exec(select(Draft)):
            draft.result = {"onlookers": [row | {"they_need": quote, "you_need": None}], "unread": 0}


def test_an_sme_answers_on_a_small_phone_without_javascript(open_page: Callable[..., Page], service: Service) -> None:
    page = open_page(width=360, javascript=False)
    page.goto(service.world.links["Spielwerk"])
    card = page.locator(f"#partner-{service.world.smes['Medilab Plzeň'].id}")
    expect(card.get_by_text("dvě kliniky a pacienty pro pilotní ověření terapeutických her")).to_be_visible()
    for button in card.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    card.get_by_role("button", name="Interested").click()
    expect(card.get_by_text("You would like to meet Medilab Plzeň.")).to_be_visible()
    card.get_by_role("button", name="Not now").click()
    expect(card.get_by_text("You said: not now.")).to_be_visible()
    card.get_by_role("button", name="Interested").click()
    other = open_page(width=360, javascript=False)
    other.goto(service.world.links["Medilab Plzeň"])
    other.locator(f"#partner-{service.world.smes['Spielwerk'].id}").get_by_role("button", name="Interested").click()

    with service.database.read() as session:
        answers = {(row.sme_id, row.answer) for row in session.exec(select(Interest))}
        contact = session.exec(select(Contact).where(Contact.sme_id == service.world.smes["Spielwerk"].id)).one()
        assert session.exec(select(Introduction)).one() is not None
    assert answers == {
        (service.world.smes["Spielwerk"].id, Answer.INTERESTED),
        (service.world.smes["Medilab Plzeň"].id, Answer.INTERESTED),
    }
    expect(other.get_by_text("You both said yes")).to_be_visible()
    expect(other.get_by_role("link", name=contact.email)).to_be_visible()


def test_an_organiser_watches_a_build_that_ends_by_itself(open_page: Callable[..., Page], service: Service) -> None:
    page = open_page("organiser")
    page.get_by_role("link", name="Internationalisation Workshop").click()
    page.get_by_role("button", name="Build again").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    page.evaluate("window.before = 'the same page'")

    _change_run(service, status=RunStatus.RUNNING, stage="reading the texts", done=40, total=102)
    expect(page.get_by_text("40 of 102")).to_be_visible()
    assert page.evaluate("window.before") == "the same page"
    _change_run(service, status=RunStatus.FAILED, error="The worker stopped.")
    expect(page.get_by_text("The last build stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Build again")).to_be_visible()
    assert page.evaluate("window.before") is None


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_an_organiser_sets_an_event_up_and_invites_a_hub_and_an_sme_says_yes(
    open_page: Callable[..., Page], service: Service, javascript: bool
) -> None:
    page = open_page("organiser", width=360, javascript=javascript)
    page.get_by_role("link", name="New event").click()
    page.get_by_role("button", name="Set the event up").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="City").click()
    page.get_by_label("City", exact=True).select_option("berlin")
    page.get_by_label("Name", exact=True).first.fill("Study visit")
    page.get_by_label("First day").fill("2035-07-01")
    page.get_by_role("button", name="More rows").click()
    last = page.get_by_role("group", name="Break 4")
    last.get_by_label("Name").fill("Lunch")
    last.get_by_label("From").fill("12:30")
    last.get_by_label("To").fill("13:30")
    page.get_by_text("Rather explore").click()
    page.get_by_role("button", name="Set the event up").click()
    expect(page.get_by_role("status").first).to_contain_text("Study visit is set up.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.get_by_role("link", name="Say who takes part").click()
    page.get_by_role("link", name="Invite by hub").click()
    page.get_by_label("Betahaus Werkstatt").check()
    page.get_by_role("button", name="See how many that invites").click()
    page.get_by_role("button", name="Invite 1 SME").click()
    expect(page.get_by_role("status").first).to_contain_text("1 SME invited.")

    with service.database.write() as session:
        settings = service.database.settings
        assert invitation_letters.write_due(session, settings)[0] == 1
        asked = session.exec(select(Invitation).order_by(col(Invitation.id).desc())).first()
        assert asked is not None
        address = invitations.link(settings, asked)
    sme = open_page(width=360, javascript=javascript)
    sme.goto(address)
    button = sme.get_by_role("button", name="We take part")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.click()
    expect(sme.get_by_role("heading", name="You take part in Study visit")).to_be_visible()
    page.get_by_role("link", name="Registrations").click()
    expect(page.get_by_role("row", name="Spielwerk")).to_be_visible()


def test_the_effect_of_a_policy_is_told_while_it_is_set(open_page: Callable[..., Page], service: Service) -> None:
    page = open_page("organiser")
    page.goto(f"/events/{service.world.event.id}/edit")
    effect = page.locator("#effect")
    expect(effect).to_contain_text("6 possible pairs")
    page.evaluate("window.before = 'the same page'")

    page.get_by_label("Required: nobody from their own city").check()
    page.get_by_label("Partners from another city, at least").fill("4")
    page.get_by_label("Partners from another city, at least").press("Tab")

    expect(effect).to_contain_text("4 SMEs have fewer than 4 possible partners in another city.")
    assert page.evaluate("window.before") == "the same page"


def test_an_organiser_without_javascript_sees_the_page_renew_itself(
    open_page: Callable[..., Page], service: Service
) -> None:
    page = open_page("organiser", javascript=False)
    page.goto(f"/events/{service.world.event.id}")
    page.get_by_role("button", name="Build again").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()

    _change_run(service, status=RunStatus.CANCELLED)

    expect(page.get_by_text("The last build was cancelled")).to_be_visible()


def test_a_mail_of_the_outbox_leads_to_its_page_from_within_its_sandbox(
    open_page: Callable[..., Page], service: Service
) -> None:
    page = open_page()
    page.goto(f"/outbox/{service.world.email.id}")
    frame = page.frame_locator("iframe")
    link = frame.get_by_role("link").first
    expect(link).to_be_visible()
    assert link.get_attribute("href") == "https://link.example/"
    assert page.locator("iframe").get_attribute("sandbox") == "allow-top-navigation-by-user-activation"


def test_the_demo_accounts_need_two_clicks(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/")
    page.get_by_role("link", name="Organiser of the workshop in Berlin").click()

    expect(page.get_by_label("E-mail address").first).to_have_value("organiser@workshop.example")
    expect(page.get_by_label("Password")).to_have_value("cross-innovation")


def _change_run(service: Service, **values: object) -> None:
    with service.database.write() as session:
        run = session.exec(select(MatchRun).where(MatchRun.id != service.world.run.id)).one()
        for name, value in values.items():
            setattr(run, name, value)
        session.add(run)

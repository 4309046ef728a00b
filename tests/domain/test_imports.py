"""Importing spreadsheets: what each row would do, and doing just that."""

import threading
import time
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from broker.config import DATA
from broker.db import Database
from broker.domain import import_template, imports, problems, profiles, sheets
from broker.domain.choices import Choice, Do, Take
from broker.domain.consents import consent_state
from broker.domain.imports import Outcome, Preview
from broker.domain.plans import Action
from broker.domain.records import load_record
from broker.errors import ConflictError, InvalidError
from broker.models import AuditEntry, Consent, Contact, Hub, Purpose, Sme, SmeStatus, Statement
from tests import spreadsheets
from tests.races import behind

HEADER = ["Company", "City", "Hub", "Sector", "Description", "Offers", "Looking for", "Languages", "Markets",
          "Readiness", "Contact", "E-mail", "Phone", "Website"]  # fmt: skip
ADLER = ["Adler Games GmbH", "Berlin", "Spree Hub", "Games", "We make games.", "Training games; prototypes",
         "A clinic that tests with us.", "de, en", "Germany, Poland", "3", "Ada Adler", "ada@adler.example",
         "+49 30 123456", "adler.example"]  # fmt: skip
FACTS = {
    "name": "Adler Games GmbH",
    "city_code": "berlin",
    "hub": "Spree Hub",
    "sector_code": "games",
    "sector_words": "Games",
    "sector_confirmed": True,
    "description": "We make games.",
    "language": "",
    "languages": ["de", "en"],
    "markets": ["DE", "PL"],
    "readiness": 3,
    "website": "https://adler.example",
    "contact": "Ada Adler",
    "email": "ada@adler.example",
    "phone": "+49 30 123456",
    "offers": ["Training games", "prototypes"],
    "needs": ["A clinic that tests with us."],
}


def look(session: Session, rows: list[list[str]], header: list[str] = HEADER, **options: Any) -> Preview:
    full = [row + [""] * (len(header) - len(row)) for row in rows]
    sheet = sheets.read("smes.csv", spreadsheets.csv_file([header, *full]))
    return imports.preview(session, sheet, **options)


def bring(session: Session, rows: list[list[str]], header: list[str] = HEADER, **options: Any) -> Outcome:
    if merge := options.pop("merge", None):
        options["choices"] = imports.merging(look(session, rows, header, **options), merge)
    return imports.apply(session, "me", look(session, rows, header, **options), source="smes.csv")


def actions(preview: Preview) -> list[Action]:
    return [entry.action for entry in preview.entries]


def facts(session: Session, name: str) -> dict[str, Any]:
    session.expire_all()
    found = load_record(session, session.exec(select(Sme).where(Sme.name == name)).one()).facts
    return {field: value for field, value in found.items() if field != "consent"}


def state(session: Session) -> list[Any]:
    """All an import can change, to compare before and after."""
    session.expire_all()
    tables = (Sme, Contact, Hub, Statement, Consent, AuditEntry)
    return [[row.model_dump() for row in session.exec(select(table).order_by(*table.__table__.primary_key))]
            for table in tables]  # fmt: skip


def test_a_row_becomes_a_draft_with_consent_the_importer_vouches_for(session: Session):
    outcome = bring(session, [ADLER])
    sme = session.exec(select(Sme)).one()
    assert outcome == Outcome(created=[sme.id or 0], updated=[], unchanged=0, merged=0, duplicates=0, rejected=0)
    assert facts(session, "Adler Games GmbH") == FACTS | {"sector_words": ""}
    assert (sme.status, sme.version, sme.name_key) == (SmeStatus.DRAFT, 1, "adler games")
    consents = session.exec(select(Consent).order_by(Consent.purpose)).all()
    assert [(consent.purpose, consent.recorded_by, consent.withdrawn_at) for consent in consents] == [
        (Purpose.MAILING, "me, smes.csv", None),
        (Purpose.MATCHING, "me, smes.csv", None),
    ]
    entry = session.exec(select(AuditEntry)).one()
    assert (entry.actor, entry.action, entry.subject) == ("me", "profiles imported", "smes.csv")
    assert entry.detail == outcome.to_json()


def test_a_preview_changes_nothing(database: Database):
    with database.read() as session:
        assert actions(look(session, [ADLER])) == [Action.CREATE]
    with database.read() as session:
        assert state(session) == [[], [], [], [], [], []]


def test_the_same_file_twice_changes_nothing(session: Session):
    rows = [
        ADLER,
        ["Bussard", "Linz", "", "Boat building", "Kites & <b>boats</b>"],
        ["BUSSARD", "Linz", "", "", "New."],
    ]
    bring(session, rows)
    before = state(session)
    preview = look(session, rows)
    assert actions(preview) == [Action.UNCHANGED, Action.UNCHANGED, Action.DUPLICATE]
    outcome = imports.apply(session, "me", preview, source="smes.csv")
    assert (outcome.created, outcome.updated) == ([], [])
    assert state(session) == before


def test_cells_that_say_something_replace_and_empty_ones_never_erase(session: Session):
    bring(session, [ADLER])
    outcome = bring(
        session, [["Adler  Games GmbH", "10115 Berlin", "", "", "We make better games.", "", "", "", "", "5"]]
    )
    assert len(outcome.updated) == 1
    expected = FACTS | {"description": "We make better games.", "readiness": 5, "sector_words": ""}
    assert facts(session, "Adler Games GmbH") == expected
    assert session.exec(select(Sme)).one().version == 2


def test_statements_are_replaced_as_a_list(session: Session):
    bring(session, [ADLER])
    bring(session, [["Adler Games GmbH", "Berlin", "", "", "", "Only this"]])
    assert facts(session, "Adler Games GmbH")["offers"] == ["Only this"]
    assert facts(session, "Adler Games GmbH")["needs"] == FACTS["needs"]


def test_another_spelling_is_a_duplicate_and_left_out_unless_merged(session: Session):
    bring(session, [ADLER])
    before = state(session)
    row = ["ADLER GAMES", "Berlin", "Other Hub", "Design", "Other words.", "Prototypes; Maps"]
    preview = look(session, [row])
    [entry] = preview.entries
    assert entry.action is Action.DUPLICATE
    assert entry.of_words == "the SME Adler Games GmbH"
    assert entry.changes == {"offers": (FACTS["offers"], [*FACTS["offers"], "Maps"])}
    outcome = imports.apply(session, "me", preview, source="smes.csv")
    assert (outcome.duplicates, outcome.merged) == (1, 0)
    assert state(session) == before


def test_a_merge_fills_what_is_empty_adds_new_statements_and_overwrites_nothing(session: Session):
    bring(session, [["Adler Games GmbH", "Berlin", "", "", "We make games.", "Training games"]])
    other = ["Ädler GAMES", "Berlin", "Spree Hub", "Games", "Other words.", "training GAMES; Maps", "A clinic."]
    outcome = bring(session, [other], merge=[2])
    assert (outcome.merged, len(outcome.updated), outcome.created) == (1, 1, [])
    merged = facts(session, "Adler Games GmbH")
    assert (merged["hub"], merged["sector_code"], merged["sector_confirmed"]) == ("Spree Hub", "games", True)
    assert merged["description"] == "We make games."
    assert merged["offers"] == ["Training games", "Maps"]
    assert merged["needs"] == ["A clinic."]


def test_a_duplicate_that_would_add_nothing_is_unchanged(session: Session):
    bring(session, [ADLER])
    assert actions(look(session, [["adler games", "Berlin", *ADLER[2:]]])) == [Action.UNCHANGED]


def test_a_second_row_of_the_same_firm_is_a_duplicate_of_the_first(session: Session):
    preview = look(session, [ADLER, ["Bussard", "Linz"], ["Adler Games", "Berlin", "", "", "", "Maps"]])
    assert actions(preview) == [Action.CREATE, Action.CREATE, Action.DUPLICATE]
    assert (preview.entries[2].of_row, preview.entries[2].of_words) == (2, "row 2 (Adler Games GmbH)")
    imports.apply(session, "me", preview, source="smes.csv")
    assert facts(session, "Adler Games GmbH")["offers"] == FACTS["offers"]


def test_rows_merged_within_a_file_stay_merged_when_it_is_imported_again(session: Session):
    rows = [ADLER, ["Adler Games", "Berlin", "", "", "", "Maps"]]
    outcome = bring(session, rows, merge=[3])
    assert (len(outcome.created), outcome.merged) == (1, 1)
    assert facts(session, "Adler Games GmbH")["offers"] == [*FACTS["offers"], "Maps"]
    before = state(session)
    outcome = bring(session, rows)
    assert (outcome.created, outcome.updated) == ([], [])
    assert state(session) == before


def test_the_same_name_in_another_city_is_another_sme(session: Session):
    assert len(bring(session, [ADLER, ["Adler Games GmbH", "Linz"]]).created) == 2


def test_a_stored_name_counts_before_an_earlier_row_with_the_same_key(session: Session):
    bring(session, [["Adler", "Berlin"]])
    profiles.create(session, "me", profiles.parse(name="Adler GmbH", city_code="berlin"))
    preview = look(session, [["Adler", "Berlin", "A Hub"], ["Adler GmbH", "Berlin", "B Hub"], ["ADLER", "Berlin", "C"]])
    assert actions(preview) == [Action.UPDATE, Action.UPDATE, Action.DUPLICATE]


def decide(row: int, do: Do, **take: Take) -> dict[str, Any]:
    return {"choices": {row: Choice(do, take)}}


def test_each_field_of_a_merge_is_taken_from_where_it_was_chosen(session: Session):
    bring(session, [ADLER])
    other = ["ADLER GAMES", "Berlin", "Other Hub", "Design", "Other words.", "training GAMES; Maps", "Boats", "cs"]
    choice = decide(2, Do.MERGE, name=Take.FILE, description=Take.FILE, offers=Take.BOTH, needs=Take.FILE,
                    languages=Take.STORED, sector_code=Take.FILE)  # fmt: skip
    [entry] = look(session, [other], **choice).entries
    assert {side.field: (side.stored, side.file, side.take) for side in entry.sides if side.field in ("hub", "offers",
            "sector_code")} == {
        "hub": ("Spree Hub", "Other Hub", Take.STORED),
        "offers": (FACTS["offers"], ["training GAMES", "Maps"], Take.BOTH),
        "sector_code": ("games", "design", Take.FILE),
    }  # fmt: skip
    outcome = bring(session, [other], **choice)
    assert (outcome.merged, len(outcome.updated), outcome.duplicates) == (1, 1, 0)
    merged = facts(session, "ADLER GAMES")
    assert (merged["description"], merged["hub"], merged["sector_code"]) == ("Other words.", "Spree Hub", "design")
    assert (merged["offers"], merged["needs"]) == ([*FACTS["offers"], "Maps"], ["Boats"])
    assert merged["languages"] == FACTS["languages"]


def test_two_firms_of_nearly_the_same_name_are_kept_apart_and_stay_so(session: Session):
    bring(session, [ADLER])
    row = ["ADLER GAMES", "Berlin", "", "", "Toys."]
    outcome = bring(session, [row], **decide(2, Do.SEPARATE))
    assert (len(outcome.created), outcome.updated) == (1, [])
    assert facts(session, "ADLER GAMES")["description"] == "Toys."
    assert facts(session, "Adler Games GmbH")["description"] == FACTS["description"]
    assert actions(look(session, [row])) == [Action.UNCHANGED]


def test_a_row_told_apart_is_still_compared_so_that_one_can_think_again(session: Session):
    bring(session, [ADLER])
    [entry] = look(session, [["ADLER GAMES", "Berlin"]], **decide(2, Do.SEPARATE)).entries
    assert (entry.action, entry.is_open, entry.of_words) == (Action.CREATE, True, "the SME Adler Games GmbH")
    assert [side.field for side in entry.sides] == ["name"]


def test_the_very_same_name_cannot_be_two_firms(session: Session):
    rows = [ADLER, [*ADLER[:5], "Maps"]]
    preview = look(session, rows, **decide(3, Do.SEPARATE))
    assert actions(preview) == [Action.CREATE, Action.DUPLICATE]
    assert not preview.entries[1].can_be_separate
    assert bring(session, rows, **decide(3, Do.SEPARATE)).duplicates == 1


def test_a_decision_about_a_row_that_is_no_duplicate_by_now_means_nothing(session: Session):
    preview = look(session, [ADLER], **decide(2, Do.MERGE, name=Take.FILE))
    assert actions(preview) == [Action.CREATE]
    assert not preview.entries[0].is_open


def test_a_merge_that_would_write_something_else_than_was_shown_is_not_done(session: Session):
    bring(session, [ADLER])
    preview = look(session, [["ADLER GAMES", "Berlin", "", "", "", "Maps"]], **decide(2, Do.MERGE))
    sme = session.exec(select(Sme)).one()
    profiles.update(session, "bob", sme, profiles.read(session, sme).model_copy(update={"offers": ["Other"]}))
    with pytest.raises(ConflictError, match="changed after this preview"):
        imports.apply(session, "me", preview, source="smes.csv")


def test_the_example_of_our_template_is_skipped(session: Session):
    preview = look(session, [[import_template.NAME, "Berlin"], ADLER])
    assert (actions(preview), preview.examples) == ([Action.CREATE], 1)


def test_problems_are_told_once_a_kind_with_how_to_mend_them(session: Session):
    preview = look(session, [["A", "Paris"], ["B", "Berlin", *[""] * 9, "x"], ["C", "Paris"]])
    groups = problems.grouped((p for entry in preview.entries for p in entry.row.problems), preview.columns)
    assert [(group.column, [problem.row for problem in group.problems]) for group in groups] == [
        ("City", [2, 4]),
        ("E-mail", [3]),
    ]
    assert groups[1].fix.startswith("Write one address")


def test_only_duplicates_can_be_merged(session: Session):
    with pytest.raises(InvalidError, match=r"Only duplicates can be merged, and these rows are none: 2, 9\."):
        bring(session, [ADLER], merge=[2, 9])
    assert session.exec(select(Sme)).all() == []


CITIES = "Amsterdam, Berlin, Birmingham, Linz, Lisbon, Pilsen, Rome, Stockholm, Tallinn, Vilnius, Warsaw"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (["", "Berlin"], (2, "Company", "", "the name of the SME")),
        (["???", "Berlin"], (2, "Company", "???", "the name of the SME")),
        (["x" * 201, "Berlin"], (2, "Company", "x" * 79 + "…", "a name of at most 200 characters")),
        (["Adler", ""], (2, "City", "", "a city")),
        (["Adler", "Paris"], (2, "City", "Paris", f"one of our cities: {CITIES}")),
        (["Adler", "Birmingham, AL"], (2, "City", "Birmingham, AL", f"one of our cities: {CITIES}")),
        (
            ["Adler", "Berlin", *[""] * 9, "ada(at)adler"],
            (2, "E-mail", "ada(at)adler", "one e-mail address such as name@firm.eu"),
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_rejected_with_where_what_and_why(
    session: Session, row: list[str], problem: tuple[int, str, str, str]
):
    preview = look(session, [row, ADLER])
    assert actions(preview) == [Action.REJECTED, Action.CREATE]
    number, column, value, expected = problem
    summary = preview.to_json()
    assert summary["rejected"] == [{"row": number, "column": column, "value": value, "expected": expected}]
    assert (summary["rows"], summary["create"]) == (2, 1)
    assert imports.apply(session, "me", preview, source="smes.csv").rejected == 1


def test_a_rejected_row_stands_once_in_the_summary_with_all_its_problems(session: Session):
    [rejected] = look(session, [["", "Paris", "some hub"]]).to_json()["rejected"]
    assert rejected["column"] == "Company"
    assert [also["column"] for also in rejected["also"]] == ["City"]


def test_a_row_whose_cells_have_slipped_is_rejected(session: Session):
    sheet = sheets.read("smes.csv", b"Company,City,Needs\nAdler, Inc,Berlin,A clinic\nBussard,Linz,Boats\n")
    preview = imports.preview(session, sheet)
    assert actions(preview) == [Action.REJECTED, Action.CREATE]
    assert preview.to_json()["rejected"][0]["expected"] == (
        "at most 3 cells, as in the header: the row's cells have slipped"
    )


def test_other_bad_cells_are_left_out_with_a_warning_and_the_rest_is_imported(session: Session):
    row = ["Adler", "Berlin", "", "00", "Games.", "", "", "Klingon, de", "Europe, Poland", "9", "Ada", "",
           "call me", "not a site"]  # fmt: skip
    preview = look(session, [row])
    assert actions(preview) == [Action.CREATE]
    assert [(warning.column, warning.value) for warning in preview.warnings] == [
        ("Website", "not a site"),
        ("Readiness", "9"),
        ("Languages", "Klingon"),
        ("Markets", "Europe"),
        ("Sector", "00"),
        ("Phone", "call me"),
    ]
    imports.apply(session, "me", preview, source="smes.csv")
    kept = facts(session, "Adler")
    assert (kept["languages"], kept["markets"], kept["readiness"], kept["website"]) == (["de"], ["PL"], None, "")
    assert preview.to_complete == {
        "offers": 1, "needs": 1, "sector": 1, "contact e-mail": 1, "readiness": 1, "hub": 1
    }  # fmt: skip


def test_a_row_with_a_name_and_a_city_is_a_draft_and_says_what_it_lacks(session: Session):
    bring(session, [["Adler", "Berlin"]])
    sme = session.exec(select(Sme)).one()
    assert sme.status is SmeStatus.DRAFT
    assert profiles.to_complete(session, sme)[:4] == ["description", "offers", "needs", "sector"]


def test_a_city_given_for_the_file_is_every_rows_city_and_rejects_another(session: Session):
    preview = look(session, [["Adler"], ["Bussard"]], ["Company"], city="linz")
    assert [entry.row.city_code for entry in preview.entries] == ["linz", "linz"]
    preview = look(
        session, [["Adler", "Linec"], ["Bussard", ""], ["Czapla", "Berlin"]], ["Company", "City"], city="linz"
    )
    assert actions(preview) == [Action.CREATE, Action.CREATE, Action.REJECTED]
    assert preview.to_json()["rejected"] == [
        {
            "row": 4,
            "column": "City",
            "value": "Berlin",
            "expected": "Linz, the city given for this import, or an empty cell",
        }
    ]


def test_without_a_city_at_all_nothing_can_be_imported(session: Session):
    with pytest.raises(InvalidError, match="No column for the city was recognised"):
        look(session, [["Adler"]], ["Company"])


def test_a_given_column_is_used_and_the_summary_says_which_are(session: Session):
    preview = look(session, [["Adler", "Berlin", "Boats"]], ["Company", "City", "Notes"], columns={"needs": "Notes"})
    summary = preview.to_json()
    assert summary["columns"] == {"needs": "Notes", "city": "City", "name": "Company"}
    assert preview.entries[0].row.facts["needs"] == ["Boats"]
    assert look(session, [["Adler", "Berlin", "Boats"]], ["Company", "City", "Notes"]).ignored == ["Notes"]


def test_numbers_among_tags_are_no_sector_and_words_are_to_be_confirmed(session: Session):
    header = ["Company", "City", "Tags"]
    rows = [["A1", "Rome", "62"], ["A2", "Rome", "ABC-12-2014-1"], ["B2", "Rome", "marketing and advertising"],
            ["C3", "Rome", "kites; boats"], ["D4", "Rome", "x y " * 300]]  # fmt: skip
    bring(session, rows, header)
    found = {
        name: (facts(session, name)["sector_code"], facts(session, name)["sector_words"]) for name in ["A1", "A2", "B2"]
    }
    assert found == {"A1": (None, ""), "A2": (None, ""), "B2": ("advertising", "marketing and advertising")}
    assert facts(session, "B2")["sector_confirmed"] is False
    assert facts(session, "C3")["sector_words"] == "kites; boats"
    assert len(facts(session, "D4")["sector_words"]) == 500
    assert [sme.name for sme in profiles.sectors_to_resolve(session)] == ["C3", "D4"]
    assert session.info["wakes"] == [("sectors.resolve", None)]


@pytest.mark.parametrize("contact", ["a" * 20_000, "a" * 19_999 + "@", "a@" * 10_000, "a " * 9_999 + "@"])
def test_no_contact_cell_takes_long_to_read(session: Session, contact: str):
    sheet = sheets.read("a.csv", spreadsheets.csv_file([["Company", "City", "Contact"], ["Adler", "Berlin", contact]]))
    started = time.process_time()
    imports.preview(session, sheet)
    assert time.process_time() - started < 0.2


def test_an_address_too_long_to_be_one_is_not_cut_out_of_its_cell(session: Session):
    header = ["Company", "City", "Contact"]
    preview = look(
        session, [["Adler", "Berlin", "a" * 65 + "@adler.example"], ["Bussard", "Rome", "Bo <bo@b.example>"]], header
    )
    assert [entry.row.facts.get("email") for entry in preview.entries] == [None, "bo@b.example"]
    assert [entry.row.facts.get("contact") for entry in preview.entries] == ["a" * 65 + "@adler.example", "Bo"]


def test_no_wake_up_where_every_sector_is_known(session: Session):
    bring(session, [ADLER])
    assert "wakes" not in session.info


def test_the_same_words_do_not_undo_the_sector_found_or_confirmed_since(session: Session):
    rows = [["Adler", "Berlin", "", "Kite building"]]
    bring(session, rows)
    sme = session.exec(select(Sme)).one()
    profiles.set_nearest_sector(session, sme, "crafts")
    assert actions(look(session, rows)) == [Action.UNCHANGED]
    confirmed = profiles.read(session, sme).model_copy(update={"sector_code": "design", "sector_confirmed": True})
    profiles.update(session, "me", sme, confirmed)
    assert actions(look(session, rows)) == [Action.UNCHANGED]
    bring(session, [["Adler", "Berlin", "", "Boats"]])
    assert (sme.sector_code, sme.sector_words, sme.sector_confirmed) == ("design", "Boats", True)
    bring(session, [["Adler", "Berlin", "", "62.10"]])
    assert (sme.sector_code, sme.sector_confirmed) == ("ict", True)


def consents(session: Session) -> dict[str, str]:
    session.expire_all()
    states = {}
    for sme in session.exec(select(Sme)):
        found = session.exec(select(Consent).where(Consent.sme_id == sme.id))
        states[sme.name] = consent_state({consent.purpose: consent.withdrawn_at is not None for consent in found})
    return states


def test_a_consent_column_is_heard_in_every_language(session: Session):
    header = ["Firma", "Ort", "Einwilligung"]
    rows = [
        ["A", "Linz", "ja"],
        ["B", "Linz", "Ne"],
        ["C", "Linz", ""],
        ["D", "Linz", "vielleicht"],
        ["E", "Linz", "x"],
    ]
    preview = look(session, rows, header)
    assert [(warning.row, warning.expected) for warning in preview.warnings] == [
        (5, "yes or no; no consent is recorded")
    ]
    imports.apply(session, "me", preview, source="smes.csv")
    assert consents(session) == {"A": "given", "B": "refused", "C": "", "D": "", "E": "given"}


def test_an_import_never_gives_again_what_was_refused_or_withdrawn(session: Session):
    bring(session, [["A", "Linz", "no"], ["B", "Linz", "yes"]], ["Company", "City", "Consent"])
    sme = session.exec(select(Sme).where(Sme.name == "B")).one()
    profiles.withdraw_consent(session, sme, [Purpose.MAILING], "the SME")
    for header in (["Company", "City"], ["Company", "City", "Consent"]):
        preview = look(session, [["A", "Linz", "yes"][: len(header)], ["B", "Linz", "yes"][: len(header)]], header)
        assert actions(preview) == [Action.UNCHANGED, Action.UNCHANGED]
    bring(session, [["B", "Linz", "nein"]], ["Company", "City", "Consent"])
    assert consents(session) == {"A": "refused", "B": "refused"}


def test_a_merge_hears_a_refusal(session: Session):
    bring(session, [["Adler", "Linz"]], ["Company", "City"])
    bring(session, [["ADLER", "Linz", "no"]], ["Company", "City", "Consent"], merge=[2])
    assert consents(session) == {"Adler": "refused"}


def test_an_address_in_the_contact_column_is_the_contacts_address(session: Session):
    header = ["Company", "City", "Contact"]
    bring(session, [["A", "Linz", "Ada Adler <ada@adler.example>"], ["B", "Linz", "bo@boat.example"]], header)
    bring(session, [["C", "Linz", "Cy Crane <cy@crane.example>"]], ["Company", "City", "E-mail"])
    assert (facts(session, "A")["contact"], facts(session, "A")["email"]) == ("Ada Adler", "ada@adler.example")
    assert (facts(session, "B")["contact"], facts(session, "B")["email"]) == ("", "bo@boat.example")
    assert (facts(session, "C")["contact"], facts(session, "C")["email"]) == ("Cy Crane", "cy@crane.example")
    [rejected] = look(session, [["D", "Linz", "Dee, dee@firm"]], header).to_json()["rejected"]
    assert (rejected["column"], rejected["value"]) == ("Contact", "Dee, dee@firm")
    bring(session, [["E", "Linz", "Ed @ the lab"]], header)
    assert facts(session, "E")["contact"] == "Ed @ the lab"


def test_several_text_languages_are_the_languages_spoken(session: Session):
    bring(session, [["A", "Linz", "Deutsch"], ["B", "Linz", "Deutsch, Englisch"]], ["Firma", "Ort", "Sprache"])
    assert (facts(session, "A")["language"], facts(session, "A")["languages"]) == ("de", [])
    assert (facts(session, "B")["language"], facts(session, "B")["languages"]) == ("", ["de", "en"])


def test_hubs_are_created_when_applied_one_for_all_spellings(session: Session):
    bring(session, [["A", "Linz", "Tabak Fabrik"], ["B", "Linz", "tabak fabrik"], ["C", "Rome", "Tabak Fabrik"]])
    assert [(hub.city_code, hub.name) for hub in session.exec(select(Hub).order_by(Hub.city_code))] == [
        ("linz", "Tabak Fabrik"),
        ("rome", "Tabak Fabrik"),
    ]
    assert actions(look(session, [["B", "Linz", "TABAK-Fabrik"]])) == [Action.UNCHANGED]


def test_applying_one_preview_twice_does_nothing_the_second_time(session: Session):
    preview = look(session, [ADLER])
    imports.apply(session, "me", preview, source="smes.csv")
    before = state(session)
    outcome = imports.apply(session, "me", preview, source="smes.csv")
    assert (outcome.created, outcome.updated, outcome.unchanged) == ([], [], 1)
    assert state(session) == before


def test_an_edit_made_after_the_preview_is_not_overwritten(session: Session):
    bring(session, [ADLER])
    rows = [["Bussard", "Linz"], ["Adler Games GmbH", "Berlin", "", "", "From the file."]]
    preview = look(session, rows)
    sme = session.exec(select(Sme)).one()
    edited = profiles.read(session, sme).model_copy(update={"description": "From the broker."})
    profiles.update(session, "broker", sme, edited)
    before = state(session)
    with pytest.raises(ConflictError, match=r"Row 3 \(Adler Games GmbH\): the profile was changed after this preview"):
        imports.apply(session, "me", preview, source="smes.csv")
    assert state(session) == before


def test_an_sme_created_after_the_preview_is_not_doubled(session: Session):
    preview = look(session, [["Adler GmbH", "Berlin", "", "", "From the file."]])
    profiles.create(session, "broker", profiles.parse(name="ADLER", city_code="berlin"))
    outcome = imports.apply(session, "me", preview, source="smes.csv")
    assert (outcome.created, outcome.updated, outcome.duplicates) == ([], [], 1)
    assert [sme.name for sme in session.exec(select(Sme))] == ["ADLER"]


def test_two_imports_at_the_same_moment_do_not_double_an_sme(database: Database):
    with database.read() as session:
        previews = [look(session, [[name, "Berlin"]]) for name in ("Adler GmbH", "ADLER")]
    start = threading.Barrier(2)
    outcomes: list[Outcome] = []

    def run(preview: Preview) -> None:
        start.wait(timeout=30)
        with database.write() as session:
            outcomes.append(imports.apply(session, "me", preview, source="smes.csv"))

    threads = [threading.Thread(target=run, args=(preview,)) for preview in previews]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(len(outcome.created) for outcome in outcomes) == [0, 1]
    with database.read() as session:
        assert len(session.exec(select(Sme)).all()) == 1


def test_an_import_that_fails_midway_leaves_nothing(database: Database):
    def interrupted() -> None:
        with database.write() as session:
            bring(session, [ADLER, ["Bussard", "Linz"]])
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        interrupted()
    with database.read() as session:
        assert state(session) == [[], [], [], [], [], []]


def test_a_preview_asks_a_fixed_number_of_queries_and_an_import_few(session: Session):
    def count(rows: list[list[str]]) -> tuple[int, int]:
        statements: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *call: statements.append(call[2]))
        preview = look(session, rows)
        asked = len(statements)
        imports.apply(session, "me", preview, source="smes.csv")
        return asked, len(statements) - asked

    few = count([[f"Firm {number}", *ADLER[1:]] for number in range(3)])
    session.rollback()
    many = count([[f"Firm {number}", *ADLER[1:]] for number in range(300)])
    assert few[0] == many[0] == 5
    assert many[1] <= few[1] + 2


FILES = {
    "csv": lambda table: spreadsheets.csv_file(table),
    "cp1250": lambda table: spreadsheets.csv_file(table, ";", "cp1250"),
    "UTF-16": lambda table: spreadsheets.csv_file(table, "\t", "utf-16"),
    "xlsx": spreadsheets.xlsx,
    "xls": spreadsheets.xls,
    "ods": spreadsheets.ods_file,
}


def test_one_table_imported_as_every_kind_of_file_is_created_once(session: Session):
    table = [["Firma", "Ort", "Branche", "Sucht"], ["Čáp s.r.o.", "Plzeň", "Hry", "Übersetzer"], ["Łódka", "Warszawa"]]
    table[2] += ["", ""]
    found = []
    for kind, write in FILES.items():
        preview = imports.preview(session, sheets.read(kind, write(table)))
        imports.apply(session, "me", preview, source=kind)
        found.append((preview.count(Action.CREATE), preview.count(Action.UNCHANGED)))
    assert found == [(2, 0), (0, 2), (0, 2), (0, 2), (0, 2), (0, 2)]
    assert facts(session, "Čáp s.r.o.")["needs"] == ["Übersetzer"]


def test_the_demo_is_imported_without_a_word_of_complaint(session: Session):
    preview = imports.preview(session, sheets.read("smes.csv", (DATA / "demo" / "smes.csv").read_bytes()))
    summary = preview.to_json()
    assert (summary["rows"], summary["create"]) == (102, 102)
    assert (summary["rejected"], summary["warnings"], summary["to_complete"], summary["ignored"]) == ([], [], {}, [])
    imports.apply(session, "demo", preview, source="the demo")
    assert {sme.status for sme in session.exec(select(Sme))} == {SmeStatus.DRAFT}


def test_an_import_does_not_overwrite_what_a_broker_saves_at_the_same_moment(database: Database):
    header = ["Company", "City", "Phone"]
    with database.write() as session:
        bring(session, [["Adler", "Berlin", "Old."]], ["Company", "City", "Description"])
    with database.read() as session:
        preview = look(session, [["Adler", "Berlin", "+49 30 123456"]], header)
    with Session(database.engine, expire_on_commit=False) as session:
        sme = session.exec(select(Sme)).one()
        profiles.update(session, "broker", sme, profiles.read(session, sme).model_copy(update={"description": "New."}))
        outcome = behind(database, session, lambda other: imports.apply(other, "me", preview, source="b.csv"))
    assert outcome.updated == [sme.id]
    with database.read() as session:
        assert facts(session, "Adler")["description"] == "New."
        assert facts(session, "Adler")["phone"] == "+49 30 123456"

"""Exports keep every letter, and nothing somebody typed can calculate in a spreadsheet."""

import csv
import io
import zipfile

import openpyxl
import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.domain import approvals, columns, events, interests, languages, profiles, reports
from broker.errors import InvalidError, NotFoundError
from broker.models import Answer, Event, ExportLog, Purpose, Sme
from tests.factories import make_event, make_shortlists, make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough")
NASTY = [
    '=HYPERLINK("http://evil.example","x")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
]


@pytest.fixture
def event(session: Session) -> Event:
    """Two SMEs that were shown each other; the first said yes, the second not now."""
    event = make_event(session)
    ada = make_sme(session, "Łódź Zażółć", sector="games")
    bea = make_sme(session, "Plzeňské dílny", city="pilsen", sector="health")
    registrations = register(session, event, ada, bea)
    make_shortlists(session, event, (ada, bea))
    approvals.approve(session, SETTINGS, "ann", event.id)
    interests.express(session, SETTINGS, registrations[0], bea.id, Answer.INTERESTED)
    interests.express(session, SETTINGS, registrations[1], ada.id, Answer.NOT_NOW)
    return event


def test_matches_have_a_row_per_sme_and_partner_in_the_promised_columns(session: Session, event: Event) -> None:
    data = reports.table(session, event.id, "matches")
    assert data.columns == (
        *("sme", "sme_city", "sme_sector", "sme_group", "partner", "partner_city", "partner_sector"),
        *("partner_group", "rank", "strength", "reason_for_sme", "reason_for_partner"),
        *("answer_sme", "answer_partner"),
    )
    reason = "looks for “a clinic that tests our game” – finds “two clinics with patients”"
    assert data.rows == [
        (
            *("Plzeňské dílny", "Pilsen", "Health", "growth", "Łódź Zażółć", "Berlin", "Games", "creative"),
            *("1", "0.750", "", reason, "not_now", "interested"),
        ),
        (
            *("Łódź Zażółć", "Berlin", "Games", "creative", "Plzeňské dílny", "Pilsen", "Health", "growth"),
            *("1", "0.750", reason, "", "interested", "not_now"),
        ),
    ]


def test_drafts_are_exported_until_something_is_approved(session: Session) -> None:
    event, ada, bea = make_event(session), make_sme(session, "Ada"), make_sme(session, "Bea")
    register(session, event, ada, bea)
    make_shortlists(session, event, (ada, bea))
    assert [row[0] for row in reports.table(session, event.id, "matches").rows] == ["Ada", "Bea"]


def test_lists_and_answers_of_an_sme_that_was_taken_off_are_exported_still(session: Session, event: Event) -> None:
    before = [reports.table(session, event.id, what) for what in ("matches", "answers")]
    events.withdraw(session, "ann", event.id, session.exec(select(Sme.id).order_by(col(Sme.id))).first() or 0)
    assert [reports.table(session, event.id, what) for what in ("matches", "answers")] == before
    assert [row[0] for row in reports.table(session, event.id, "participants").rows] == ["Plzeňské dílny"]


def test_answers_are_listed_with_their_time(session: Session, event: Event) -> None:
    data = reports.table(session, event.id, "answers")
    assert [(*row[:5], row[6]) for row in data.rows] == [
        ("Łódź Zażółć", "Berlin", "Plzeňské dílny", "Pilsen", "interested", ""),
        ("Plzeňské dílny", "Pilsen", "Łódź Zażółć", "Berlin", "not_now", ""),
    ]


def test_participants_carry_what_an_organiser_needs_to_reach_them(session: Session, event: Event) -> None:
    data = reports.table(session, event.id, "participants")
    assert [row[0] for row in data.rows] == ["Łódź Zażółć", "Plzeňské dílny"]
    assert all(row[data.columns.index("email")].endswith("@firm.example") for row in data.rows)


def test_participants_name_languages_and_markets_in_words_and_an_import_reads_them_again(session: Session) -> None:
    event, sme = make_event(session), make_sme(session, "Ada", languages=["de", "cs"], markets=["NL", "GB"])
    register(session, event, sme)
    data = reports.table(session, event.id, "participants")
    [told] = [dict(zip(data.columns, row, strict=True)) for row in data.rows]
    assert (told["languages_in_english"], told["markets_in_english"]) == (
        "German, Czech",
        "Netherlands, United Kingdom",
    )
    found = columns.guess(data.columns)
    assert [data.columns[found[field]] for field in ("languages", "markets")] == [
        "languages_in_english",
        "markets_in_english",
    ]
    assert languages.find_languages(told["languages_in_english"]).codes == sme.languages
    assert languages.find_markets(told["markets_in_english"]).codes == sme.markets


def test_who_did_not_agree_to_be_mailed_takes_part_without_a_contact(session: Session) -> None:
    event, agreed, left = make_event(session), make_sme(session, "Agreed"), make_sme(session, "Left")
    never = make_sme(session, "Never", consents=(Purpose.MATCHING,))
    profiles.withdraw_consent(session, left, [Purpose.MAILING], "test")
    register(session, event, agreed, left, never)
    data = reports.table(session, event.id, "participants")
    reach = slice(data.columns.index("contact"), data.columns.index("phone") + 1)
    by_name = {row[0]: row[reach] for row in data.rows}
    assert by_name["Agreed"][1].endswith("@firm.example")
    assert (by_name["Left"], by_name["Never"]) == (("", "", ""), ("", "", ""))


def test_csv_is_utf8_with_bom_and_intact(session: Session, event: Event) -> None:
    content = reports.to_csv(reports.table(session, event.id, "matches"))
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["sme"] for row in rows] == ["Plzeňské dílny", "Łódź Zażółć"]


@pytest.mark.parametrize("cell", NASTY)
def test_no_csv_cell_starts_a_formula(cell: str) -> None:
    content = reports.to_csv(reports.Table(("name",), [(cell,)])).decode("utf-8-sig")
    (row,) = list(csv.reader(io.StringIO(content, newline="")))[1:]
    assert row[0].startswith("'")
    assert row[0].replace("'", "") == cell


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize(
    "cell", ["x;=1", "x; =1", 'x;"=1', 'x;"";=1"', "x\n=1", "x;y\r\n@1", "x\t+1", "x;'=1;=2", *NASTY]
)
def test_no_csv_cell_starts_a_formula_where_the_list_separator_is_another(cell: str, separator: str) -> None:
    content = reports.to_csv(reports.Table(("a", "b"), [("first", cell), (cell, "last")])).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator) for cell in row]
    assert [cell for cell in cells if cell.lstrip(' \t\r\n"').startswith(("=", "+", "-", "@"))] == []


def test_every_csv_cell_is_quoted() -> None:
    assert reports.to_csv(reports.Table(("a", "b"), [("x; y", "1")])) == b'\xef\xbb\xbfa,b\r\n"x; y","1"\r\n'


def test_no_csv_header_starts_a_formula_either() -> None:
    """Those of rejected rows stand as in the file that somebody sent."""
    table = reports.Table(("problem", "=HYPERLINK(1)", "Name;=1"), [])
    assert reports.to_csv(table).decode("utf-8-sig") == "problem,'=HYPERLINK(1),Name;'=1\r\n"


def test_every_xlsx_cell_is_text_and_none_a_formula_or_link() -> None:
    cells = [*NASTY, "https://link.example", "007", "Łódź", "Plzeň", "bell\x07 and null\x00"]
    content = reports.to_xlsx(reports.Table(("name",), [(cell,) for cell in cells]))
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    read = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.data_type for cell in read] == ["s"] * len(cells)
    assert [cell.value for cell in read][-5:] == ["https://link.example", "007", "Łódź", "Plzeň", "bell and null"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml
    assert "hyperlink" not in xml


def test_a_profile_that_is_a_formula_is_inert_in_a_whole_export(session: Session) -> None:
    event, ada, bea = make_event(session), make_sme(session, NASTY[0]), make_sme(session, "Bea")
    register(session, event, ada, bea)
    make_shortlists(session, event, (ada, bea))
    content = reports.to_csv(reports.table(session, event.id, "matches")).decode("utf-8-sig")
    assert {row["sme"] for row in csv.DictReader(io.StringIO(content))} == {f"'{NASTY[0]}", "Bea"}


def test_an_unknown_table_or_event_is_refused(session: Session, event: Event) -> None:
    with pytest.raises(InvalidError, match="Expected one of: matches, answers, participants"):
        reports.table(session, event.id, "passwords")
    with pytest.raises(NotFoundError):
        reports.table(session, 999, "matches")


def test_an_export_is_remembered(session: Session, event: Event) -> None:
    data = reports.table(session, event.id, "participants")
    reports.log_export(session, "ann", event.id, "participants", "csv", data)
    session.flush()
    (entry,) = session.exec(select(ExportLog)).all()
    assert (entry.actor, entry.what, entry.format, entry.rows) == ("ann", "participants", "csv", 2)
    assert len(session.exec(select(Sme)).all()) == 2

"""Spreadsheets of every kind, encoding and state of repair."""

import datetime as dt
import io
import zipfile
from collections.abc import Callable

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain import sheets
from broker.domain.sheets import Sheet
from broker.errors import InvalidError
from tests import spreadsheets

HEADER = ["Company", "City", "Looking for"]
ROWS = [
    HEADER,
    ["Łódka Games", "Warszawa", 'A "smart" clinic; or two\nwith patients, many'],
    ["Plzeňská hra", "Plzeň", "Übersetzer"],
]
FILES = {
    "comma": spreadsheets.csv_file(ROWS),
    "semicolon": spreadsheets.csv_file(ROWS, ";"),
    "tab": spreadsheets.csv_file(ROWS, "\t"),
    "bar": spreadsheets.csv_file(ROWS, "|"),
    "all quoted": spreadsheets.csv_file(ROWS, ";", quoting=1),
    "old Mac line ends": spreadsheets.csv_file(ROWS, lineterminator="\r"),
    "Excel's hint": b"sep=;\r\n" + spreadsheets.csv_file(ROWS, ";"),
    "UTF-8 with BOM": spreadsheets.csv_file(ROWS, ";", "utf-8-sig"),
    "UTF-16": spreadsheets.csv_file(ROWS, "\t", "utf-16"),
    "UTF-16 big": b"\xfe\xff" + spreadsheets.csv_file(ROWS, "\t", "utf-16-be"),
    "UTF-16 without BOM": spreadsheets.csv_file(ROWS, ";", "utf-16-le"),
    "UTF-16 big without BOM": spreadsheets.csv_file(ROWS, ";", "utf-16-be"),
    "UTF-32": spreadsheets.csv_file(ROWS, ";", "utf-32"),
    "cp1250": spreadsheets.csv_file(ROWS, ";", "cp1250"),
    "xlsx": spreadsheets.xlsx(ROWS),
    "xls": spreadsheets.xls(ROWS),
    "ods": spreadsheets.ods_file(ROWS),
}


def refusal(content: bytes, name: str = "smes.csv") -> str:
    with pytest.raises(InvalidError) as raised:
        sheets.read(name, content)
    return str(raised.value)


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_the_same_table_is_read_from_every_kind_of_file(content: bytes):
    sheet = sheets.read("whatever.bin", content)
    assert sheet.headers == HEADER
    assert sheet.rows == ROWS[1:]
    assert sheet.row_numbers == [2, 3]
    assert (sheet.header_row, sheet.first_row) == (1, 2)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Název;Město\nČáp;Plzeň"),
        ("cp1250", "Name;City\nČáp;Plzeň"),
        ("cp1250", "Nazwa;Miasto\nŚwit;Łódź"),
        ("cp1250", "Firma;Opis\nSowa;Szukamy narzędzi ręcznych"),
        ("cp1250", "Firma;Ort\nMüller & Söhne;Plzeň\nGrün;Łódź\nCafé;Wien"),
        ("cp1250", "Firma;Popis\nHra;Hledáme partnery pro společný vývoj her, zkušenosti s animací"),
        ("cp1252", "Firma;Ort\nMüller;Köln\nSpaß – größer;Linz"),
        ("cp1252", "Azienda;Luogo\nCaffè;Roma"),
        ("cp1252", "Azienda;Città\nPiù realtà;Roma\nCosì è;Roma"),
        ("cp1252", "Nome;Cidade\nAção;Lisboa\nExperiência em animação;Lisboa"),
        ("cp1252", "Bedrijf;Plaats\nCoöperatie met ideeën;Amsterdam"),
        ("cp1252", "Företag;Ort\nÅngström på nätet;Malmö"),
        ("cp1252", "Ettevõte;Linn\nÕppemängud ja žürii;Tallinn"),
        ("cp1252", "Company;Text\nBrum;“Quoted” – for €5"),
        ("cp1257", "Ettevõte;Linn\nÕppemängud ja žürii;Tallinn"),
        ("cp1257", "Įmonė;Miestas\nŽaidimų kūrėjai;Vilnius"),
    ],
)
def test_a_code_page_is_told_by_the_letters_of_our_languages(encoding: str, text: str):
    sheet = sheets.read("smes.csv", text.encode(encoding))
    assert [sheet.headers, *sheet.rows] == [line.split(";") for line in text.split("\n")]


def test_row_numbers_are_those_the_user_sees():
    content = b'Participants 2014,,\r\n\r\nCompany,City\r\n"two\r\nlines",Berlin\r\n\r\n,\r\nLast,Rome\r\n'
    sheet = sheets.read("smes.csv", content)
    assert (sheet.headers, sheet.header_row) == (["Company", "City"], 3)
    assert sheet.row_numbers == [4, 7]
    assert sheet.rows == [["two\nlines", "Berlin"], ["Last", "Rome"]]


def test_row_numbers_of_a_workbook_count_its_empty_rows():
    sheet = sheets.read("smes.xlsx", spreadsheets.xlsx([[], ["Title"], HEADER, [], ["A", "Rome", ""]]))
    assert (sheet.header_row, sheet.row_numbers) == (3, [5])


def test_numbers_and_dates_are_text_as_the_user_sees_them():
    moment = dt.datetime(2014, 3, 24, 9, 30)  # noqa: DTZ001 - spreadsheets know no zones
    cells = [62.0, 62.1, 491761234567, dt.date(2014, 3, 24), moment, True, None]
    sheet = sheets.read("smes.xlsx", spreadsheets.xlsx([list("abcdefg"), cells]))
    assert sheet.rows == [["62", "62.1", "491761234567", "2014-03-24", "2014-03-24 09:30", "TRUE", ""]]
    assert sheets.read("smes.xls", spreadsheets.xls([["Code", "Name"], [62.0, "x"]])).rows == [["62", "x"]]


def test_the_first_visible_sheet_with_data_is_read():
    workbook = spreadsheets.xlsx([["Old", "Data"], ["1", "2"]], [], [["How to fill this in"]], ROWS, hidden=[0])
    assert sheets.read("smes.xlsx", workbook).headers == HEADER


def test_what_people_cannot_see_is_cleaned_away():
    cells = ["a_x000D_\nb_x000D_", " x\u00a0\u200by ", "e\u0301", "z\x07\x00"]
    sheet = sheets.read("smes.csv", spreadsheets.csv_file([list("abcd"), [*cells[:3], "z\x07"]]))
    assert sheet.rows == [["a\n\nb", "x y", "é", "z"]]


def test_delimiters_within_quotes_and_texts_do_not_mislead():
    content = b"Company;Text\nA;one, two, three\nB;four, five, six | seven\n"
    assert sheets.read("smes.csv", content).rows == [["A", "one, two, three"], ["B", "four, five, six | seven"]]


def test_one_column_is_a_table_too():
    assert sheets.read("smes.csv", b"Company\nAdler\nBussard\n").rows == [["Adler"], ["Bussard"]]


def test_headers_get_names_that_can_be_pointed_at():
    sheet = sheets.read("smes.csv", b"Company,,City,City,\nA,x,Rome,Roma,\n")
    assert sheet.headers == ["Company", "Column 2", "City", "City (2)"]


def test_cells_beyond_the_header_are_kept_as_surplus():
    sheet = sheets.read("smes.csv", b"Company,City\nA,Rome\nB, inc,Rome\nC\n")
    assert sheet.surplus == {3: "Rome"}
    assert sheet.rows == [["A", "Rome"], ["B", "inc"], ["C", ""]]


BROKEN = {
    "empty": (b"", "The file 'smes.csv' is empty."),
    "only blanks": (b"\xef\xbb\xbf \r\n\r\n", "The file 'smes.csv' is empty."),
    "only delimiters": (b",,,\n,,,\n", "The file has no data in it."),
    "only a header": (b"Company,City\n\n", "The file has a header but no rows under it."),
    "no header": (b"1,2\n3,4\n", "Row 1 should name the columns, but holds no words: '1', '2'."),
    "PDF": (b"%PDF-1.7\n1 0 obj", "The file is a PDF document, not a spreadsheet. Expected CSV, XLSX, XLS or ODS."),
    "picture": (
        b"\x89PNG\r\n\x1a\n....",
        "The file is a picture, not a spreadsheet. Expected CSV, XLSX, XLS or ODS.",
    ),
    "web page": (
        b"\n<html><body><table><tr><td>Company</td></tr></table></body></html>",
        "The file is a web page or XML saved under a spreadsheet's name. Expected CSV, XLSX, XLS or ODS.",
    ),
    "XML": (
        b'<?xml version="1.0"?><Workbook/>',
        "The file is a web page or XML saved under a spreadsheet's name. Expected CSV, XLSX, XLS or ODS.",
    ),
    "noise": (
        bytes(range(256)) * 20,
        "The file is not a spreadsheet: it holds binary data. Expected CSV, XLSX, XLS or ODS.",
    ),
    "open quotation mark": (
        b'Company,Text\nA,fine\nB,"never closed\nC,x\n',
        'Row 3: a quotation mark (") opens there and is never closed. Close it and import again.',
    ),
    "truncated workbook": (
        FILES["xlsx"][:-200],
        "The file looks like a spreadsheet but cannot be read: it is damaged or cut off. Save it again and retry.",
    ),
    "truncated old workbook": (
        FILES["xls"][:1500],
        "The file looks like a spreadsheet but cannot be read: it is damaged or cut off. Save it again and retry.",
    ),
    "workbook without data": (spreadsheets.xlsx([], []), "The spreadsheet has no sheet with data in it."),
    "another archive": (
        spreadsheets.zip_file({"word/document.xml": b"<w/>"}),
        "The file is an archive or another kind of document, not a spreadsheet. Expected CSV, XLSX, XLS or ODS.",
    ),
    "locked old workbook": (
        spreadsheets.locked_xls(ROWS),
        "The spreadsheet is protected by a password. Save a copy without one and import that.",
    ),
    "locked workbook": (
        sheets.OLE + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"),
        "The spreadsheet is protected by a password. Save a copy without one and import that.",
    ),
    "locked OpenDocument": (
        spreadsheets.zip_file({"META-INF/manifest.xml": b"<manifest:encryption-data/>", "content.xml": b"?"}),
        "The spreadsheet is protected by a password. Save a copy without one and import that.",
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_in_one_clear_sentence(content: bytes, message: str):
    assert refusal(content) == message


def test_the_limits_are_told():
    assert refusal(b"x" * (sheets.MAX_BYTES + 1)) == ("The file is larger than 10 MB. Split it and import the parts.")
    assert refusal(b"Company,City\n" + b"A,Rome\n" * (sheets.MAX_ROWS + 1)) == (
        "The file has more than 5,000 rows. Split it and import the parts."
    )
    assert refusal(b"Company,Text\nA,x\nB," + b"y" * 20_001) == (
        "Row 3, column 2: a cell may hold at most 20,000 characters, this one has 20,001. Is a quotation mark missing?"
    )
    assert refusal(",".join(f"Column {n}" for n in range(201)).encode() + b"\nx\n") == (
        "The file has more than 200 columns."
    )


def test_exactly_the_limit_is_fine():
    content = b"Company,City\n" + b"A,Rome\n" * sheets.MAX_ROWS
    assert len(sheets.read("smes.csv", content).rows) == sheets.MAX_ROWS
    assert sheets.read("smes.csv", b"Company,Text\nA," + b"y" * 20_000).rows == [["A", "y" * 20_000]]


TOO_BIG = "The file unpacks to more than 25 MB. Split it, or save it as CSV."
TOO_LONG = "The file holds more than 3 million characters. Split it and import the parts."


def test_a_file_that_unpacks_too_big_is_refused_before_it_is_unpacked():
    assert refusal(spreadsheets.zip_file({"xl/workbook.xml": b"<x/>", "xl/big.xml": b" " * 26 * 1024**2})) == TOO_BIG


def test_a_file_that_lies_about_its_size_is_refused():
    content = bytearray(spreadsheets.zip_file({"xl/workbook.xml": b"<x/>", "xl/big.xml": b" " * 26 * 1024**2}))
    size = (26 * 1024**2).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (100).to_bytes(4, "little")
    assert "damaged or cut off" in refusal(bytes(content))


def test_one_text_in_very_many_cells_is_refused_before_it_fills_the_memory():
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(target)  # keeps a text that stands in many cells once
    sheet = workbook.add_worksheet()
    for row in range(2_000):
        sheet.write_row(row, 0, ["Company", "x" * 20_000])
    workbook.close()
    assert len(target.getvalue()) < 100_000
    assert refusal(target.getvalue()) == TOO_LONG


@pytest.mark.parametrize("write", [spreadsheets.xlsx, spreadsheets.xls, spreadsheets.ods_file])
def test_rows_and_columns_are_counted_from_the_first_of_the_sheet(write: Callable[[list[list[str]]], bytes]):
    sheet = sheets.read("a", write([["", ""], ["", "Company", "City"], ["", "Adler", "Berlin"]]))
    assert (sheet.headers, sheet.rows) == (["Column 1", "Company", "City"], [["", "Adler", "Berlin"]])
    assert (sheet.header_row, sheet.row_numbers) == (2, [3])


def test_two_cells_at_opposite_ends_of_a_sheet_cost_a_message_and_not_the_service():
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "Company"
    workbook.active["XFD1048576"] = "far away"
    target = io.BytesIO()
    workbook.save(target)
    assert refusal(target.getvalue()) == (
        "The spreadsheet's cells spread too far. Delete what lies beyond your data, or save it as CSV."
    )


def test_a_zip_that_asks_for_a_password_says_so():
    content = bytearray(FILES["xlsx"])
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 1)
    assert refusal(bytes(content)) == (
        "The spreadsheet is protected by a password. Save a copy without one and import that."
    )
    assert zipfile.is_zipfile(io.BytesIO(bytes(content)))


def read_or_refuse(content: bytes) -> None:
    """A file gives a sound sheet or InvalidError: nothing else may come out."""
    try:
        sheet = sheets.read("smes.csv", content)
    except InvalidError:
        return
    assert isinstance(sheet, Sheet)
    assert sheet.rows
    assert {len(row) for row in sheet.rows} == {len(sheet.headers)}
    assert sheet.row_numbers == sorted(set(sheet.row_numbers))
    for cell in (cell for row in [sheet.headers, *sheet.rows] for cell in row):
        assert "\x00" not in cell
        cell.encode()


@st.composite
def damaged(draw: st.DrawFn, kinds: list[str]) -> bytes:
    """A good file with some bytes changed, and perhaps cut or doubled."""
    content = bytearray(FILES[draw(st.sampled_from(kinds))])
    for _ in range(draw(st.integers(0, 12))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    start, end = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
    how = draw(st.sampled_from(["keep", "cut", "drop", "double"]))
    parts = {
        "keep": content,
        "cut": content[:end],
        "drop": content[:start] + content[end:],
        "double": content + content[start:end],
    }
    return bytes(parts[how])


TEXTS = [kind for kind in FILES if kind not in {"xlsx", "xls", "ods"}]


@settings(max_examples=300)
@given(damaged(TEXTS))
def test_a_damaged_text_file_is_read_or_refused(content: bytes):
    read_or_refuse(content)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace"))))
def test_anything_is_read_or_refused(content: bytes):
    read_or_refuse(content)


@settings(max_examples=40)
@given(damaged(["xlsx", "xls", "ods"]))
def test_a_damaged_workbook_is_read_or_refused(content: bytes):
    read_or_refuse(content)


def _cells() -> st.SearchStrategy[str]:
    letters = st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], exclude_characters="\ufeff\u200b")
    return st.text(letters, max_size=30).map(sheets.clean).filter(lambda cell: "_x000" not in cell)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(_cells().filter(bool), _cells(), _cells()), min_size=1, max_size=8),
    st.sampled_from(sheets.DELIMITERS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read_back(rows: list[tuple[str, str, str]], delimiter: str, encoding: str):
    table = [HEADER, *map(list, rows)]
    assert sheets.read("x.csv", spreadsheets.csv_file(table, delimiter, encoding, quoting=1)).rows == table[1:]


def test_a_text_that_is_too_long_altogether_is_refused_before_it_is_cut_into_cells():
    assert refusal(b"Company,City\n" + b"a" * 3_000_000) == TOO_LONG


def test_more_cells_than_anybody_has_are_refused():
    row = b"Adler,Rome" + b",ab" * 190 + b"\n"
    assert refusal(b"Company,City" + b",Tag" * 190 + b"\n" + row * 1_700) == (
        "The file has more than 300,000 cells. Split it and import the parts."
    )


def test_a_line_that_is_all_separators_is_refused_before_it_is_cut():
    assert refusal(b"Company,City\nA" + b"," * 20_001 + b"\n") == "The file has more than 200 columns."


def test_what_our_downloads_put_before_a_formula_comes_off_again():
    sheet = sheets.read(
        "a.csv", b"Company,Phone,Offers\n'=A1,'+49 30 1234567,\"'- one\n'- two\"\n'Adler',d'-Arc,it's\n"
    )
    assert sheet.rows == [["=A1", "+49 30 1234567", "- one\n- two"], ["'Adler'", "d'-Arc", "it's"]]


@pytest.mark.parametrize("piece", ["x", "'", "(", "a.", "é"])
def test_an_endless_cell_in_an_old_code_page_is_refused_at_once(piece: str):
    """Looked at letter by letter from each letter on, it would take hours."""
    content = b"Firma;Ort\nM\xfcller;" + piece.encode("cp1252") * (120_000 // len(piece)) + b"\n"
    assert refusal(content).startswith("Row 2, column 2: a cell may hold at most 20,000 characters")

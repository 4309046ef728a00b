"""The spreadsheet a broker fills to import SMEs: columns, one example row, and a sheet that explains them."""

import io
from collections.abc import Sequence

import xlsxwriter
from babel import Locale

from broker.domain import columns
from broker.domain.keys import read_table
from broker.domain.languages import OURS
from broker.domain.places import city_names
from broker.domain.reports import Table, to_csv
from broker.domain.rows import EXAMPLE
from broker.domain.workbooks import GUIDE

NAME = f"{EXAMPLE} – this row is not imported"
LEFT_OUT = ("tags",)
"""Fields other people's spreadsheets have and ours does not need."""
CELLS = {
    "name": (NAME, "The name of the firm. Needed."),
    "city": ("Berlin", "The city whose network it belongs to, see below. Needed unless all rows are of your city."),
    "hub": ("Betahaus Werkstatt", "The co-working space, incubator or cluster where it sits."),
    "sector": ("Games", "One of the sectors below, a NACE code, or the firm's own words: then you confirm our guess."),
    "description": (
        "We build games that make physiotherapy bearable, for clinics and for people at home.",
        "What the firm does and for whom, in its own words and language.",
    ),
    "offers": (
        "Game design for exercise and therapy; A motion capture studio for rent",
        "What it brings to a partner. Several: with a semicolon between, or each on a line of its own.",
    ),
    "needs": (
        "A clinic that tests a prototype with twenty patients",
        "What it looks for, one thing each, as with the offers. The more exact, the better the partners.",
    ),
    "languages": ("German; English", "The languages it can work in, by name or code. See below."),
    "language": ("English", "The language in which the description, offers and needs are written."),
    "markets": ("Poland; Austria", "The countries it wants to enter."),
    "readiness": ("3", "For internationalisation, from 1 (curious) to 5 (already exporting)."),
    "website": ("https://spielwerk.example", "Its web address."),
    "contact": ("Ada Adler", "The person to write to."),
    "email": ("ada@spielwerk.example", "One address. Shortlists are mailed to it."),
    "phone": ("030 1234567", "A telephone number."),
    "consent": ("yes", "Whether the firm agreed to be matched and mailed: yes, no, or empty if nobody asked yet."),
}
"""{field: (the example, what to write)}."""


def fields() -> list[str]:
    """The fields of the template, in order."""
    return [field for field in columns.labels() if field not in LEFT_OUT]


def table() -> Table:
    """The header and the example row."""
    labels = columns.labels()
    return Table(tuple(labels[field] for field in fields()), [tuple(CELLS[field][0] for field in fields())])


def csv() -> bytes:
    """The template as CSV; what the columns mean stands on the import page."""
    return to_csv(table())


def xlsx() -> bytes:
    """The template as a workbook of two sheets: the rows to fill, and what to write into them."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        _write_rows(book)
        _write_guide(book)
    return out.getvalue()


def _write_rows(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet("SMEs")
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    example = book.add_format({"italic": True, "font_color": "#6b6b76", "text_wrap": True, "valign": "top"})
    plain = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    data = table()
    for column, (field, name) in enumerate(zip(fields(), data.columns, strict=True)):
        sheet.set_column(column, column, 40 if field in ("description", "offers", "needs") else 20, plain)
        sheet.write_string(0, column, name, head)
        sheet.write_string(1, column, data.rows[0][column], example)
    sheet.freeze_panes(1, 1)
    first = len(CELLS) + 4
    _offer_list(sheet, "sector", f"='{GUIDE}'!$A${first}:$A${first + len(read_table('sectors.csv')) - 1}")
    _offer_list(sheet, "readiness", ["1", "2", "3", "4", "5"])


def _offer_list(sheet: xlsxwriter.worksheet.Worksheet, field: str, source: str | list[str]) -> None:
    """A list to choose from; anything else may still be written, and the preview says what becomes of it."""
    column = fields().index(field)
    rule = {"validate": "list", "source": source, "error_type": "information", "show_error": False}
    sheet.data_validation(1, column, 2_000, column, rule)


def _write_guide(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet(GUIDE)
    head = book.add_format({"bold": True, "valign": "top", "bottom": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 26, wrapped)
    sheet.set_column(1, 1, 80, wrapped)
    labels = columns.labels()
    parts: list[tuple[Sequence[str], Sequence[tuple[str, str]]]] = [
        (("Column", "What to write"), [(labels[field], CELLS[field][1]) for field in fields()]),
        (("Sector", "What is meant"), [(row["name"], row["words"]) for row in read_table("sectors.csv")]),
        (("Language", "Code"), languages()),
        (("City", ""), [(name, "") for name in city_names()]),
    ]
    at = 0
    for header, rows in parts:
        for column, name in enumerate(header):
            sheet.write_string(at, column, name, head)
        for number, row in enumerate(rows, start=at + 1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
        at += len(rows) + 2


def languages() -> list[tuple[str, str]]:
    """The languages of our cities and their codes; any other is understood as well."""
    return [(Locale("en").languages[code], code) for code in OURS]

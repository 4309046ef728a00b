"""The template: we guess its columns, its example is no SME, and all that its guide lists is understood."""

import io

import openpyxl
import pytest

from broker.domain import columns, import_template, sheets
from broker.domain.languages import find_languages
from broker.domain.places import find_city
from broker.domain.rows import is_example, read_rows
from broker.domain.sectors import find_sector
from broker.domain.workbooks import GUIDE
from broker.errors import InvalidError


@pytest.mark.parametrize("content", [import_template.csv(), import_template.xlsx()], ids=["csv", "xlsx"])
def test_every_column_of_the_template_is_guessed_and_its_example_reads_without_a_complaint(content: bytes) -> None:
    sheet = sheets.read("template", content)
    found = columns.guess(sheet.headers)
    assert sorted(found) == sorted(import_template.fields())
    assert sorted(found.values()) == list(range(len(sheet.headers)))
    [row] = read_rows(sheet, found, None)
    assert (row.problems, row.warnings) == ([], [])
    assert is_example(row.name)


def test_every_field_has_an_example_and_a_word_on_what_to_write() -> None:
    assert set(import_template.CELLS) == set(import_template.fields())
    assert all(example and words for example, words in import_template.CELLS.values())


def test_what_the_guide_lists_is_understood_as_it_is_written() -> None:
    rows = _guide()
    for name in _under(rows, "Sector"):
        assert find_sector(name).exact, name
    for name in _under(rows, "Language"):
        assert len(find_languages(name).codes) == 1, name
    for name in _under(rows, "City"):
        assert find_city(name), name


def test_a_template_nobody_filled_is_told_so_instead_of_its_guide_being_read() -> None:
    book = openpyxl.load_workbook(io.BytesIO(import_template.xlsx()))
    book["SMEs"].delete_rows(2)
    emptied = io.BytesIO()
    book.save(emptied)
    with pytest.raises(InvalidError, match="no rows under it"):
        sheets.read("a.xlsx", emptied.getvalue())


def _guide() -> list[list[str]]:
    book = openpyxl.load_workbook(io.BytesIO(import_template.xlsx()))
    return [[str(cell or "") for cell in row] for row in book[GUIDE].iter_rows(values_only=True)]


def _under(rows: list[list[str]], title: str) -> list[str]:
    start = max(at for at, row in enumerate(rows) if row[0] == title)
    names = []
    for row in rows[start + 1 :]:
        if not row[0]:
            break
        names.append(row[0])
    assert names
    return names

"""What would calculate in a spreadsheet is made text and back again, however long its blanks and quotes are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain import formulas

CELLS = st.text(alphabet="a;\t\r\n '\"=+-@＝＋＠－\0", max_size=30)
ENDLESS = 300_000
"""Characters: what looks at each blank again from each blank before it would take many minutes."""


def plainly_inert(cell: str) -> str:
    """As it could be written in one pattern, were there no long cells."""
    cell = re.sub(r"""(?<=[;\t\r\n])(?=[\s"']*[=+@＝＋＠－-])""", "'", cell)
    return f"'{cell}" if cell.startswith(formulas.STARTS) else cell


@given(CELLS)
def test_a_quote_stands_before_every_formula(cell: str) -> None:
    assert formulas.inert(cell) == plainly_inert(cell)


@given(CELLS)
def test_quotes_before_formulas_come_off(cell: str) -> None:
    assert formulas.alive(cell) == re.sub(r"""(?:^|(?<=[;\t\r\n]))'(?=[\s"']*[=+@＝＋＠－-])""", "", cell)


@given(st.text(alphabet='a;\n "=+-@＝', max_size=30).filter(lambda cell: not cell.startswith("\n")))
def test_what_was_made_inert_is_as_it_was_when_read_back(cell: str) -> None:
    assert formulas.alive(formulas.inert(cell)) == cell


@pytest.mark.parametrize("piece", ["'", "\n'", "\n", " ", '\t"', ";'"])
@pytest.mark.parametrize("end", ["", "=1"])
def test_an_endless_cell_is_read_once(piece: str, end: str) -> None:
    cell = "a" + piece * (ENDLESS // len(piece)) + end
    assert formulas.inert(cell).replace("'", "") == cell.replace("'", "")
    assert formulas.alive(cell).replace("'", "") == cell.replace("'", "")

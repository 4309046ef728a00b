"""Cells that would calculate in a spreadsheet: made harmless in our downloads, and as they were when read back."""

import re

SIGNS = "=+@-＝＋＠－"
"""A formula begins with; as wide as a Chinese letter they calculate, too."""
STARTS = (*SIGNS, "\t", "\r", "\n", "\0")
BEFORE_A_SIGN = re.compile(rf"""(?<![\s"'])[\s"']*(?=[{re.escape(SIGNS)}])""")
"""Blanks and quotes before the sign of a formula: looked for as a run, so that one endless run takes no longer than
its length."""
CELL_WITHIN = re.compile(r"(?<=[;\t\r\n])")
"""Where a program that separates cells by something other than a comma would see one begin."""
INERT_WITHIN = re.compile(r"(?:\A|(?<=[;\t\r\n]))'")
ODD = re.compile(rf"""'[\s"]*[{re.escape(SIGNS)}]""")


def inert(cell: str) -> str:
    """With a quote before every formula a spreadsheet could see: what somebody typed into a profile stays text."""
    cell = BEFORE_A_SIGN.sub(lambda run: _within(run, CELL_WITHIN, "'"), cell)
    return f"'{cell}" if cell.startswith(STARTS) else cell


def is_inert(cell: str) -> bool:
    """Whether there may be such a quote."""
    return ODD.search(cell) is not None


def alive(cell: str) -> str:
    """Without the quotes `inert` set."""
    return BEFORE_A_SIGN.sub(lambda run: _within(run, INERT_WITHIN, ""), cell) if is_inert(cell) else cell


def _within(run: re.Match[str], where: re.Pattern[str], put: str) -> str:
    """What is replaced in a run, seen with the sign before it."""
    before = run.string[max(run.start() - 1, 0) : run.start()]
    return where.sub(put, before + run[0])[len(before) :]

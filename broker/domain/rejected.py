"""The rows an import leaves out, as a file that can be mended and imported again."""

from collections.abc import Callable, Mapping
from typing import Any

from broker.domain.imports import Preview
from broker.domain.plans import Action
from broker.domain.reports import Table
from broker.domain.rows import Row
from broker.domain.sheets import Sheet

PROBLEM = "problem"
"""The first column's header; it means no field, so it is left out when the file comes back."""
Kept = dict[str, Any]


def rejected_rows(sheet: Sheet, preview: Preview) -> Kept | None:
    """The rejected rows as they stand in the file, each with its problems; None where there are none."""
    cells = dict(zip(sheet.row_numbers, sheet.rows, strict=True))
    rows = [
        [
            _told(entry.row),
            *cells[entry.row.number],
        ]
        for entry in preview.entries
        if entry.action is Action.REJECTED
    ]
    return {"headers": [PROBLEM, *(header for header in sheet.headers)], "rows": rows} if rows else None


def _told(row: Row) -> str:
    """Why the row is rejected, and which other cells would be left out of it once it is mended."""
    rejected, left_out = (
        "; ".join(f"{problem.column or 'row'}: expected {problem.expected}" for problem in found)
        for found in (row.problems, row.warnings)
    )
    return f"{rejected}; and left out unless mended: {left_out}" if left_out else rejected


def table(kept: Mapping[str, Any]) -> Table:
    """Rejected rows to be written into a file; a problem column that came with them is not repeated."""
    again = [at for at, header in enumerate(kept["headers"]) if at and header.casefold() == PROBLEM]
    wanted = [at for at in range(len(kept["headers"])) if at not in again]
    return Table(tuple(kept["headers"][at] for at in wanted), [tuple(row[at] for at in wanted) for row in kept["rows"]])


def without(kept: Mapping[str, Any], is_of: Callable[[str], bool]) -> Kept | None:
    """The same without rows of which a cell fits; None where none is left."""
    rows = [row for row in kept["rows"] if not any(is_of(cell) for cell in row if cell)]
    return {**kept, "rows": rows} if rows else None

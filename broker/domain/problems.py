"""What is wrong with the cells of a file, told once a kind: where, what was expected, how to mend it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.domain.rows import Problem

FIXES = {
    "name": "Write the firm’s name into the cell. A row without a name cannot be told from others.",
    "city": "Write the city as it stands in the list. If the SME is of no city of the network, leave its row out.",
    "email": "Write one address and nothing else, or leave the cell empty and add it later.",
    "contact": "Write the person’s name here and the address into a column of its own.",
    "website": "Write one address as it stands in a browser, or leave the cell empty.",
    "phone": "Write one number and nothing else, or leave the cell empty.",
    "readiness": "Write one number from 1 to 5, or leave the cell empty and fill it in with the firm.",
    "languages": "Write languages by their names, with commas between.",
    "language": "Write the one language the texts are written in.",
    "markets": "Write countries by their names, with commas between; a continent is too wide.",
    "sector": "Choose a sector from the list, or describe the field in words.",
    "consent": "Write yes or no. Without an answer the firm is not matched until you have asked.",
    "offers": "Say it shorter, one thing a line.",
    "needs": "Say it shorter, one thing a line.",
    "hub": "Write the hub’s name only.",
    "": "Look at the row: a stray comma or semicolon has moved its cells. Put the text into quotation marks.",
}
MEND = "Correct the cell in your file, or leave it empty."


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """Cells of one column with the same problem."""

    column: str
    expected: str
    fix: str
    problems: list[Problem]


def grouped(problems: Iterable[Problem], columns: Mapping[str, str]) -> list[ProblemGroup]:
    """The kinds of problem, the most frequent first. `columns` is {field: header}."""
    fields = {header: field for field, header in columns.items()}
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.column, problem.expected), []).append(problem)
    return [
        ProblemGroup(column, expected, FIXES.get(fields.get(column, column), MEND), found)
        for (column, expected), found in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]

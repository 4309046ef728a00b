"""One row of a spreadsheet, read into the facts of a profile, with what could not be read."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from broker.domain import fields
from broker.domain.languages import Reading, find_languages, find_markets, is_yes
from broker.domain.names import name_key
from broker.domain.places import city_name, city_names, find_city
from broker.domain.profiles import MAX_STATEMENTS
from broker.domain.sectors import UNKNOWN, SectorGuess, find_sector
from broker.domain.sheets import Sheet
from broker.domain.texts import MAX_STATEMENT, plain, statements

SHOWN = 80
MAX_NAME = 200
MAX_WORDS = 500
PART = r"[^\s<>()\[\],;:|\"]"
ADDRESS = re.compile(rf"(?<!{PART}){PART}{{1,64}}@{PART}{{1,255}}(?!{PART})")
"""Whole words of bounded length, so that no cell, however made, takes long to look through."""
MAX_LOOKED_AT = 1_000
"""Characters of a cell in which an address beside a name is looked for."""
EXAMPLE = "EXAMPLE"
"""With this word the name of our template's example row begins."""
REFERENCE = re.compile(r"(?=\S*(?:\d{4}|-\d\d-))\S+")
"""A number of a file or call, such as ABC-12-2014-1: no word about what a firm does."""


class Problem(NamedTuple):
    """A cell that could not be used: where it is, what it holds (cut), what was expected."""

    row: int
    column: str
    value: str
    expected: str


@dataclass(slots=True)
class Row:
    """What a row says. `facts` holds only fields with something in them; `problems` reject the row."""

    number: int
    name: str = ""
    city_code: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    sector: SectorGuess = UNKNOWN
    sector_words: str = ""
    consent: bool | None = True
    """True: agreed (or the importer vouches), False: refused, None: the column is there and says nothing."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """Two rows with the same key may be the same SME."""
        return self.city_code, name_key(self.name)


def read_rows(sheet: Sheet, columns: Mapping[str, int], city: str | None) -> list[Row]:
    """All rows of the sheet; `city` is the code of the city given for the whole file."""
    return [
        _RowReader(sheet, columns, number, cells).read(city)
        for number, cells in zip(sheet.row_numbers, sheet.rows, strict=True)
    ]


def is_example(name: str) -> bool:
    """Whether a row of this name is the example of our template, which nobody means to import."""
    return name.startswith(f"{EXAMPLE} –")


class _RowReader:
    """Reads one row field by field, noting each cell that cannot be used."""

    def __init__(self, sheet: Sheet, columns: Mapping[str, int], number: int, cells: list[str]) -> None:
        self.sheet, self.columns, self.cells = sheet, columns, cells
        self.row = Row(number)

    def read(self, city: str | None) -> Row:
        row = self.row
        surplus = self.sheet.surplus.get(row.number)
        if surplus:
            width = len(self.sheet.headers)
            self._reject(None, surplus, f"at most {width} cells, as in the header: the row's cells have slipped")
        self._read_name()
        self._read_city(city)
        self._read_texts()
        self._read_lists()
        self._read_sector()
        self._read_contact()
        self._read_consent()
        row.facts = {name: value for name, value in row.facts.items() if value not in ("", [], None)}
        return row

    def _cell(self, field: str) -> str:
        at = self.columns.get(field)
        return "" if at is None else self.cells[at]

    def _line(self, field: str) -> str:
        return " ".join(self._cell(field).split())

    def _problem(self, field: str | None, value: str, expected: str) -> Problem:
        at = None if field is None else self.columns.get(field)
        column = (field or "") if at is None else self.sheet.headers[at]
        shown = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
        return Problem(self.row.number, column, shown, expected)

    def _reject(self, field: str | None, value: str, expected: str) -> None:
        self.row.problems.append(self._problem(field, value, expected))

    def _warn(self, field: str, value: str, expected: str) -> None:
        self.row.warnings.append(self._problem(field, value, expected))

    def _read_name(self) -> None:
        name = self._line("name")
        if not any(map(str.isalnum, name)):
            self._reject("name", name, "the name of the SME")
        elif len(name) > MAX_NAME:
            self._reject("name", name, f"a name of at most {MAX_NAME} characters")
        self.row.name = self.row.facts["name"] = name

    def _read_city(self, given: str | None) -> None:
        text = self._line("city")
        code = find_city(text) if text else given
        if code is None and text:
            self._reject("city", text, f"one of our cities: {', '.join(city_names())}")
        elif code is None:
            self._reject("city", text, "a city")
        elif given is not None and code != given:
            self._reject("city", text, f"{city_name(given)}, the city given for this import, or an empty cell")
        self.row.city_code = self.row.facts["city_code"] = code or ""

    def _read_texts(self) -> None:
        facts = self.row.facts
        facts["description"] = plain(self._cell("description"))
        facts["hub"] = self._at_most("hub", self._line("hub"), 120)
        facts["website"] = self._checked("website", fields.checked_website)
        facts["readiness"] = self._checked("readiness", fields.checked_readiness)
        for kind in ("offers", "needs"):
            facts[kind] = list(self._statements(kind))

    def _at_most(self, field: str, text: str, length: int) -> str:
        if len(text) <= length:
            return text
        self._warn(field, text, f"at most {length} characters")
        return ""

    def _checked(self, field: str, check: Callable[[str], Any]) -> Any:
        text = self._line(field)
        try:
            return check(text)
        except ValueError as error:
            self._warn(field, text, str(error))
            return None

    def _statements(self, field: str) -> Iterator[str]:
        found = statements(self._cell(field))
        for statement in found[:MAX_STATEMENTS]:
            if len(statement) <= MAX_STATEMENT:
                yield statement
            else:
                self._warn(field, statement, f"statements of at most {MAX_STATEMENT} characters")
        if len(found) > MAX_STATEMENTS:
            self._warn(field, found[MAX_STATEMENTS], f"at most {MAX_STATEMENTS} statements: the rest is left out")

    def _read_lists(self) -> None:
        facts = self.row.facts
        text_language = self._codes("language", find_languages, "a language by its name or ISO code")
        facts["language"] = text_language[0] if len(text_language) == 1 else ""
        facts["languages"] = self._codes("languages", find_languages, "languages by name or ISO code")
        if len(text_language) > 1 and not facts["languages"]:
            facts["languages"] = text_language  # several: they are spoken, not what one text is written in
        facts["markets"] = self._codes("markets", find_markets, "countries by name or ISO code")

    def _codes(self, field: str, find: Callable[[str], Reading], expected: str) -> list[str]:
        reading = find(self._cell(field))
        for name in reading.unknown:
            self._warn(field, name, expected)
        return reading.codes

    def _read_sector(self) -> None:
        """A sector column may hold codes; among tags numbers mean nothing we know, and words only hint."""
        words = self._line("sector")
        if words:
            self.row.sector = find_sector(self._cell("sector"))
        else:
            words = "" if REFERENCE.fullmatch(self._line("tags")) else self._line("tags")
            guess = find_sector(self._cell("tags"), codes=False)
            self.row.sector = SectorGuess(guess.code, False)
        if any(map(str.isalpha, words)):
            self.row.sector_words = words[:MAX_WORDS]
        elif words and self.row.sector.code is None and self._line("sector"):
            self._warn("sector", words, "one of our sectors, a NACE code, or words")

    def _read_contact(self) -> None:
        facts = self.row.facts
        person, email = self._line("contact"), self._line("email")
        both = email if "<" in email else person if not email else ""
        written = ADDRESS.findall(both[:MAX_LOOKED_AT]) if "@" in both else []
        if len(written) == 1:  # as mail programmes copy it: Ada Adler <ada@firm.eu>
            email, before = written[0], both.partition(written[0])[0].strip(" <(,;:|-")
            person = before if both == person else person or before
        facts["contact"] = self._at_most("contact", person, 120)
        facts["phone"] = self._checked("phone", fields.checked_phone)
        try:
            facts["email"] = fields.checked_email(email)
        except ValueError as error:
            field = "email" if self._line("email") else "contact"
            self._reject(field, self._line(field), str(error))

    def _read_consent(self) -> None:
        if "consent" not in self.columns:
            return
        text = self._line("consent")
        self.row.consent = is_yes(text) if text else None
        if text and self.row.consent is None:
            self._warn("consent", text, "yes or no; no consent is recorded")

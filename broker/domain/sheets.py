"""An uploaded spreadsheet, CSV or workbook, as a header and rows of text with the row numbers the user sees."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from broker.domain import formulas
from broker.domain.encodings import decode
from broker.domain.workbooks import EXPECTED, MAX_TEXT, TOO_LONG, Table, read_workbook
from broker.errors import InvalidError

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 5_000
MAX_CELL = 20_000
MAX_COLUMNS = 200
MAX_CELLS = 300_000
MOST_IN_LINE = 20_000
"""Delimiters; no line of a table has so many, also not within quotes."""
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
TOO_WIDE = f"The file has more than {MAX_COLUMNS} columns."
TOO_MANY = f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts."
HEADER_WITHIN = 20
DELIMITERS = ",;\t|"
SNIFFED = 200_000
ARTEFACT = re.compile(r"_x000[9ADad]_")
UNWANTED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
ODD = re.compile("_x000|  ")
"""What makes a plain ASCII cell worth a closer look."""
SPACES = re.compile(r"[ \t\u00a0\u2007\u202f]+")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
)
MARKUP = re.compile(r"\s*<(?:!doctype html|html|head|body|table|\?xml|!--)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headers and data rows, each row as long as the headers; blank rows are left out."""

    headers: list[str]
    rows: list[list[str]]
    row_numbers: list[int]
    """The number of each row as the user's spreadsheet shows it."""
    header_row: int
    surplus: dict[int, str] = field(default_factory=dict)
    """Row number → what stands beyond the last header: the row's cells may have slipped."""

    @property
    def first_row(self) -> int:
        """The number of the first data row."""
        return self.row_numbers[0]


def read(file_name: str, content: bytes) -> Sheet:
    """The sheet in `content`, told by what it holds rather than by its name; InvalidError in one sentence."""
    if len(content) > MAX_BYTES:
        raise InvalidError(f"The file is larger than {MAX_BYTES // 1024**2} MB. Split it and import the parts.")
    if not content.strip(b"\x00 \r\n\t\xef\xbb\xbf\xff\xfe"):
        raise InvalidError(f"The file {file_name!r} is empty.")
    for mark, kind in FOREIGN:
        if content.startswith(mark):
            raise InvalidError(f"The file is {kind}, not a spreadsheet. {EXPECTED}")
    return _sheet(_table(content))


def _table(content: bytes) -> Table:
    if content.startswith((b"PK", OLE)):
        return read_workbook(content)
    text = decode(content)
    if len(text) > MAX_TEXT:
        raise InvalidError(TOO_LONG)
    if MARKUP.match(text):
        raise InvalidError(f"The file is a web page or XML saved under a spreadsheet's name. {EXPECTED}")
    return _csv_table(text)


def _csv_table(text: str) -> Table:
    declared = re.match(r"sep=(.)\r?\n", text)  # Excel's own hint, which it does not show as a row
    if declared:
        return _parse_csv(text[declared.end() :], declared[1])
    return _parse_csv(text, _delimiter(text))


def _delimiter(text: str) -> str:
    """The delimiter under which most rows have as many cells as the widest early row; a comma where there is none."""
    return max(DELIMITERS, key=lambda delimiter: _regularity(text[:SNIFFED], delimiter))


def _regularity(sample: str, delimiter: str) -> tuple[float, int]:
    rows = _records(sample, delimiter)
    widths = [len(row) for row in rows if any(cell.strip() for cell in row)][:200]
    header = next((width for width in widths[:HEADER_WITHIN] if width > 1), 0)
    if not header:
        return (0.0, 0)
    like_header = sum(width == header for width in widths) / len(widths)
    return (round(like_header, 1), header)


def _records(text: str, delimiter: str, strict: bool = False) -> Table:
    reader = csv.reader(_lines(text, delimiter), delimiter=delimiter, strict=strict)
    rows: Table = []
    cells = 0
    try:
        for row in reader:
            rows.append(row)
            cells += len(row)
            if len(rows) > MAX_ROWS + HEADER_WITHIN:
                break
            if cells > MAX_CELLS:
                raise InvalidError(f"The file has more than {MAX_CELLS:,} cells. Split it and import the parts.")
    except csv.Error as error:
        if strict:
            raise
        raise InvalidError(f"Row {len(rows) + 1} cannot be read as CSV: {error}.") from error
    return rows


def _lines(text: str, delimiter: str) -> Iterator[str]:
    """One by one: what a hostile line makes of itself is known before it is cut into cells."""
    for line in LINE.finditer(text):
        if text.count(delimiter, *line.span()) > MOST_IN_LINE:
            raise InvalidError(TOO_WIDE)
        yield line[0]


def _parse_csv(text: str, delimiter: str) -> Table:
    try:
        return _records(text, delimiter, strict=True)
    except csv.Error as error:
        if "unexpected end" in str(error):
            started = len(_records(text, delimiter))
            raise InvalidError(
                f'Row {started}: a quotation mark (") opens there and is never closed. Close it and import again.'
            ) from error
    return _records(text, delimiter)


def _sheet(table: Table) -> Sheet:
    for at, row in enumerate(table):  # in place: a large one should not be there twice
        table[at] = [clean(cell) for cell in row]
    lines = [(number, row) for number, row in enumerate(table, 1) if any(row)]
    if not lines:
        raise InvalidError("The file has no data in it.")
    start = next((at for at, (_, row) in enumerate(lines[:HEADER_WITHIN]) if sum(map(bool, row)) > 1), 0)
    header_row, header = lines[start]
    header = [" ".join(cell.split()) for cell in header]
    _check_header(header, header_row)
    body = lines[start + 1 :]
    if not body:
        raise InvalidError("The file has a header but no rows under it.")
    if len(body) > MAX_ROWS:
        raise InvalidError(TOO_MANY)
    return _cut(header, header_row, body)


def _check_header(header: list[str], number: int) -> None:
    if not any(re.search(r"[^\W\d_]", cell) for cell in header):
        raise InvalidError(f"Row {number} should name the columns, but holds no words: {_listed(header)}.")
    if len(header) > MAX_COLUMNS:
        raise InvalidError(TOO_WIDE)


def _listed(cells: list[str]) -> str:
    return ", ".join(repr(cell[:30]) for cell in cells if cell)[:200]


def _cut(header: list[str], header_row: int, body: list[tuple[int, list[str]]]) -> Sheet:
    while not header[-1]:
        header.pop()
    width = len(header)
    rows, surplus = [], {}
    for number, row in body:
        for at, cell in enumerate(row):
            if len(cell) > MAX_CELL:
                raise InvalidError(
                    f"Row {number}, column {at + 1}: a cell may hold at most {MAX_CELL:,} characters, "
                    f"this one has {len(cell):,}. Is a quotation mark missing?"
                )
        if any(row[width:]):
            surplus[number] = " ".join(filter(None, row[width:]))
        rows.append(row if len(row) == width else row[:width] + [""] * (width - len(row)))
    return Sheet(_unique(header), rows, [number for number, _ in body], header_row, surplus)


def _unique(header: list[str]) -> list[str]:
    """Every column needs a name of its own, so that it can be pointed at."""
    seen: Counter[str] = Counter()
    names = []
    for at, cell in enumerate(header, 1):
        name = cell[:200] or f"Column {at}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def clean(cell: str) -> str:
    """A cell without what people cannot see: control characters, Excel's escapes, odd spaces; NFC."""
    if cell.isascii() and cell.isprintable() and not ODD.search(cell) and not formulas.is_inert(cell):
        return cell.strip()
    text = ARTEFACT.sub("\n", cell).replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    text = formulas.alive(UNWANTED.sub("", unicodedata.normalize("NFC", text)))
    lines = (SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

"""Spreadsheets as nobody means to send them: good files of every kind, broken in ways a seed decides."""

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from broker.domain import import_template
from broker.domain.sheets import MAX_BYTES, MAX_ROWS
from tests import spreadsheets

HEADER = ["Firma", "Stadt", "Hub", "Branche", "Beschreibung", "Bietet", "Sucht", "Sprachen", "Zielmärkte", "Reife",
          "Ansprechpartner", "E-Mail", "Telefon", "Webseite", "Einwilligung"]  # fmt: skip
ROWS = [
    ["Neuland", "Berlin", "Werkhof", "Design", "Wir gestalten Dienste.", "Servicedesign; Prototypen",
     "eine Klinik in Łódź", "de, en", "CZ", "3", "Nora Neu", "nora@neuland.example", "+49 30 1234567", "neu.example",
     "ja"],
    ["SPIELWERK GmbH", "Berlin", "", "Games", "Worte.", "Spiele", "", "de", "", "", "", "", "", "", ""],
    ["Krumm", "Berlin", "", "62.10", "", "", "", "Klingon", "Europa", "9", "", "keine-adresse", "x", "?", "vielleicht"],
    ["", "Atlantis", "", "", "", "", "", "", "", "", "", "", "", "", ""],
]  # fmt: skip
NASTY: tuple[Callable[[random.Random], str], ...] = (
    lambda _: "\x00",
    lambda _: "=cmd|' /C calc'!A0",
    lambda _: '=HYPERLINK("http://evil.example")',
    lambda _: "\ud800",
    lambda _: "\ufeff\u202e\u200b",
    lambda _: '"',
    lambda _: "\r\n\r",
    lambda dice: "x" * dice.choice((201, 1_001, 20_001, 300_000)),
    lambda dice: ";" * dice.choice((5, 3_000)),
    lambda _: "9" * 400,
    lambda _: "1e999",
    lambda _: "a@" * 5_000,
    lambda _: "(" * 20_000,
    lambda _: "&#x110000;&nbsp;<b><script>alert(1)</script>",
    lambda _: "İ" * 200,
    lambda _: "﷽" * 200,
    lambda _: "2014-13-45T99:99",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1250", "cp1252", "cp1257", "cp037", "shift_jis")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file as it is sent, and how it came to be."""

    how: str
    name: str
    content: bytes


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    """So many files; the same seed gives the same."""
    for number in range(count):
        dice = random.Random(f"{seed}:{number}")
        how, content = _made(dice, number)
        yield Mutant(f"{number} {how}", _name(dice, number, how), content[: MAX_BYTES + 1_000])


def _name(dice: random.Random, number: int, how: str) -> str:
    if number % 500 == 27:
        return "n" * 9_000_000 + ".csv"
    return dice.choice((f"{how}.csv", "a.xlsx", "ł\u202e.ods", "<b>.xls", "../../etc/passwd", "x" * 5_000, " "))


def _made(dice: random.Random, number: int) -> tuple[str, bytes]:
    if number % 100 in LARGE:
        return LARGE[number % 100](dice)
    kinds = (_text, _text, _text, _broken_csv, _broken_book, _odd_book)
    return dice.choice(kinds)(dice)


def _rows(dice: random.Random) -> list[list[str]]:
    """The good table with a few cells that are not."""
    rows = [list(HEADER), *(list(row) for row in ROWS)]
    for _ in range(dice.randint(0, 4)):
        row = dice.choice(rows if dice.random() < 0.2 else rows[1:])
        row[dice.randrange(len(row))] = dice.choice(NASTY)(dice)
    if dice.random() < 0.2:
        dice.choice(rows).append("one too many")
    if dice.random() < 0.1:
        rows.append(rows[-1][: dice.randrange(len(HEADER))])
    return rows


def _text(dice: random.Random) -> tuple[str, bytes]:
    encoding, delimiter = dice.choice(ENCODINGS), dice.choice(",;\t|")
    lines = (delimiter.join(_quoted(cell, delimiter, dice) for cell in row) for row in _rows(dice))
    text = dice.choice(("\n", "\r\n", "\r")).join(lines)
    errors = "surrogatepass" if encoding.startswith("utf") else "replace"
    return f"text in {encoding}", text.encode(encoding, errors)


def _quoted(cell: str, delimiter: str, dice: random.Random) -> str:
    if dice.random() < 0.05:
        return cell  # whatever it holds
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in f'"\r\n{delimiter}') else cell


def _broken_csv(dice: random.Random) -> tuple[str, bytes]:
    return "broken csv", _broken(dice, spreadsheets.csv_file([HEADER, *ROWS], dice.choice(",;\t")))


def _broken_book(dice: random.Random) -> tuple[str, bytes]:
    kind = dice.choice(list(BOOKS))
    return f"broken {kind}", _broken(dice, BOOKS[kind]())


def _broken(dice: random.Random, content: bytes) -> bytes:
    """Bits flipped, pieces cut out, doubled, put elsewhere; or cut off."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data))
        size = min(dice.choice((1, 4, 64, 512)), len(data) - at)
        match dice.randrange(5):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                data[at : at + size] = dice.randbytes(size)
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size]
            case _ if dice.random() < 0.3:
                del data[at:]
        if not data:
            break
    return bytes(data)


def _odd_book(dice: random.Random) -> tuple[str, bytes]:
    """A workbook whose parts are well packed and say odd things."""
    members = _members(spreadsheets.xlsx(_storable(_rows(dice))))
    sheet = "xl/worksheets/sheet1.xml"
    how, old, new = dice.choice(ODD)
    members[sheet] = members[sheet].replace(old, new)
    if dice.random() < 0.3:
        name = dice.choice(list(members))
        members[name] = _broken(dice, members[name])
    return f"odd xlsx, {how}", spreadsheets.zip_file(members)


ODD = (
    ("huge dimensions", b'<dimension ref="A1', b'<dimension ref="A1:XFD1048576" was="A1'),
    ("a cell far away", b'r="C2"', b'r="XFD1048576"'),
    ("a cell beyond the last", b'r="C2"', b'r="ZZZZ99999999999"'),
    ("no such shared text", b"<v>1</v>", b"<v>4294967295</v>"),
    ("a formula", b"<v>1</v>", b"<f>1+1</f><v>2</v>"),
    ("an error value", b't="s"', b't="e"'),
    ("an entity", b"<sheetData>", b'<!DOCTYPE a [<!ENTITY b "bbbb">]><sheetData>'),
    ("row numbers that repeat", b'<row r="3"', b'<row r="2"'),
    ("a row number beyond all", b'<row r="3"', b'<row r="99999999999999999999"'),
    ("as it is", b"", b""),
)


def _storable(rows: list[list[str]]) -> list[list[str]]:
    """Without what no XML can hold."""
    return [["".join(sign for sign in cell if sign.isprintable())[:32_000] for cell in row] for row in rows]


def _members(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _bomb(dice: random.Random) -> tuple[str, bytes]:
    members = _members(spreadsheets.xlsx([HEADER, *ROWS]))
    size = dice.choice((24, 26, 400)) * 1024 * 1024
    members["xl/worksheets/sheet1.xml"] += b" " * size
    return "zip bomb", spreadsheets.zip_file(members)


def _repeated(_: random.Random) -> tuple[str, bytes]:
    rows = [HEADER, *([["y" * 30_000] * 15] * 2_000)]
    return "one long text in many cells", spreadsheets.xlsx(rows)


def _long_name(_: random.Random) -> tuple[str, bytes]:
    return "10 MB name", b"Company,City\n" + b"n" * 10_000_000 + b",Berlin\n"


def _most_rows(dice: random.Random) -> tuple[str, bytes]:
    """As many rows as are taken, each with a word in every column, together as long as may be."""
    count = dice.choice((MAX_ROWS, MAX_ROWS, MAX_ROWS + 1, 400_000))
    rows = (b"Firm %d,Berlin,Hub %d,%s\n" % (number, number, b"word " * 110) for number in range(count))
    return "many rows", b"Company,City,Hub,Description\n" + b"".join(rows)


def _many_columns(_: random.Random) -> tuple[str, bytes]:
    return "many columns", b"Company" + b",ab" * 900_000 + b"\nA,Berlin\n"


def _most_cells(dice: random.Random) -> tuple[str, bytes]:
    row = b"Adler,Berlin" + b",ab" * 190 + b"\n"
    return "many cells", b"Company,City" + b",Tag" * 190 + b"\n" + row * dice.choice((1_500, 4_000))


def _many_problems(_: random.Random) -> tuple[str, bytes]:
    return "many problems", b"Company,City\n" + b"A,Atlantis\n" * MAX_ROWS


BOOKS: dict[str, Callable[[], bytes]] = {
    "xlsx": lambda: spreadsheets.xlsx([HEADER, *ROWS]),
    "xls": lambda: spreadsheets.xls([HEADER, *ROWS]),
    "ods": lambda: spreadsheets.ods_file([HEADER, *ROWS]),
    "template": import_template.xlsx,
}
LARGE: dict[int, Callable[[random.Random], tuple[str, bytes]]] = {
    1: _long_name, 5: _most_cells, 9: _many_columns, 13: _most_rows, 17: _bomb, 21: _repeated, 25: _many_problems,
}  # fmt: skip

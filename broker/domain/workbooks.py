"""Read XLSX, XLS and ODS in a process of its own.

The parser is native code: a hostile file of a few kilobytes can make it ask for more memory than there is, and
then the whole process dies. Here only a child does, which also unpacks what the file holds.
"""

import io
import json
import subprocess
import sys
import threading
import zipfile
from datetime import date, datetime, time, timedelta
from typing import IO, Any

from broker.config import ROOT
from broker.errors import ConflictError, InvalidError

MAX_UNPACKED = 25 * 1024 * 1024
MAX_TEXT = 3_000_000
"""Characters of all cells together; each cell counts as ten more, for what keeping it takes."""
MAX_MEMORY = 1024**3
"""For a child. What may be imported takes an eighth of it; a hostile file of 17 kB takes all of it for seconds."""
SECONDS = 60
PATIENCE = 5.0
"""Seconds to wait for a turn: an erasure does so in its transaction, and others wait ten for that."""
CHUNK = 1 << 16
TOO_LONG = f"The file holds more than {MAX_TEXT // 10**6} million characters. Split it and import the parts."
EXPECTED = "Expected CSV, XLSX, XLS or ODS."
TOO_BIG = f"The file unpacks to more than {MAX_UNPACKED // 1024**2} MB. Split it, or save it as CSV."
DAMAGED = "The file looks like a spreadsheet but cannot be read: it is damaged or cut off. Save it again and retry."
LOCKED = "The spreadsheet is protected by a password. Save a copy without one and import that."
SPRAWLING = "The spreadsheet's cells spread too far. Delete what lies beyond your data, or save it as CSV."
NO_DATA = "The spreadsheet has no sheet with data in it."
GUIDE = "What the columns mean"
"""The second sheet of our template, which holds no rows."""
BUSY = "Other spreadsheets are being read just now. Try again in a minute, or save it as CSV."
Table = list[list[str]]
_turns = threading.BoundedSemaphore(2)
"""Of children: many at once could fill the machine's memory, each within what it may take."""


def read_workbook(content: bytes) -> Table:
    """The cells of the first sheet that has data, from row 1 and column A on, as the user sees them.

    InvalidError, and ConflictError where too many are being read."""
    if not _turns.acquire(timeout=PATIENCE):
        raise ConflictError(BUSY)
    try:
        return _read_apart(content)
    finally:
        _turns.release()


def _read_apart(content: bytes) -> Table:
    command = [sys.executable, "-m", "broker.domain.workbooks"]
    try:
        child = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        raise InvalidError(f"The spreadsheet could not be read within {SECONDS} seconds. Save it as CSV.") from None
    if child.returncode < 0:  # killed, because it asked for more memory than it may have
        raise InvalidError(SPRAWLING)
    if child.returncode != 0:
        raise InvalidError(DAMAGED)
    answer: dict[str, Any] = json.loads(child.stdout)
    if "error" in answer:
        raise InvalidError(answer["error"])
    rows: Table = answer["rows"]
    return rows


def unpack(content: bytes) -> dict[str, bytes]:
    """The members of a zip file. InvalidError where they are damaged, locked or together too big."""
    members: dict[str, bytes] = {}
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            if any(info.flag_bits & 1 for info in infos):
                raise InvalidError(LOCKED)
            if sum(info.file_size for info in infos) > MAX_UNPACKED:
                raise InvalidError(TOO_BIG)
            for info in infos:
                with archive.open(info) as member:
                    members[info.filename] = _read_at_most(member, left)
                left -= len(members[info.filename])
    except InvalidError:
        raise
    except Exception as error:  # zipfile raises a dozen kinds on a damaged file
        raise InvalidError(DAMAGED) from error
    return members


def _read_at_most(member: IO[bytes], left: int) -> bytes:
    """The sizes a zip file states can lie; what comes out cannot."""
    parts = []
    while part := member.read(CHUNK):
        left -= len(part)
        if left < 0:
            raise InvalidError(TOO_BIG)
        parts.append(part)
    return b"".join(parts)


def repack(members: dict[str, bytes]) -> bytes:
    """The same members uncompressed, so that the parser unpacks nothing we have not measured."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass


def _parse(content: bytes) -> dict[str, Any]:
    try:
        return _first_table(repack(_members(content)) if content.startswith(b"PK") else _old_workbook(content))
    except InvalidError as error:
        return {"error": str(error)}


def _members(content: bytes) -> dict[str, bytes]:
    members = unpack(content)
    manifest = members.get("META-INF/manifest.xml", b"")
    if b"encryption-data" in manifest:
        raise InvalidError(LOCKED)
    is_ods = members.get("mimetype", b"").strip() == b"application/vnd.oasis.opendocument.spreadsheet"
    if not is_ods and "xl/workbook.xml" not in members:
        raise InvalidError(f"The file is an archive or another kind of document, not a spreadsheet. {EXPECTED}")
    return members


def _old_workbook(content: bytes) -> bytes:
    """XLS lies in a container that Word documents and encrypted XLSX files use as well."""
    names = content.replace(b"\x00", b"")
    if b"EncryptedPackage" in names or b"EncryptionInfo" in names or _has_filepass(content):
        raise InvalidError(LOCKED)
    if b"WordDocument" in names or b"PowerPoint Document" in names:
        raise InvalidError(f"The file is another kind of document, not a spreadsheet. {EXPECTED}")
    return content


def _has_filepass(content: bytes) -> bool:
    """Whether one of the first records of the workbook (0x0809) says that the rest is encrypted (0x002F)."""
    at = content.find(b"\x09\x08\x10\x00\x00\x06")
    for _ in range(5 if at >= 0 else 0):
        kind, length = (int.from_bytes(content[at + start : at + start + 2], "little") for start in (0, 2))
        if kind == 0x2F:
            return True
        at += 4 + length
    return False


def _first_table(content: bytes) -> dict[str, Any]:
    import python_calamine as calamine

    try:
        with calamine.load_workbook(io.BytesIO(content)) as workbook:
            visible = [s.name for s in workbook.sheets_metadata if s.visible is calamine.SheetVisibleEnum.Visible]
            with_data: list[Table] = []
            left = MAX_TEXT
            for name in [name for name in visible or workbook.sheet_names if name != GUIDE]:
                table, left = _table(workbook.get_sheet_by_name(name), left)
                with_data += [table] if any(table) else []
    except calamine.PasswordError:
        return {"error": LOCKED}
    except InvalidError:
        raise
    except Exception:  # whatever the parser says, the reader can do the same about it
        return {"error": DAMAGED}
    full = [table for table in with_data if sum(any(row) for row in table) > 1]
    return {"rows": (full or with_data)[0]} if with_data else {"error": NO_DATA}


def _table(sheet: Any, left: int) -> tuple[Table, int]:
    """The rows of a sheet, without the empty cells at their ends, and what is then left to read.

    A few kilobytes can name one long text in hundreds of thousands of cells, so what comes out is measured too."""
    rows = []
    before = [""] * (sheet.start[1] if sheet.start else 0)  # the parser leaves empty first columns out
    for cells in sheet.iter_rows():
        row = before + [_shown(cell) for cell in cells]
        while row and not row[-1]:
            row.pop()
        left -= sum(map(len, row)) + 10 * (len(row) + 1)
        if left < 0:
            raise InvalidError(TOO_LONG)
        rows.append(row)
    return rows, left


def _shown(cell: Any) -> str:
    """A cell as the user sees it: 62.0 is 62, a date is 2014-03-24."""
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            return f"{cell:.15g}"
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime():
            return cell.isoformat(sep=" ", timespec="minutes")
        case date() | time() | timedelta():
            return str(cell)
        case _:
            return str(cell)


if __name__ == "__main__":
    _limit_memory()
    sys.stdout.buffer.write(json.dumps(_parse(sys.stdin.buffer.read()), ensure_ascii=False).encode())

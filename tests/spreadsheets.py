"""The same table as a file of every kind people send."""

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import xlwt
from odf import table as ods
from odf import text as odt
from odf.opendocument import OpenDocumentSpreadsheet
from xlwt.CompoundDoc import XlsDoc

Rows = Sequence[Sequence[Any]]


def csv_file(rows: Rows, delimiter: str = ",", encoding: str = "utf-8", **options: Any) -> bytes:
    """Comma-separated values."""
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter, **options).writerows(rows)
    return target.getvalue().encode(encoding)


def xlsx(*sheets: Rows, hidden: Sequence[int] = ()) -> bytes:
    """An Excel workbook; `hidden` are the positions of its hidden sheets."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for at, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"Sheet {at}")
        sheet.sheet_state = "hidden" if at in hidden else "visible"
        for row in rows:
            sheet.append(list(row))
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def xls(rows: Rows) -> bytes:
    """An Excel 97 workbook."""
    target = io.BytesIO()
    _xls_workbook(rows).save(target)
    return target.getvalue()


def locked_xls(rows: Rows) -> bytes:
    """An Excel 97 workbook that says it is encrypted (a FILEPASS record after the first one)."""
    stream = _xls_workbook(rows).get_biff_data()
    length = 4 + int.from_bytes(stream[2:4], "little")
    filepass = b"\x2f\x00\x06\x00\x00\x00\x11\x11\x22\x22"
    target = io.BytesIO()
    XlsDoc().save(target, stream[:length] + filepass + stream[length:])
    return target.getvalue()


def _xls_workbook(rows: Rows) -> xlwt.Workbook:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("Sheet 0")
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(at, column, cell)
    return workbook


def ods_file(rows: Rows) -> bytes:
    """An OpenDocument spreadsheet."""
    document = OpenDocumentSpreadsheet()
    sheet = ods.Table(name="Sheet 0")
    for row in rows:
        line = ods.TableRow()
        for cell in row:
            shown = ods.TableCell(valuetype="string")
            for part in str(cell).split("\n"):
                shown.addElement(odt.P(text=part))
            line.addElement(shown)
        sheet.addElement(line)
    document.spreadsheet.addElement(sheet)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def zip_file(members: dict[str, bytes]) -> bytes:
    """A zip file with these members, compressed."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()

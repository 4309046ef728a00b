"""Workbooks are read in processes of their own: few at once, and none may take much of the machine."""

import io
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess
from typing import Any

import pytest
import xlsxwriter

from broker.config import ROOT
from broker.domain import workbooks
from broker.errors import ConflictError
from tests import spreadsheets


def test_two_workbooks_are_read_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now, most, counting = 0, 0, threading.Lock()

    def run(*_: object, **__: object) -> CompletedProcess[bytes]:
        nonlocal now, most
        with counting:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.05)  # so that the others come meanwhile
        with counting:
            now -= 1
        return CompletedProcess([], 0, b'{"rows": [["Company"]]}')

    monkeypatch.setattr(subprocess, "run", run)
    with ThreadPoolExecutor(8) as people:
        assert list(people.map(workbooks.read_workbook, [b""] * 8)) == [[["Company"]]] * 8
    assert most == 2


def test_who_gets_no_turn_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "PATIENCE", 0.01)
    monkeypatch.setattr(workbooks, "_turns", threading.BoundedSemaphore(1))
    with workbooks._turns, pytest.raises(ConflictError, match="Other spreadsheets are being read"):
        workbooks.read_workbook(spreadsheets.xlsx([["Company"]]))


def test_a_turn_ends_with_a_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **options: Any) -> CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired([], options["timeout"])

    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(3):
        with pytest.raises(workbooks.InvalidError, match="could not be read within 60 seconds"):
            workbooks.read_workbook(b"")


def test_a_hostile_file_takes_a_gigabyte_at_most() -> None:
    """17 kB that name one long text in 300,000 cells."""
    found = subprocess.run(
        [sys.executable, "-c", MEASURED], input=hostile(), capture_output=True, cwd=ROOT, check=True
    ).stdout
    code, most = map(int, found.split())
    assert code < 0
    assert most < 1024**2


MEASURED = """
import resource, subprocess, sys
content = sys.stdin.buffer.read()
read = subprocess.run([sys.executable, "-m", "broker.domain.workbooks"], capture_output=True, input=content)
print(read.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""In a small process between: what the process that starts another one takes counts as that one's, too."""


def hostile() -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        book.add_worksheet().write_string(0, 0, "x" * 30_000)
    members = workbooks.unpack(target.getvalue())
    cells = b'<row r="1">' + b'<c t="s"><v>0</v></c>' * 300_000 + b"</row>"
    name = "xl/worksheets/sheet1.xml"
    members[name] = re.sub(rb"<row.*</row>", cells, members[name], flags=re.DOTALL)
    return spreadsheets.zip_file(members)

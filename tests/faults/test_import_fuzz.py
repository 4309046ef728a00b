"""Broken spreadsheets through the real web server: no fault, bounded memory, all or nothing, and an undo of it."""

import re
from collections import Counter
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func
from sqlmodel import select

from broker.db import Database
from broker.models import Consent, Contact, Hub, ImportFile, ProfileChange, Sme, Statement
from tests.faults import figures
from tests.faults.mutations import Mutant, mutants
from tests.faults.web import add_world, browser, sign_in, web_process

FILES = figures.size(2_000, 40)
PATIENCE = 90.0
MOST_MORE = 100
"""MiB the server may grow by."""
TABLES = (Sme, Statement, Contact, Consent, Hub, ProfileChange)


@pytest.mark.parametrize("database", figures.databases("sqlite"), indirect=True)
def test_no_file_breaks_anything(database: Database, kind: str) -> None:
    world = add_world(database)
    outcomes: Counter[str] = Counter()
    with web_process(database) as (address, pid), browser(address) as client:
        client.timeout = PATIENCE
        sign_in(client, world, "broker")
        before = counts(database)
        bring(client, database, Mutant("good", "good.csv", b"Name\nAdler\n"), outcomes)
        resting = resident(pid, "VmRSS")
        for mutant in mutants(FILES, seed=5):
            bring(client, database, mutant, outcomes)
            assert counts(database) == before, mutant.how
        grown = resident(pid, "VmHWM") - resting
    figures.note(f"broken spreadsheets, {kind}", files=FILES, **outcomes, grown_mib=grown)
    assert outcomes["imported and undone"] > FILES / 20
    assert outcomes["refused"] > FILES / 20
    assert grown <= MOST_MORE


def bring(client: httpx2.Client, database: Database, mutant: Mutant, outcomes: Counter[str]) -> None:
    """Go all the way a browser would, as far as the file allows, and back."""
    before = counts(database)
    answer = client.post("/import", files={"file": (mutant.name, mutant.content)})
    if answer.status_code != 303:
        assert answer.status_code in {400, 413, 422}, (mutant.how, answer.status_code)
        outcomes["refused"] += 1
        return
    page = ask(client, mutant, answer.headers["location"], {200})
    where = answer.headers["location"].removesuffix("/columns")
    answer = client.post(f"{where}/columns", data=guessed(page))
    if answer.status_code != 303:
        assert answer.status_code == 422, (mutant.how, answer.status_code)
        outcomes["without a name or city"] += 1
        return
    page = ask(client, mutant, where, {200})
    if "Compare side by side" in page:
        decide(client, mutant, where)
        page = ask(client, mutant, where, {200})
    check_rejected(client, mutant, where, page)
    assert counts(database) == before, mutant.how
    seal = re.search(r'name="seal" value="(\w+)"', page)
    assert seal is not None
    answer = client.post(where, data={"seal": seal[1]})
    assert answer.status_code == 303, (mutant.how, answer.status_code)
    check_result(client, database, mutant, where, before, outcomes)


def decide(client: httpx2.Client, mutant: Mutant, where: str) -> None:
    """Every other duplicate is merged, the rest kept as firms of their own."""
    numbers = sorted(set(re.findall(r'name="do_(\d+)"', ask(client, mutant, f"{where}/duplicates", {200}))))
    decided = {f"do_{number}": "merge" if int(number) % 2 else "separate" for number in numbers}
    assert client.post(f"{where}/duplicates", data=decided).status_code == 303, mutant.how


def check_rejected(client: httpx2.Client, mutant: Mutant, where: str, page: str) -> None:
    """Every kind of problem names rows, and the rows can be taken home."""
    if 'id="h-rejected"' not in page:
        return
    section = page.split('id="h-rejected"')[1].split("</section>")[0]
    kinds = section.split('<div class="problem">')[1:]
    assert kinds, mutant.how
    assert all(re.search(r">row \d+<", kind) for kind in kinds), mutant.how
    form = "csv" if len(kinds) % 2 else "xlsx"
    assert client.get(f"{where}/rejected.{form}").status_code == 200, mutant.how


def check_result(
    client: httpx2.Client, database: Database, mutant: Mutant, where: str, before: dict[str, int],
    outcomes: Counter[str],
) -> None:  # fmt: skip
    page = ask(client, mutant, where, {200})
    with database.read() as session:
        outcome = session.get_one(ImportFile, int(where.rpartition("/")[2])).outcome
    assert counts(database)["sme"] == before["sme"] + outcome["created"], mutant.how
    undo = re.search(r'action="(/changes/\d+/undo)"', page)
    assert (undo is not None) == bool(outcome["created"] + outcome["updated"]), mutant.how
    if undo is None:
        assert counts(database) == before, mutant.how
        outcomes["nothing to import"] += 1
        return
    assert client.post(undo[1]).status_code == 303, mutant.how
    outcomes["imported and undone"] += 1


def ask(client: httpx2.Client, mutant: Mutant, path: str, good: set[int]) -> str:
    """A page that has to be there."""
    answer = client.get(path)
    assert answer.status_code in good, (mutant.how, path, answer.status_code)
    return answer.text


def guessed(page: str) -> dict[str, str]:
    """The columns as the page proposes them."""
    chosen = re.findall(r'name="(column_\d+)"((?:(?!</select>).)*)</select>', page, re.DOTALL)
    return {
        name: found[1]
        for name, options in chosen
        if (found := re.search(r'<option value="(\w+)" selected>', options)) is not None
    }


def counts(database: Database) -> dict[str, int]:
    """How many rows there are of everything an import writes."""
    with database.read() as session:
        return {
            str(table.__tablename__): session.exec(select(func.count()).select_from(table)).one() for table in TABLES
        }


def resident(pid: int, field: str) -> int:
    """MiB of a process's memory: VmRSS now, VmHWM at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024

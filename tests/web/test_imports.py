"""Importing a spreadsheet through the pages: upload, preview, correction, confirmation, result."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database
from broker.domain import sheets
from broker.domain.sheets import Sheet
from broker.models import ImportFile, Sme, Statement
from tests.web.world import World

Browse = Callable[..., TestClient]
SHEET = """Firma;Stadt;Branche;Bietet;Sucht;E-Mail
Neuland;Berlin;Design;Servicedesign für Kliniken;eine Klinik;info@neuland.example
SPIELWERK GmbH;Berlin;Games;Spiele für Schulen;eine Schule;
Ohne Ort;;Design;;;
Krumm;Berlin;Design;;;keine-adresse
Fern;Atlantis;Design;;;
"""


def test_the_preview_says_per_row_what_would_happen_and_changes_nothing(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("admin")

    page = upload(client, SHEET)

    counts = dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", page.text))
    assert counts == {"new": "1", "updated": "0", "unchanged": "0", "possible duplicates": "1", "rejected": "3"}
    assert "Import: create 1\u202fSME" in page.text.replace("1 SME", "1\u202fSME")
    assert "Merge row 3" in page.text
    rejected = page.text.split('id="h-rejected"')[1].split("</section>")[0]
    assert re.findall(r'<td class="num">(\d+)</td><td>([^<]*)</td><td>([^<]*)</td>', rejected) == [
        ("4", "Stadt", "(empty)"),
        ("5", "E-Mail", "keine-adresse"),
        ("6", "Stadt", "Atlantis"),
    ]
    with database.read() as session:
        assert len(session.exec(select(Sme)).all()) == len(world.smes)


def test_confirming_imports_what_was_shown_and_drops_the_file(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    page = upload(client, SHEET)

    answer = client.post(_action(page.text), data={"seal": _seal(page.text), "merge": "3"})

    assert answer.status_code == 303
    result = client.get(answer.headers["location"]).text
    assert dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", result)) == {
        "new SMEs": "2",  # the row without a city is of the broker's own
        "updated": "1",
        "merged": "1",
        "rejected": "2",
    }
    with database.read() as session:
        assert session.exec(select(Sme).where(Sme.name == "Neuland")).one().city_code == "berlin"
        offers = session.exec(select(Statement.text).where(Statement.sme_id == world.smes["Spielwerk"].id)).all()
        kept = session.exec(select(ImportFile).order_by(col(ImportFile.id).desc())).first()
    assert "Spiele für Schulen" in offers
    assert kept is not None
    assert kept.content is None
    again = client.post(_action(page.text), data={"seal": _seal(page.text)})
    assert (again.status_code, "imported already" in again.text) == (409, True)
    assert "Importing this file would change nothing" in upload(client, SHEET.split("\nSPIEL")[0]).text


def test_what_is_not_ticked_is_not_merged(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    page = upload(client, SHEET)

    client.post(_action(page.text), data={"seal": _seal(page.text)})

    with database.read() as session:
        offers = session.exec(select(Statement.text).where(Statement.sme_id == world.smes["Spielwerk"].id)).all()
    assert "Spiele für Schulen" not in offers


def test_a_preview_that_is_no_longer_true_is_not_imported(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    page = upload(client, SHEET)
    client.post("/smes/new", data={"name": "Neuland"})

    answer = client.post(_action(page.text), data={"seal": _seal(page.text)})

    assert (answer.status_code, "Look again" in answer.text) == (409, True)
    with database.read() as session:
        assert session.exec(select(Statement).where(Statement.text == "Servicedesign für Kliniken")).all() == []


def test_a_broker_imports_into_the_own_city_only(browse: Browse, world: World) -> None:
    page = upload(browse("other broker"), SHEET)

    assert "all of them SMEs of Pilsen" in page.text
    assert dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", page.text))["rejected"] == "4"
    assert "the city given for this import" in page.text


def test_columns_guessed_wrongly_are_corrected_and_looked_at_again(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    page = upload(client, "Wer;Blah\nNeuland;eine Klinik\n")
    assert page.status_code == 422
    assert "No column for the name was recognised" in page.text
    columns = f"{_file(page.text)}/columns"

    twice = client.post(columns, data={"column_name": "Wer", "column_needs": "Wer"})
    assert (twice.status_code, "chosen twice" in twice.text) == (422, True)
    assert client.post(columns, data={"column_name": "Nobody"}).status_code == 422
    answer = client.post(columns, data={"column_name": "Wer", "column_needs": "Blah"})

    better = client.get(answer.headers["location"])
    assert better.status_code == 200
    client.post(_action(better.text), data={"seal": _seal(better.text)})
    with database.read() as session:
        sme = session.exec(select(Sme).where(Sme.name == "Neuland")).one()
        assert [row.text for row in session.exec(select(Statement).where(Statement.sme_id == sme.id))] == [
            "eine Klinik"
        ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pdf", b"%PDF-1.7 rubbish", "a PDF document"),
        ("a.csv", b"", "is empty"),
        ("a.xlsx", b"PK\x03\x04 rubbish", "Nothing was imported."),
        ("a.csv", b"x" * (10 * 1024 * 1024 + 1), "larger than 10 MB"),
    ],
)
def test_a_broken_file_is_told_in_a_sentence_and_not_kept(
    browse: Browse, database: Database, world: World, name: str, content: bytes, told: str
) -> None:
    answer = browse("broker").post("/import", files={"file": (name, content)})

    assert answer.status_code == 422
    assert told in answer.text
    with database.read() as session:
        assert [row.id for row in session.exec(select(ImportFile))] == [world.import_file.id]


def test_nobody_waits_while_a_file_is_read(browse: Browse, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browse("broker")
    reads = []
    read = sheets.read

    def read_while_others_write(file_name: str, content: bytes) -> Sheet:
        with database.write() as session:
            session.exec(select(ImportFile.id).with_for_update()).all()
        reads.append(file_name)
        return read(file_name, content)

    monkeypatch.setattr(sheets, "read", read_while_others_write)
    page = upload(client, "Wer;Stadt\nNeuland;Berlin\n")
    columns = f"{_file(page.text)}/columns"
    assert client.post(columns, data={"column_name": "Nobody"}).status_code == 422
    answer = client.post(columns, data={"column_name": "Wer", "column_city": "Stadt"})
    page = client.get(answer.headers["location"])
    assert client.post(_action(page.text), data={"seal": _seal(page.text)}).status_code == 303
    assert len(reads) == 7


def test_sending_no_file_is_told(browse: Browse) -> None:
    answer = browse("broker").post("/import", data={})

    assert (answer.status_code, "Choose a file first" in answer.text) == (422, True)


def upload(client: TestClient, text: str):  # type: ignore[no-untyped-def]
    """Upload and follow to the preview."""
    answer = client.post("/import", files={"file": ("smes.csv", text.encode())})
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"])


def _seal(page: str) -> str:
    return page.split('name="seal" value="')[1].split('"')[0]


def _action(page: str) -> str:
    return page.split('<form method="post" action="/import/')[1].split('"')[0].join(("/import/", ""))


def _file(page: str) -> str:
    return _action(page).removesuffix("/columns")

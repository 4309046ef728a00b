"""Importing a spreadsheet through the pages: upload, preview, correction, confirmation, result."""

import gc
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database
from broker.domain import sheets
from broker.domain.imports import Preview
from broker.domain.sheets import Sheet
from broker.models import Contact, ImportFile, Sme, Statement
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
    assert "Import: create 1\u00a0SME" in page.text.replace("1 SME", "1\u00a0SME")
    assert "Compare side by side" in page.text
    rejected = page.text.split('id="h-rejected"')[1].split("</section>")[0]
    assert [
        (column, re.findall(r"row (\d+)</span> <b>([^<]*)</b>", cells))
        for column, cells in re.findall(r"Column “([^”]*)”(.*?)</ul>", rejected, re.DOTALL)
    ] == [
        ("Stadt", [("4", "(empty)")]),
        ("E-Mail", [("5", "keine-adresse")]),
        ("Stadt", [("6", "Atlantis")]),
    ]
    with database.read() as session:
        assert len(session.exec(select(Sme)).all()) == len(world.smes)


def test_confirming_imports_what_was_shown_and_drops_the_file(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    page = upload(client, SHEET)
    decided = client.post(f"{_action(page.text)}/duplicates", data={"do_3": "merge"})
    page = client.get(decided.headers["location"])
    assert "Import: create 2\u00a0SMEs, merge 1" in page.text.replace("2 SMEs", "2\u00a0SMEs")

    answer = client.post(_action(page.text), data={"seal": _seal(page.text)})

    assert answer.status_code == 303
    result = client.get(answer.headers["location"]).text
    assert dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", result)) == {
        "new SMEs": "2",  # the row without a city is of the broker's own
        "updated": "0",
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


def test_what_is_not_decided_is_not_merged(browse: Browse, database: Database, world: World) -> None:
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


def test_columns_guessed_wrongly_are_corrected_beside_their_first_values(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    page = upload(client, "Wer;Blah;Leer\nNeuland;eine Klinik;\nNeuland 2;eine Schule;\n", to_preview=False)
    assert re.findall(r'<div class="sample">([^<]*)</div>', page.text) == [
        "Neuland", "Neuland 2", "eine Klinik", "eine Schule"
    ]  # fmt: skip
    columns = _action(page.text)

    nameless = client.post(columns, data={"column_1": "needs"})
    assert (nameless.status_code, "which column holds the name" in nameless.text) == (422, True)
    assert '<option value="needs" selected>' in nameless.text
    twice = client.post(columns, data={"column_0": "name", "column_1": "name"})
    assert (twice.status_code, "are both set to" in twice.text) == (422, True)
    answer = client.post(columns, data={"column_0": "name", "column_1": "needs", "column_2": ""})

    better = client.get(answer.headers["location"])
    assert better.status_code == 200
    client.post(_action(better.text), data={"seal": _seal(better.text)})
    with database.read() as session:
        sme = session.exec(select(Sme).where(Sme.name == "Neuland")).one()
        assert [row.text for row in session.exec(select(Statement).where(Statement.sme_id == sme.id))] == [
            "eine Klinik"
        ]


def test_duplicates_are_compared_side_by_side_and_each_field_is_chosen(
    browse: Browse, database: Database, world: World
) -> None:
    client = browse("broker")
    page = upload(client, "Name;Beschreibung;Bietet\nSPIELWERK GmbH;Neue Worte.;Spiele für Schulen\n")
    address = f"{_action(page.text)}/duplicates"
    compared = client.get(address)
    assert "Spielwerk makes things people like to use." in compared.text
    assert "Neue Worte." in compared.text

    taken = {"do_2": "merge", "take_2_description": "file", "take_2_name": "stored", "take_2_offers": "file"}
    answer = client.post(address, data=taken)
    with database.read() as session:
        assert session.get_one(Sme, world.smes["Spielwerk"].id).version == 1
    page = client.get(answer.headers["location"])
    assert "Decided: 1 to merge, 0 to keep as separate firms, 0 left out." in page.text
    client.post(_action(page.text), data={"seal": _seal(page.text)})

    with database.read() as session:
        sme = session.get_one(Sme, world.smes["Spielwerk"].id)
        offers = session.exec(select(Statement.text).where(Statement.sme_id == sme.id, Statement.kind == "offer")).all()
    assert (sme.name, sme.description, offers) == ("Spielwerk", "Neue Worte.", ["Spiele für Schulen"])


def test_a_decision_nobody_could_have_made_is_none(browse: Browse, world: World) -> None:
    client = browse("broker")
    address = f"{_action(upload(client, SHEET).text)}/duplicates"

    answer = client.post(address, data={"do_3": "explode", "do_99": "merge", "take_3_name": "both"})

    assert "until you decide they are left out" in client.get(answer.headers["location"]).text


def test_an_import_is_undone_from_its_result(browse: Browse, database: Database, world: World) -> None:
    client = browse("broker")
    page = upload(client, SHEET)
    done = client.post(_action(page.text), data={"seal": _seal(page.text)}).headers["location"]
    result = client.get(done).text
    assert re.search(r'<a href="/smes/\d+">Neuland</a>', result)
    undo = re.search(r'action="(/changes/\d+/undo)"', result)
    assert undo is not None

    answer = client.post(undo[1])

    assert answer.headers["location"] == done
    told = client.get(done).text
    assert "was imported and undone" in told
    assert undo[1] not in told
    with database.read() as session:
        assert len(session.exec(select(Sme)).all()) == len(world.smes)
    assert client.post(undo[1]).status_code == 409
    assert '<span class="tag">undone</span>' in client.get("/import").text


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_template_is_taken_as_it_is_but_for_its_example(browse: Browse, form: str) -> None:
    client = browse("broker")
    content = client.get(f"/import/template.{form}").content

    page = client.get(client.post("/import", files={"file": (f"t.{form}", content)}).headers["location"])
    assert page.text.count('<option value="">Leave out</option>') == page.text.count(" selected>")
    page = client.get(client.post(_action(page.text), data=_guessed(page.text)).headers["location"])

    assert "The example row of the template is skipped." in page.text
    assert "Importing this file would change nothing." in page.text


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_rejected_rows_are_taken_home_and_come_back_mended(
    browse: Browse, database: Database, world: World, form: str
) -> None:
    client = browse("broker")
    page = upload(client, 'Firma;Tel.;E-Mail;Bietet\nKrumm;+49 30 1234567;keine-adresse;"=1+1\n- Kurse"\n')
    content = client.get(f"{_action(page.text)}/rejected.{form}").content
    table = sheets.read("a", content)
    assert table.headers == ["problem", "Firma", "Tel.", "E-Mail", "Bietet"]
    assert table.rows == [
        ["E-Mail: expected one e-mail address such as name@firm.eu", "Krumm", "+49 30 1234567", "keine-adresse",
         "=1+1\n- Kurse"]
    ]  # fmt: skip
    if form == "csv":
        assert content.startswith(b"\xef\xbb\xbf")
        assert "\"'=1+1" in content.decode()

    mended = content.replace(b"keine-adresse", b"krumm@firm.example")
    if form == "csv":
        page = upload(client, mended.decode("utf-8-sig"))
        client.post(_action(page.text), data={"seal": _seal(page.text)})
        with database.read() as session:
            sme = session.exec(select(Sme).where(Sme.name == "Krumm")).one()
            contact = session.exec(select(Contact).where(Contact.sme_id == sme.id)).one()
        assert (contact.email, contact.phone) == ("krumm@firm.example", "+49 30 1234567")


def test_a_rejected_row_tells_what_else_of_it_would_be_left_out(browse: Browse, world: World) -> None:
    client = browse("broker")
    page = upload(client, "Firma;E-Mail;Sprachen;Website\nKrumm;keine-adresse;Klingonisch;firm eu\nGut;;Klingonisch;\n")
    told = " ".join(page.text.split())
    assert "2 more cells of these rows to mend" in told
    assert "1 cell left out of rows that are imported" in told
    table = sheets.read("a", client.get(f"{_action(page.text)}/rejected.csv").content)
    [problem] = [row[0] for row in table.rows]
    assert problem.startswith("E-Mail: expected one e-mail address such as name@firm.eu; and left out unless mended: ")
    assert "Sprachen: expected languages by name or ISO code" in problem
    assert "Website: expected" in problem


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
    page = upload(client, "Wer;Stadt\nSPIELWERK GmbH;Berlin\n", to_preview=False)
    columns = _action(page.text)
    assert client.post(columns, data={"column_0": ""}).status_code == 422
    answer = client.post(columns, data={"column_0": "name", "column_1": "city"})
    page = client.get(answer.headers["location"])
    assert client.post(f"{_file(page.text)}/duplicates", data={"do_2": "merge"}).status_code == 303
    assert client.post(_action(page.text), data={"seal": _seal(page.text)}).status_code == 303
    assert len(reads) == 7


def test_a_page_leaves_nothing_of_the_file_in_memory(browse: Browse) -> None:
    gc.collect()
    gc.disable()  # reference counts alone must do
    try:
        assert upload(browse("broker"), "Name,City\nAdler,Berlin\n").status_code == 200
        assert [thing for thing in gc.get_objects() if type(thing) in (Sheet, Preview)] == []
    finally:
        gc.enable()


def test_sending_no_file_is_told(browse: Browse) -> None:
    answer = browse("broker").post("/import", data={})

    assert (answer.status_code, "Choose a file first" in answer.text) == (422, True)


def upload(client: TestClient, text: str, *, to_preview: bool = True):  # type: ignore[no-untyped-def]
    """Upload and follow to the columns, and with the columns as guessed to the preview."""
    answer = client.post("/import", files={"file": ("smes.csv", text.encode())})
    assert answer.status_code == 303, answer.text
    page = client.get(answer.headers["location"])
    if not to_preview:
        return page
    answer = client.post(_action(page.text), data=_guessed(page.text))
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"])


def _guessed(page: str) -> dict[str, str]:
    return {
        name: chosen[-1]
        for name, options in re.findall(r'name="(column_\d+)"(.*?)</select>', page, re.DOTALL)
        if (chosen := re.findall(r'<option value="(\w+)" selected>', options))
    }


def _seal(page: str) -> str:
    return page.split('name="seal" value="')[1].split('"')[0]


def _action(page: str) -> str:
    return page.split('<form method="post" action="/import/')[1].split('"')[0].join(("/import/", ""))


def _file(page: str) -> str:
    return _action(page).removesuffix("/columns")

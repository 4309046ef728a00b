"""The broker's desk: bringing in SMEs from a spreadsheet – file, columns, check, duplicates, result."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from broker.domain import access, changes, columns, import_template, problems, rejected, reports, uploads
from broker.domain.choices import Choice, Do, Take
from broker.domain.imports import Preview
from broker.domain.plans import Action, Entry
from broker.domain.queries import places
from broker.domain.queries.changes import change_view
from broker.domain.queries.shortlists import place
from broker.domain.sections import ENGLISH
from broker.domain.sheets import Sheet
from broker.domain.uploads import Looked
from broker.errors import InvalidError
from broker.models import Account, City, ImportFile
from broker.web.deps import CurrentBroker, DatabaseDep, FormDep, PageNumber, RowId, SessionDep
from broker.web.pages import redirect, render
from broker.web.profile_form import LABELS

NUMBER = re.compile(r"[0-9]{1,9}")
"""Of a line; Python refuses to read very long ones."""
router = APIRouter(prefix="/import")
SHOWN = 200
"""So many rows of each kind stand on the page; the counts are of all."""
SAMPLES = 3
SAMPLE_LENGTH = 60
COMPARED = 20
"""Possible duplicates a page."""
FIELD_LABELS = LABELS | {"sector_words": "Sector in their words", "language": "Language", "consent": "Consent"}
LACKING = {
    "name": "Say which column holds the name of the SME.",
    "city": "Say which column holds the city, or upload the file again and choose one city for all its rows.",
}
FileForm = Literal["csv", "xlsx"]


@router.get("")
def upload_page(request: Request, session: SessionDep, account: CurrentBroker) -> Response:
    """The upload form, and this account's earlier imports."""
    return _upload_page(request, session, account)


@router.get("/template.{form}")
def template(account: CurrentBroker, form: FileForm) -> Response:
    """The spreadsheet to fill."""
    content = import_template.csv() if form == "csv" else import_template.xlsx()
    return _file(content, "smes-template", form)


def _file(content: bytes, name: str, form: FileForm) -> Response:
    disposition = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=reports.MEDIA_TYPES[form], headers=disposition)


@router.post("")
def upload(request: Request, session: SessionDep, account: CurrentBroker, form: FormDep) -> Response:
    """Keep the file and lead to its columns; a broken one changes nothing and is told in a sentence."""
    session.commit()  # of nothing: reading a large file must not hold the write lock
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise InvalidError("Choose a file first: CSV, XLSX, XLS or ODS.")
        kept = uploads.keep(session, account, file.filename, file.file.read(), str(form.get("city", "")))
    except InvalidError as error:
        return _upload_page(request, session, account, str(error))
    return redirect(request, f"/import/{kept.id}/columns")


def _upload_page(request: Request, session: Session, account: Account, problem: str = "") -> Response:
    context = {
        "problem": problem,
        "city": session.get(City, account.city_code) if account.city_code else None,
        "cities": places.cities(session),
        "earlier": uploads.earlier(session, account),
    }
    return render(request, "pages/import.html", context, status=422 if problem else 200)


@router.get("/{file_id}/columns")
def columns_page(request: Request, session: SessionDep, account: CurrentBroker, file_id: RowId) -> Response:
    """What we take each column of the file to mean, beside its first values."""
    file = access.import_file(session, account, file_id)
    sheet = uploads.read(file)
    found = columns.guess(sheet.headers, file.columns)
    return _columns_page(request, session, file, sheet, {at: field for field, at in found.items()})


def _columns_page(
    request: Request, session: Session, file: ImportFile, sheet: Sheet, meanings: Mapping[int, str], problem: str = ""
) -> Response:
    context = {
        "file": file,
        "city": session.get(City, file.city_code) if file.city_code else None,
        "sheet": sheet,
        "meanings": meanings,
        "samples": [_samples(sheet, at) for at in range(len(sheet.headers))],
        "labels": columns.labels(),
        "problem": problem,
    }
    return render(request, "pages/import_columns.html", context, status=422 if problem else 200)


def _samples(sheet: Sheet, at: int) -> list[str]:
    """The first different values of a column, cut."""
    found: dict[str, None] = {}
    for row in sheet.rows:
        if row[at]:
            value = " ".join(row[at].split())
            found[value if len(value) <= SAMPLE_LENGTH else value[: SAMPLE_LENGTH - 1] + "…"] = None
        if len(found) == SAMPLES:
            break
    return list(found)


@router.post("/{file_id}/columns")
def choose_columns(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    account: CurrentBroker,
    file_id: RowId,
    form: FormDep,
) -> Response:
    """Say which column means what, and look at what would happen."""
    file = access.import_file(session, account, file_id)
    session.commit()  # as above: the file is read while others may write
    sheet = uploads.read(file)
    meanings = {at: str(form.get(f"column_{at}", "")) for at in range(len(sheet.headers))}
    try:
        if lacking := columns.lacking(set(meanings.values()), has_city=file.city_code is not None):
            raise InvalidError(" ".join(LACKING[field] for field in lacking))
        uploads.set_columns(session, file, sheet, [(sheet.headers[at], field) for at, field in meanings.items()])
    except InvalidError as error:
        with database.read() as reading:
            return _columns_page(request, reading, file, sheet, meanings, str(error))
    return redirect(request, f"/import/{file_id}")


@router.get("/{file_id}")
def preview(request: Request, session: SessionDep, account: CurrentBroker, file_id: RowId) -> Response:
    """What importing the file would do, row by row; after the import, what it did."""
    file = access.import_file(session, account, file_id)
    if file.applied_at is None:
        return _preview_page(request, session, file, uploads.look(session, file))
    change_set = changes.of_import(session, file_id)
    view = change_view(session, change_set, access.cities(account)) if change_set else None
    return render(request, "pages/import_result.html", {"file": file, "outcome": file.outcome, "view": view})


def _preview_page(request: Request, session: Session, file: ImportFile, looked: Looked) -> Response:
    preview = looked.preview
    entries = preview.entries if preview else []
    context = {
        "file": file,
        "city": session.get(City, file.city_code) if file.city_code else None,
        "looked": looked,
        "groups": {action: [entry for entry in entries if entry.action is action] for action in Action},
        "open": [entry for entry in entries if entry.is_open],
        "merged": [entry for entry in entries if entry.is_merged],
        "errors": _errors(preview) if preview else [],
        "lesser": problems.grouped(preview.lesser, preview.columns) if preview else [],
        "warnings": problems.grouped(preview.warnings, preview.columns) if preview else [],
        "shown": SHOWN,
        "in_words": in_words,
        "field_labels": FIELD_LABELS,
    }
    return render(request, "pages/import_preview.html", context, status=422 if looked.problem else 200)


def _errors(preview: Preview) -> list[problems.ProblemGroup]:
    rejected_rows = (entry.row for entry in preview.entries if entry.action is Action.REJECTED)
    return problems.grouped((problem for row in rejected_rows for problem in row.problems), preview.columns)


def in_words(field: str, value: Any) -> str:
    """A field's value as a person reads it."""
    if field == "sector_confirmed":
        return "yes" if value else "no"
    if isinstance(value, list):
        names: Mapping[str, str] = {"languages": ENGLISH.languages, "markets": ENGLISH.territories}.get(field, {})
        return (", " if names else "\n").join(names.get(entry, entry) for entry in value)
    return "" if value is None else str(value)


@router.get("/{file_id}/duplicates")
def duplicates_page(
    request: Request, session: SessionDep, account: CurrentBroker, file_id: RowId, page: PageNumber = 1
) -> Response:
    """Rows that may be SMEs there are already, side by side with them."""
    file = access.import_file(session, account, file_id)
    looked = uploads.look(session, file)
    found = _open(looked)
    page, pages, first = place(page, len(found), COMPARED)
    context = {
        "file": file,
        "entries": found[first : first + COMPARED],
        "total": len(found),
        "page": page,
        "pages": pages,
        "first": first,
        "sectors": {sector.code: sector.name for sector in places.sectors(session)},
        "in_words": in_words,
        "field_labels": FIELD_LABELS,
    }
    return render(request, "pages/import_duplicates.html", context)


def _open(looked: Looked) -> list[Entry]:
    return [entry for entry in looked.preview.entries if entry.is_open] if looked.preview else []


@router.post("/{file_id}/duplicates")
def decide(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    account: CurrentBroker,
    file_id: RowId,
    form: FormDep,
    page: PageNumber = 1,
) -> Response:
    """Keep what was decided about a page of duplicates, and lead to the next page or back to the preview."""
    file = access.import_file(session, account, file_id)
    session.commit()  # as above: the file is read while others may write
    with database.read() as reading:
        found = _open(uploads.look(reading, file))
    decided = {entry.row.number: _choice(form, entry) for entry in found if f"do_{entry.row.number}" in form}
    uploads.choose(session, file, decided)
    if "next" in form:
        return redirect(request, f"/import/{file_id}/duplicates?page={page + 1}")
    return redirect(request, f"/import/{file_id}")


def _choice(form: FormData, entry: Entry) -> Choice:
    number = entry.row.number
    do = str(form.get(f"do_{number}"))
    taken = {side.field: str(form.get(f"take_{number}_{side.field}", "")) for side in entry.sides}
    take = {side.field: Take(taken[side.field]) for side in entry.sides if taken[side.field] in side.options}
    return Choice(Do(do) if do in set(Do) else Do.SKIP, take)


@router.get("/{file_id}/rejected.{form}")
def rejected_file(session: SessionDep, account: CurrentBroker, file_id: RowId, form: FileForm) -> Response:
    """The rows that are left out, to be mended and imported again."""
    file = access.import_file(session, account, file_id)
    table = rejected.table(uploads.rejected_rows(session, file))
    return _file(reports.FORMATS[form](table), f"rejected-rows-{file_id}", form)


@router.post("/{file_id}")
def confirm(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    account: CurrentBroker,
    file_id: RowId,
    form: FormDep,
) -> Response:
    """Import what the preview showed, in one transaction."""
    file = access.import_file(session, account, file_id)
    session.commit()  # as above: the file is read while others may write
    with database.read() as reading:
        looked = uploads.look(reading, file)
    file = access.import_file(session, account, file_id)
    uploads.confirm(session, account, file, looked, str(form.get("seal", "")))
    return redirect(request, f"/import/{file_id}")

"""The broker's desk: bringing in SMEs from a spreadsheet – upload, preview, confirm, result."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session
from starlette.datastructures import UploadFile

from broker.domain import access, accounts, columns, uploads
from broker.domain.plans import Action
from broker.domain.queries import places
from broker.domain.uploads import Looked
from broker.errors import InvalidError
from broker.models import Account, City, ImportFile
from broker.web.deps import CurrentBroker, DatabaseDep, FormDep, RowId, SessionDep
from broker.web.pages import redirect, render
from broker.web.profile_form import ENGLISH, LABELS

NUMBER = re.compile(r"[0-9]{1,9}")
"""Of a line; Python refuses to read very long ones."""
router = APIRouter(prefix="/import")
SHOWN = 200
"""So many rows of each kind stand on the page; the counts are of all."""


@router.get("")
def upload_page(request: Request, session: SessionDep, account: CurrentBroker) -> Response:
    """The upload form, and this account's earlier imports."""
    return _upload_page(request, session, account)


@router.post("")
def upload(request: Request, session: SessionDep, account: CurrentBroker, form: FormDep) -> Response:
    """Keep the file and lead to its preview; a broken one changes nothing and is told in a sentence."""
    session.commit()  # of nothing: reading a large file must not hold the write lock
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise InvalidError("Choose a file first: CSV, XLSX, XLS or ODS.")
        kept = uploads.keep(session, account, file.filename, file.file.read(), str(form.get("city", "")))
    except InvalidError as error:
        return _upload_page(request, session, account, str(error))
    return redirect(request, f"/import/{kept.id}")


def _upload_page(request: Request, session: Session, account: Account, problem: str = "") -> Response:
    context = {
        "problem": problem,
        "city": session.get(City, account.city_code) if account.city_code else None,
        "cities": places.cities(session),
        "earlier": uploads.earlier(session, account),
    }
    return render(request, "pages/import.html", context, status=422 if problem else 200)


@router.get("/{file_id}")
def preview(request: Request, session: SessionDep, account: CurrentBroker, file_id: RowId) -> Response:
    """What importing the file would do, row by row; after the import, what it did."""
    file = access.import_file(session, account, file_id)
    if file.applied_at is not None:
        return render(request, "pages/import_result.html", {"file": file, "outcome": file.outcome})
    return _preview_page(request, session, file, uploads.look(session, file))


def _preview_page(request: Request, session: Session, file: ImportFile, looked: Looked, problem: str = "") -> Response:
    preview = looked.preview
    entries = preview.entries if preview else []
    context = {
        "file": file,
        "city": session.get(City, file.city_code) if file.city_code else None,
        "looked": looked,
        "problem": problem or looked.problem,
        "labels": columns.labels(),
        "groups": {action: [entry for entry in entries if entry.action is action] for action in Action},
        "warnings": preview.warnings if preview else [],
        "ignored": preview.ignored if preview else [],
        "to_complete": preview.to_complete if preview else {},
        "shown": SHOWN,
        "in_words": in_words,
        "field_labels": LABELS | {"sector_words": "Sector in their words", "consent": "Consent"},
    }
    return render(request, "pages/import_preview.html", context, status=422 if context["problem"] else 200)


def in_words(field: str, value: Any) -> str:
    """A field's value as a person reads it."""
    if field == "sector_confirmed":
        return "yes" if value else "no"
    if isinstance(value, list):
        names: Mapping[str, str] = {"languages": ENGLISH.languages, "markets": ENGLISH.territories}.get(field, {})
        return (", " if names else "\n").join(names.get(entry, entry) for entry in value)
    return "" if value is None else str(value)


@router.post("/{file_id}/columns")
def choose_columns(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    account: CurrentBroker,
    file_id: RowId,
    form: FormDep,
) -> Response:
    """Correct which column means what, and look again."""
    file = access.import_file(session, account, file_id)
    session.commit()  # as above: the file is read while others may write
    chosen = {field: str(form.get(f"column_{field}", "-")) for field in columns.labels()}
    try:
        uploads.set_columns(session, file, uploads.read(file), chosen)
    except InvalidError as error:
        with database.read() as reading:
            return _preview_page(request, reading, file, uploads.look(reading, file), str(error))
    return redirect(request, f"/import/{file_id}")


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
    merge = {int(str(number)) for number in form.getlist("merge") if NUMBER.fullmatch(str(number))}
    file = access.import_file(session, account, file_id)
    uploads.confirm(session, accounts.actor(account), file, looked, str(form.get("seal", "")), merge)
    return redirect(request, f"/import/{file_id}")

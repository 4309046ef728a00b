"""An uploaded spreadsheet, kept between the preview of its import and the confirmation."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import access, columns, imports, sheets
from broker.domain.imports import Outcome, Preview
from broker.domain.sheets import Sheet
from broker.errors import ConflictError, InvalidError
from broker.models import Account, City, ImportFile

IMPORTED = "This file was imported already. Its result is on the import page."


@dataclass(frozen=True)
class Looked:
    """A file looked at: its sheet, and the preview or why there can be none yet."""

    sheet: Sheet
    preview: Preview | None
    problem: str
    columns: dict[str, str]

    @property
    def seal(self) -> str:
        """A short mark of all the preview says: what is confirmed must be what was seen."""
        if self.preview is None:
            return ""
        seen = [(entry.row.number, entry.action, entry.of_sme_id, entry.changes) for entry in self.preview.entries]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]


def keep(session: Session, account: Account, file_name: str, content: bytes, city: str = "") -> ImportFile:
    """Keep an uploaded file; InvalidError where it is no spreadsheet. A broker imports into their own city; an
    administrator may name the `city` of all rows, else each row names one.

    The file is read before the session is used: that takes a while, and nobody should wait for the lock."""
    sheets.read(file_name, content)
    chosen = session.get(City, access.cities(account) or city)
    file = ImportFile(
        account_id=account.id,
        file_name=file_name[-200:],
        content=content,
        city_code=chosen.code if chosen else None,
        uploaded_at=now(session),
        applied_at=None,
    )
    session.add(file)
    session.flush()
    return file


def read(file: ImportFile) -> Sheet:
    """The sheet of a file that was not imported yet; asks the database nothing."""
    if file.content is None:
        raise ConflictError(IMPORTED)
    return sheets.read(file.file_name, file.content)


def look(session: Session, file: ImportFile) -> Looked:
    """What importing the file would do now."""
    sheet = read(file)
    try:
        preview = imports.preview(session, sheet, city=file.city_code, columns=file.columns)
    except InvalidError as error:
        guessed = {name: sheet.headers[at] for name, at in columns.guess(sheet.headers).items()}
        return Looked(sheet, None, str(error), guessed | file.columns)
    return Looked(sheet, preview, "", preview.columns)


def set_columns(session: Session, file: ImportFile, sheet: Sheet, chosen: Mapping[str, str]) -> None:
    """Say which column of the file's sheet means what: {field: header, or "-" for none}.

    InvalidError for a header that is not there."""
    known = {field: header for field, header in chosen.items() if field in columns.labels()}
    taken = [header for header in known.values() if header not in columns.NOTHING]
    twice = sorted({header for header in taken if taken.count(header) > 1})
    if twice:
        raise InvalidError(f"The column {twice[0]!r} is chosen twice. Each column can mean one thing only.")
    columns.guess(sheet.headers, known)
    _reserve(session, file)
    file.columns = known
    session.add(file)


def confirm(
    session: Session, actor: str, file: ImportFile, looked: Looked, seal: str, merge: Collection[int]
) -> Outcome:
    """Import the file as it was seen, and drop its content: it holds personal data nobody needs twice."""
    if looked.preview is None:
        raise InvalidError(looked.problem)
    _reserve(session, file)
    if seal != looked.seal:
        raise ConflictError("Profiles changed since you looked at this preview, so nothing was imported. Look again.")
    outcome = imports.apply(session, actor, looked.preview, source=file.file_name, merge=merge)
    file.content, file.applied_at, file.outcome = None, now(session), outcome.to_json()
    session.add(file)
    return outcome


def _reserve(session: Session, file: ImportFile) -> None:
    """Only one may import a file or change it at a time, and none once it is imported (a button clicked twice)."""
    applied = select(ImportFile.applied_at).where(ImportFile.id == file.id).with_for_update()
    if session.exec(applied).one() is not None:
        raise ConflictError(IMPORTED)


def earlier(session: Session, account: Account, limit: int = 20) -> Sequence[ImportFile]:
    """The account's imports, newest first, without their content."""
    return session.exec(
        select(ImportFile)
        .options(defer(ImportFile.content))  # type: ignore[arg-type]
        .where(ImportFile.account_id == account.id)
        .order_by(col(ImportFile.id).desc())
        .limit(limit)
    ).all()

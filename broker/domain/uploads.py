"""An uploaded spreadsheet, kept between the preview of its import and the confirmation."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, null, update
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import access, accounts, choices, columns, imports, rejected, sheets
from broker.domain.choices import Choice, Do
from broker.domain.imports import Outcome, Preview
from broker.domain.sheets import Sheet
from broker.errors import ConflictError, InvalidError
from broker.models import Account, City, ImportFile

LIFE = timedelta(days=30)
"""So long a file waits for its confirmation, and its rejected rows to be taken home."""
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
        seal = hashlib.sha256()
        for entry in self.preview.entries:
            seen = entry.row.number, entry.action, entry.of_sme_id, entry.changes
            seal.update(repr(seen).encode())
        return seal.hexdigest()[:32]


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
    decided = choices.from_json(file.choices)
    try:
        preview = imports.preview(session, sheet, city=file.city_code, columns=file.columns, choices=decided)
    except InvalidError as error:
        guessed = {name: sheet.headers[at] for name, at in columns.guess(sheet.headers).items()}
        return Looked(sheet, None, str(error), guessed | file.columns)
    return Looked(sheet, preview, "", preview.columns)


def set_columns(session: Session, file: ImportFile, sheet: Sheet, meanings: Iterable[tuple[str, str]]) -> None:
    """Say which column of the file's sheet means what: (header, field) pairs; without a field it is left out.

    InvalidError for a header that is not there, and where two columns mean the same. Decisions about duplicates are
    forgotten: the rows may be about others now."""
    labels = columns.labels()
    chosen: dict[str, str] = {}
    for header, field in meanings:
        if field in chosen:
            raise InvalidError(
                f"The columns {chosen[field]!r} and {header!r} are both set to {labels[field]!r}. Leave one out."
            )
        if field in labels:
            chosen[field] = header
    columns.guess(sheet.headers, chosen)
    _reserve(session, file)
    meant = dict.fromkeys(labels, columns.NOTHING[1]) | chosen
    if meant != file.columns:
        file.columns, file.choices = meant, {}
    session.add(file)


def choose(session: Session, file: ImportFile, decided: Mapping[int, Choice]) -> None:
    """Keep what was decided about possible duplicates, beside what was decided before; nothing else changes."""
    _reserve(session, file)
    merged = choices.from_json(file.choices) | dict(decided)
    file.choices = choices.to_json({row: choice for row, choice in merged.items() if choice.do is not Do.SKIP})
    session.add(file)


def confirm(session: Session, account: Account, file: ImportFile, looked: Looked, seal: str) -> Outcome:
    """Import the file as it was seen, and drop its content: it holds personal data nobody needs twice."""
    if looked.preview is None:
        raise InvalidError(looked.problem)
    _reserve(session, file)
    if seal != looked.seal:
        raise ConflictError("Profiles changed since you looked at this preview, so nothing was imported. Look again.")
    actor = accounts.actor(account)
    outcome = imports.apply(session, actor, looked.preview, source=file.file_name, account=account, import_id=file.id)
    file.content, file.applied_at, file.outcome = None, now(session), outcome.to_json()
    file.rejected, file.choices = rejected.rejected_rows(looked.sheet, looked.preview), {}
    session.add(file)
    return outcome


def rejected_rows(session: Session, file: ImportFile) -> Mapping[str, Any]:
    """The rows the file's import leaves or left out. InvalidError where there are none (any more)."""
    kept = file.rejected
    if file.applied_at is None:
        looked = look(session, file)
        kept = rejected.rejected_rows(looked.sheet, looked.preview) if looked.preview else None
    if kept is None:
        raise InvalidError("There are no rejected rows. They are kept for 30 days after an import.")
    return kept


def prune(session: Session) -> int:
    """Forget files nobody confirmed, and rejected rows nobody came for; how many."""
    cutoff = now(session) - LIFE
    old = col(ImportFile.uploaded_at) < cutoff
    connection = session.connection()
    waiting = connection.execute(delete(ImportFile).where(old, col(ImportFile.applied_at).is_(None)))
    taken = col(ImportFile.applied_at) < cutoff, col(ImportFile.rejected).is_not(None)
    return waiting.rowcount + connection.execute(update(ImportFile).where(old, *taken).values(rejected=null())).rowcount


def _reserve(session: Session, file: ImportFile) -> None:
    """Only one may import a file or change it at a time, and none once it is imported (a button clicked twice)."""
    applied = select(ImportFile.applied_at).where(ImportFile.id == file.id).with_for_update()
    if session.exec(applied).one() is not None:
        raise ConflictError(IMPORTED)


def earlier(session: Session, account: Account, limit: int = 20) -> Sequence[ImportFile]:
    """The account's imports it may still open, newest first, without their content."""
    city = access.cities(account)
    theirs = (ImportFile.account_id == account.id, *(() if city is None else (ImportFile.city_code == city,)))
    return session.exec(
        select(ImportFile)
        .options(defer(ImportFile.content), defer(ImportFile.rejected))  # type: ignore[arg-type]
        .where(*theirs)
        .order_by(col(ImportFile.id).desc())
        .limit(limit)
    ).all()

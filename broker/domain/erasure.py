"""An SME asks to be forgotten: it goes, with all that hangs on it and all that names it.

What stays: a hash of its address, so that nobody mails it again by mistake; its number in the audit record and in what
runs have seen; the names of files imported or exported; and what other firms' profiles say of it. The
database's own free space and backups hold it until they are overwritten."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, SQLModel, col, select

from broker.config import Settings
from broker.db import wake
from broker.domain import audit, involvement, letters, mail_drafts, rejected, runs, uploads, webhooks
from broker.domain.names import name_key
from broker.domain.pairs import MAX_REASON
from broker.domain.suppressions import ERASED, suppress
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    WEBHOOK,
    WITH_A_KEY,
    CaseNote,
    Contact,
    Draft,
    Email,
    EmailStatus,
    ExportLog,
    IdempotencyKey,
    ImportFile,
    Interest,
    Introduction,
    Match,
    MatchRun,
    PairRule,
    Proposal,
    ReadinessCheck,
    Review,
    Shortlist,
    Sme,
)

SOMEBODY = "an SME that was erased"
NOTES: tuple[tuple[type[SQLModel], str], ...] = (
    (CaseNote, "text"),
    (Review, "note"),
    (Proposal, "note"),
    (ReadinessCheck, "reason"),
    (Interest, "reason"),
)
"""Where people write of an SME in their own words, and may name another."""
OVER = (EmailStatus.SENT, EmailStatus.SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has yet to reach outside of the database."""

    address: str
    message_ids: Sequence[str]
    """Of its mails and those that named it: they may lie in files."""
    exports: Sequence[ExportLog]
    """Files that left the service and may hold its data: whoever has them must delete it there."""


@dataclass(frozen=True, slots=True)
class Traces:
    """By what an SME can be found in rows that are not its own."""

    sme_id: int
    name: re.Pattern[str]
    words: re.Pattern[str]
    """Its name or its address."""
    events: Collection[int]
    """Also those it was taken off: what was written of it there stays."""
    matched: Collection[tuple[int, int]]
    """(run, partner): the shortlist of that partner names it."""
    introductions: Collection[int]
    partners: Collection[int]


def erase(session: Session, actor: str, sme_id: int) -> Erased:
    """Delete an SME, its mails and answers, and its name wherever else we wrote it; `clear_files` does the rest.

    NotFoundError where there is none; ConflictError while its shortlists are built or a mail is being handed over."""
    _wipe_freed_pages(session)
    sme = session.get(Sme, sme_id, with_for_update=True)
    if sme is None:
        raise NotFoundError(f"There is no SME {sme_id}.")
    contact = session.exec(select(Contact).where(Contact.sme_id == sme_id)).one_or_none()
    address, key = contact.email if contact else "", sme.name_key
    traces = _traces(session, sme, contact)
    if any(runs.active(session, event_id) for event_id in traces.events):
        raise ConflictError("Shortlists it is part of are being built. Wait until that is done, then erase it.")
    gone = _own_mails(session, sme_id)
    if address:
        suppress(session, address, ERASED)
    session.expunge(sme)
    session.execute(delete(Sme).where(col(Sme.id) == sme_id))  # all that hangs on it goes with it
    # Only now: whoever was just approving shortlists with it had to be waited for.
    for event_id in traces.events:
        mail_drafts.drop(session, event_id)
        wake(session, "shortlists.prepare", event_id)
    gone += _empty_mails(session, traces)
    _drop_calls(session, traces)
    _clear_runs(session, traces)
    _clear_notes(session, traces)
    _forget_answer(session, sme_id)
    _drop_uploads(session, key, address)
    session.execute(delete(Draft))  # what brokers are typing at this moment may quote it; they are shown it anew
    audit.record(session, actor, "sme.erase", f"sme:{sme_id}", mails=len(gone))
    exports = session.exec(select(ExportLog).where(col(ExportLog.event_id).in_(traces.events))).all()
    return Erased(address, gone, exports)


def _wipe_freed_pages(session: Session) -> None:
    """SQLite leaves what is deleted in its file unless told otherwise."""
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql("PRAGMA secure_delete = ON")


def _traces(session: Session, sme: Sme, contact: Contact | None) -> Traces:
    pairs = session.exec(
        select(Match.run_id, Match.a_id, Match.b_id).where((Match.a_id == sme.id) | (Match.b_id == sme.id))
    ).all()
    matched = {(run_id, b_id if a_id == sme.id else a_id) for run_id, a_id, b_id in pairs}
    introduced = select(Introduction.id).where((Introduction.a_id == sme.id) | (Introduction.b_id == sme.id))
    told = [sme.name, *([contact.email] if contact and contact.email else [])]
    return Traces(
        sme_id=sme.id,
        name=_pattern([sme.name]),
        words=_pattern(told),
        events=set(involvement.events_since(session, sme)),
        matched=matched,
        introductions=set(session.exec(introduced)),
        partners={partner for _, partner in matched},
    )


def _pattern(told: Sequence[str]) -> re.Pattern[str]:
    """Any of these as whole words, whatever the white space: a firm called Bo is not in Bochum."""
    spaced = (r"\s+".join(map(re.escape, words.split())) for words in told)
    return re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)", re.IGNORECASE)


def _own_mails(session: Session, sme_id: int) -> list[str]:
    """The Message-IDs of its mails, locked so that no worker takes one now."""
    mails = session.exec(select(Email).where(Email.sme_id == sme_id).with_for_update()).all()
    _refuse_in_flight(mails)
    return [email.message_id for email in mails]


def _refuse_in_flight(mails: Sequence[Email]) -> None:
    if any(email.status is EmailStatus.SENDING for email in mails):
        raise ConflictError("A mail to it or about it is being sent at this moment. Try again in two minutes.")


def _empty_mails(session: Session, traces: Traces) -> list[str]:
    """Mails to others that name it lose their text, and those that were not sent yet are not sent; their Message-IDs.

    Their recipients get what is still true by the next approval, as nothing was sent to them."""
    to_partners = col(Email.event_id).in_(traces.events) & col(Email.sme_id).in_(traces.partners)
    to_accounts = col(Email.sme_id).is_(None) & col(Email.kind).not_in((*WITH_A_KEY, WEBHOOK))
    query = select(Email).where(to_partners | to_accounts).order_by(col(Email.id))
    naming = [email for email in session.exec(query.with_for_update()) if _names(email, traces)]
    _refuse_in_flight(naming)
    for email in naming:
        email.subject, email.message = SOMEBODY, b""
        if email.status not in OVER:
            email.status, email.error = EmailStatus.SUPPRESSED, f"names {SOMEBODY}"
        session.add(email)
    return [email.message_id for email in naming]


def _drop_calls(session: Session, traces: Traces) -> None:
    """Calls of webhooks that tell its id; a worker that is making one finds it gone, and is done with it."""
    query = select(Email).where(Email.subject == webhooks.INTEREST_MUTUAL, col(Email.event_id).in_(traces.events))
    for call in session.exec(query.where(col(Email.webhook_id).is_not(None))):
        if webhooks.about(call) in traces.introductions:
            session.delete(call)


def _names(email: Email, traces: Traces) -> bool:
    """Whether a mail is about the SME, by what it was written from or by its words."""
    if email.kind == "shortlist" and (letters.run_of(email.key), email.sme_id) in traces.matched:
        return True
    if email.kind == "introduction" and int(email.key.split(":")[2]) in traces.introductions:
        return True
    return any(traces.words.search(text) for text in _texts(email))


def _texts(email: Email) -> Iterator[str]:
    yield email.subject
    message = message_from_bytes(email.message, policy=default)
    for kind in ("plain", "html"):
        part = message.get_body((kind,)) if isinstance(message, EmailMessage) else None
        if part is not None:
            yield str(part.get_content())


def _clear_runs(session: Session, traces: Traces) -> None:
    """Rings it was part of go, and its name in the sentences of a run and in the reasons of rules."""
    for run in session.exec(select(MatchRun).where(col(MatchRun.event_id).in_(traces.events))):
        rings = [ring for ring in run.report.get("rings", []) if str(traces.sme_id) not in ring["members"]]
        run.report = _without(traces.name, run.report | ({"rings": rings} if "rings" in run.report else {}))
        run.error = traces.name.sub(SOMEBODY, run.error)
        session.add(run)
    for rule in session.exec(select(PairRule).where(col(PairRule.event_id).in_(traces.events))):
        rule.reason = traces.name.sub(SOMEBODY, rule.reason)[:MAX_REASON]
        session.add(rule)
    for shortlist in session.exec(select(Shortlist).where(col(Shortlist.event_id).in_(traces.events))):
        shortlist.shortfall = _without(traces.name, shortlist.shortfall)
        session.add(shortlist)


def _clear_notes(session: Session, traces: Traces) -> None:
    """What was written of others and names it; what was written of itself went with it."""
    for table, column in NOTES:
        told = getattr(table, column)
        longest = table.__table__.columns[column].type.length  # type: ignore[attr-defined]
        for row in session.exec(select(table).where(told != "")):
            setattr(row, column, traces.words.sub(SOMEBODY, getattr(row, column))[:longest])
            session.add(row)


def _forget_answer(session: Session, sme_id: int) -> None:
    """The answer to the program that made it; its request sent again is known still, and does not make it anew."""
    made = col(IdempotencyKey.location).like(f"%/smes/{sme_id}")
    session.execute(update(IdempotencyKey).where(made).values(location="", body=""))


def _without(name: re.Pattern[str], value: Any) -> Any:
    """A JSON value with the name taken out of its texts."""
    if isinstance(value, str):
        return name.sub(SOMEBODY, value)
    if isinstance(value, dict):
        return {key: _without(name, inner) for key, inner in value.items()}
    return [_without(name, inner) for inner in value] if isinstance(value, list) else value


def _drop_uploads(session: Session, key: str, address: str) -> None:
    """Spreadsheets that wait for their confirmation and hold its row; one that was imported has at most rejected
    rows left, and those about it go."""

    def is_of(cell: str) -> bool:
        return name_key(cell) == key or bool(address and address.lower() in cell.lower())

    for file in session.exec(select(ImportFile).where(col(ImportFile.content).is_not(None))):
        try:
            cells = {cell for row in uploads.read(file).rows for cell in row if cell}
        except InvalidError:
            session.delete(file)  # nobody can tell what it holds
            continue
        if any(is_of(cell) for cell in cells):
            session.delete(file)
    for file in session.exec(select(ImportFile).where(col(ImportFile.rejected).is_not(None))):
        file.rejected = rejected.without(file.rejected or {}, is_of)
        session.add(file)


def clear_files(settings: Settings, erased: Erased) -> int:
    """Delete the mail files of an erased SME once that is committed, and mails that came back from its address;
    how many."""
    digests = [sha256(message_id.encode()).hexdigest()[:16] for message_id in erased.message_ids]
    files = [file for digest in digests for file in settings.outbox_dir.glob(f"*-{digest}.eml")]
    if erased.address:
        told = erased.address.lower().encode()
        unread = [file for file in (settings.bounces_dir / "unread").glob("*") if file.is_file()]
        files += [file for file in unread if told in file.read_bytes().lower()]
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)

"""Mails that came back: what a mail server dropped into the bounce folder is read (RFC 3464), and the mail it tells
of has failed after all."""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from enum import StrEnum
from pathlib import Path

from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database
from broker.domain import letters
from broker.domain.bounces import email_of
from broker.domain.suppressions import BOUNCED, suppress
from broker.models import TO_STAFF, Email, EmailStatus

log = logging.getLogger(__name__)
MOST_BYTES = 250_000
"""A report is a few kilobytes, and with the whole mail it returns (below 100 KB) still below this."""
MOST_NESTED = 20
MOST_PARAMETERS = 1_000
"""Anybody may write to the bounce address, and the parser takes minutes for many parts within each other, or for a
header of very many parameters."""
MOST_FILES = 200
MOST_SECONDS = 10.0
"""In one go; the next sweep reads on."""
UNREAD_SECONDS = 30 * 24 * 3600.0
WHOLE_AFTER = 5.0
"""Seconds since a file beside `new/` was last written to: whoever drops it there may not be done yet."""
ADDRESS = re.compile(r"[^\s<>,;\"@]{1,64}@[^\s<>,;\"@]{1,255}")
FIELD_END = re.compile(rb"\n(?![ \t])")
STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
BAD_ADDRESS = re.compile(r"5\.(1\.(?![78]$)\d+|2\.1|0\.0)")
"""No such address, or switched off (RFC 3463). 5.1.7 and 5.1.8 are said of ours; a full mailbox, a policy or a
server in trouble is no reason never to write again."""
BOUNCEABLE = (EmailStatus.SENT, EmailStatus.QUEUED, EmailStatus.HELD)
"""A mail that waits for another try may have been taken at the last one."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server says became of a mail."""

    recipients: tuple[str, ...]
    """Addresses the report itself was sent to; one may be a return path of ours."""
    message_id: str
    """Of the mail that came back, where the report says it."""
    action: str
    status: str
    reason: str


class Verdict(StrEnum):
    """What a file in the bounce folder came to."""

    FAILED = "failed"
    NOTHING = "nothing"
    LATER = "later"
    UNREAD = "unread"


def read_folder(database: Database) -> dict[str, int]:
    """Read what was dropped, file by file, and how many came to what.

    A file is deleted once its transaction is committed, as it holds personal data; one that is no report of a mail
    of ours is moved to `unread/` for a person."""
    counts = {verdict.value: 0 for verdict in Verdict}
    _forget_unread(database.settings.bounces_dir / "unread")
    ends = time.monotonic() + MOST_SECONDS
    for path in _waiting(database.settings.bounces_dir):
        try:
            verdict = _read(database, path)
            if verdict is Verdict.UNREAD:
                unread = database.settings.bounces_dir / "unread"
                unread.mkdir(exist_ok=True)
                path.replace(unread / path.name)
            elif verdict is not Verdict.LATER:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another worker was faster
        except OSError as error:  # e.g. not ours to read: those behind it must not wait for somebody to mend that
            log.warning("bounces: a file cannot be read or moved (%s)", type(error).__name__)
            continue
        counts[verdict] += 1
        if time.monotonic() >= ends:
            break
    if counts["failed"] or counts["unread"]:
        log.info("bounces: %s mails came back, %s files not understood", counts["failed"], counts["unread"])
    return counts


def _forget_unread(folder: Path) -> None:
    """Delete what nobody has looked at in a month: it may hold anybody's personal data."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not path.is_dir() and time.time() - path.lstat().st_mtime > UNREAD_SECONDS:
            path.unlink(missing_ok=True)


def _waiting(folder: Path) -> Iterator[Path]:
    """Whole files in the folder, or in `new/` where it is a Maildir; links and hidden files are nobody's report."""
    found = 0
    for place, is_maildir in ((folder / "new", True), (folder, False)):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            # The file system's clock and ours are the same machine's.
            if not is_maildir and abs(time.time() - path.stat().st_mtime) < WHOLE_AFTER:
                continue
            if (found := found + 1) > MOST_FILES:
                return
            yield path


def _read(database: Database, path: Path) -> Verdict:
    if path.stat().st_size > MOST_BYTES:
        return Verdict.UNREAD
    try:
        raw = path.read_bytes()
        if not _is_parsed_fast(raw):
            return Verdict.UNREAD
        message = message_from_bytes(raw)
        report = parse(message)
        is_automatic = _is_automatic(message)
    except FileNotFoundError:
        raise
    except Exception:  # whatever the parser stumbles over, it is no mail server's report
        return Verdict.UNREAD
    if report is None:
        return Verdict.NOTHING if is_automatic else Verdict.UNREAD
    if report.action != "failed" or not report.status.startswith("5"):
        return Verdict.NOTHING
    with database.write() as session:
        return settle(session, database.settings, report)


def _is_parsed_fast(raw: bytes) -> bool:
    fields = FIELD_END.split(raw)
    return raw.lower().count(b"boundary") <= MOST_NESTED and all(f.count(b";") <= MOST_PARAMETERS for f in fields)


def settle(session: Session, settings: Settings, report: Report) -> Verdict:
    """The mail this report is about has failed; its address is suppressed where it is the address that is bad."""
    email = _email(session, settings, report)
    if email is None:
        return Verdict.NOTHING if _is_gone(session, settings, report) else Verdict.UNREAD
    if email.status is EmailStatus.SENDING:
        return Verdict.LATER  # the worker that sends it has the word
    if email.status not in BOUNCEABLE:
        return Verdict.NOTHING
    email.status, email.error = EmailStatus.FAILED, f"bounced: {report.status} {report.reason}".strip()[:500]
    session.add(email)
    # A Message-ID is known to whoever saw a reply: by that alone, nobody is kept from being mailed.
    is_proven = bool(_ids(settings, report))
    if is_proven and email.kind not in TO_STAFF and BAD_ADDRESS.fullmatch(report.status):
        suppress(session, email.to_address, BOUNCED)
    if email.kind not in TO_STAFF:
        letters.undelivered(session, settings, email, email.error)
    return Verdict.FAILED


def _ids(settings: Settings, report: Report) -> list[int]:
    """Of mails, by return paths the report came to, which nobody can make up."""
    return [found for found in (email_of(settings, address) for address in report.recipients) if found is not None]


def _email(session: Session, settings: Settings, report: Report) -> Email | None:
    """The mail a report is about: by the return path it came to, else by its Message-ID."""
    ids = _ids(settings, report)
    if not ids and not report.message_id:
        return None
    of_it = Email.id == ids[0] if ids else Email.message_id == report.message_id
    is_mail = col(Email.webhook_id).is_(None)
    email = session.exec(select(Email).where(of_it, is_mail).with_for_update()).one_or_none()
    # SQLite gives the id of a mail that was erased to the next one. Other servers' Message-IDs say nothing: some
    # relays put their own in.
    if email is None or report.message_id == email.message_id:
        return email
    is_ours = report.message_id.partition("@")[2] == email.message_id.partition("@")[2]
    return None if is_ours else email


def _is_gone(session: Session, settings: Settings, report: Report) -> bool:
    """Whether we wrote the mail, and erased it since with its SME, whom the report names: nobody is to keep that."""
    ids = _ids(settings, report)
    return bool(ids) and session.get(Email, ids[0]) is None


def parse(message: Message) -> Report | None:
    """The report in a message; None where it holds none. Anything may be raised for bytes that are no mail."""
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return None
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    status_part = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status_part is None or not status_part.is_multipart():
        return None
    blocks = [block for block in status_part.get_payload() if isinstance(block, Message) and "Action" in block]
    if not blocks:
        return None
    told = next((block for block in blocks if _word(block, "Action") == "failed"), blocks[0])
    status = STATUS.search(_word(told, "Status"))
    return Report(
        recipients=tuple(ADDRESS.findall(_addressed(message))),
        message_id=next((found for part in parts if (found := _message_id(part))), ""),
        action=_word(told, "Action"),
        status=status[0] if status else "",
        reason=_reason(str(told.get("Diagnostic-Code", ""))),
    )


def _word(block: Message, name: str) -> str:
    return str(block.get(name, "")).strip().lower()


def _addressed(message: Message) -> str:
    names = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
    return "\n".join(str(value) for name in names for value in message.get_all(name, []))[:10_000]


def _message_id(part: Message) -> str:
    """The Message-ID in the part of a report that returns the mail or its headers."""
    payload = part.get_payload()
    if part.get_content_type() == "message/rfc822" and isinstance(payload, list):
        returned = payload[0]
    elif part.get_content_type() == "text/rfc822-headers" and isinstance(payload, str):
        returned = message_from_string(payload)
    else:
        return ""
    found = str(returned.get("Message-ID", "")).strip()[:200] if isinstance(returned, Message) else ""
    return found if found.isascii() and found.isprintable() else ""  # no database looks for NUL


def _reason(diagnostic: str) -> str:
    """The server's words as one short line without addresses: it is shown, and addresses are none of a log's."""
    words = [word for word in diagnostic.rpartition("smtp;")[2].split() if word.isprintable() and "@" not in word]
    return " ".join(words)[:200]


def _is_automatic(message: Message) -> bool:
    """Whether a program answered, e.g. that somebody is out of office or has read it; a person's words are not lost."""
    submitted = str(message.get("Auto-Submitted", "no")).strip().lower()
    return (
        not submitted.startswith("no")
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress"))
        or _word(message, "Precedence") == "auto_reply"
        or message.get_param("report-type") == "disposition-notification"
    )

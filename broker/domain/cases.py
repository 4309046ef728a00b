"""What brokers do about a pair of which one side said yes: note something that both read, and follow it up.

A case is a pair of SMEs at an event, by their ids in order; `access.case` says whose it is."""

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import accounts, audit
from broker.domain.fields import checked_text
from broker.errors import InvalidError
from broker.models import Account, CaseNote, NoteKind

MAX_NOTE = 2_000
Pair = tuple[int, int]


def note(session: Session, account: Account, event_id: int, pair: Pair, text: str) -> None:
    """Write a note for the brokers of both; InvalidError where there is nothing to write, or too much."""
    try:
        written = checked_text(text.strip())
    except ValueError as error:
        raise InvalidError(f"Note: {error}") from error
    if not written or len(written) > MAX_NOTE:
        raise InvalidError(f"Note: write something, at most {MAX_NOTE:,} characters")
    _add(session, account, event_id, pair, NoteKind.NOTE, written)
    _record(session, account, "case.note", event_id, pair)


def follow(session: Session, account: Account, event_id: int, pair: Pair) -> bool:
    """The broker follows the case up from now on; False, and nothing is written, where that is so already."""
    if session.exec(select(CaseNote.id).where(*_following(account, event_id, pair)).limit(1)).first() is not None:
        return False
    _add(session, account, event_id, pair, NoteKind.FOLLOWS, "")
    _record(session, account, "case.follow", event_id, pair)
    return True


def leave(session: Session, account: Account, event_id: int, pair: Pair) -> bool:
    """The broker does not follow the case up any more; False where that is so already."""
    gone = session.execute(delete(CaseNote).where(*_following(account, event_id, pair)).returning(col(CaseNote.id)))
    if not gone.all():
        return False
    _record(session, account, "case.leave", event_id, pair)
    return True


def _following(account: Account, event_id: int, pair: Pair) -> tuple[ColumnElement[bool], ...]:
    return (
        col(CaseNote.kind) == NoteKind.FOLLOWS,
        col(CaseNote.account_id) == account.id,
        col(CaseNote.event_id) == event_id,
        col(CaseNote.a_id) == pair[0],
        col(CaseNote.b_id) == pair[1],
    )


def _add(session: Session, account: Account, event_id: int, pair: Pair, kind: NoteKind, text: str) -> None:
    a_id, b_id = pair
    row = CaseNote(
        event_id=event_id, a_id=a_id, b_id=b_id, account_id=account.id, kind=kind, text=text, at=now(session)
    )
    session.add(row)
    session.flush()


def _record(session: Session, account: Account, action: str, event_id: int, pair: Pair) -> None:
    audit.record(session, accounts.actor(account), action, f"event {event_id}", a=pair[0], b=pair[1])

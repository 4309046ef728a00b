"""Every "may I": gives the row or raises NotFoundError, so that a foreign row looks like none (law 4)."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from broker.errors import NotFoundError
from broker.models import (
    Account,
    Answer,
    ChangeSet,
    Email,
    EmailStatus,
    Event,
    ImportFile,
    Interest,
    Introduction,
    MatchRun,
    Proposal,
    Registration,
    Role,
    SignIn,
    Sme,
    SmeStatus,
)

GONE = "This page does not exist, or it is not yours to see."
HANDLE = 16
"""Hex digits of a hash by which a page names one session of an account: enough to tell them apart, no use elsewhere."""


def desk(account: Account, *roles: Role) -> Account:
    """The account, if one of these desks is its own; an administrator's are all."""
    if account.role not in (*roles, Role.ADMIN):
        raise NotFoundError(GONE)
    return account


def cities(account: Account) -> str | None:
    """The city whose SMEs a broker sees; None means every city."""
    desk(account, Role.BROKER)
    return None if account.role == Role.ADMIN else account.city_code


def chosen_city(account: Account, wanted: str) -> str | None:
    """The city a page is about: a broker's own, or the one an administrator asks for; None means every city."""
    city = cities(account)
    return city if city is not None else wanted or None


def sme(session: Session, account: Account, sme_id: int, *, lock: bool = False) -> Sme:
    """An SME of the broker's city; locked until the end of the transaction where it is about to be changed."""
    city = cities(account)
    row = session.get(Sme, sme_id, with_for_update=lock or None)
    if row is None or city not in (None, row.city_code):
        raise NotFoundError(GONE)
    return row


def proposal(session: Session, account: Account, sme_id: int, proposal_id: int) -> tuple[Sme, Proposal]:
    """A proposal of an SME of the broker's city; both rows are locked, for it is about to be answered."""
    owner = sme(session, account, sme_id, lock=True)
    row = session.get(Proposal, proposal_id, with_for_update=True)
    if row is None or row.sme_id != owner.id:
        raise NotFoundError(GONE)
    return owner, row


def smes(session: Session, account: Account, sme_ids: Collection[int]) -> list[Sme]:
    """SMEs of the broker's city, locked to be changed; NotFoundError if only one of them is none of theirs."""
    city = cities(account)
    query = select(Sme).where(col(Sme.id).in_(sme_ids)).order_by(col(Sme.id)).with_for_update()
    rows = list(session.exec(query.execution_options(populate_existing=True)))
    if len(rows) != len(set(sme_ids)) or any(city not in (None, row.city_code) for row in rows):
        raise NotFoundError(GONE)
    return rows


def review(session: Session, account: Account, sme_id: int, *, lock: bool = False) -> Sme:
    """An SME that waits for a second broker, of any city: its reader is not shown who it is, nor its contact."""
    cities(account)
    row = session.get(Sme, sme_id, with_for_update=lock or None)
    if row is None or row.status is not SmeStatus.IN_REVIEW:
        raise NotFoundError(GONE)
    return row


def event(session: Session, account: Account, event_id: int) -> Event:
    """An event of the organiser."""
    desk(account, Role.ORGANISER)
    row = session.get(Event, event_id)
    if row is None or (account.role != Role.ADMIN and row.organiser_id != account.id):
        raise NotFoundError(GONE)
    return row


def registration(session: Session, account: Account, event_id: int, registration_id: int) -> Registration:
    """An SME's registration at the organiser's event."""
    event(session, account, event_id)
    row = session.get(Registration, registration_id)
    if row is None or row.event_id != event_id:
        raise NotFoundError(GONE)
    return row


def case(session: Session, account: Account, event_id: int, pair: tuple[int, int]) -> tuple[int, int]:
    """A pair's ids in order, if one side said yes at the event and the broker's city has one of the two."""
    city, (a_id, b_id) = cities(account), sorted(pair)
    found = {row.id: row.city_code for row in session.exec(select(Sme).where(col(Sme.id).in_([a_id, b_id])))}
    is_ours = len(found) == 2 and (city is None or city in found.values())
    if not is_ours or not _has_said_yes(session, event_id, a_id, b_id):
        raise NotFoundError(GONE)
    return a_id, b_id


def _has_said_yes(session: Session, event_id: int, a_id: int, b_id: int) -> bool:
    made = select(Introduction.id).where(
        Introduction.event_id == event_id, Introduction.a_id == a_id, Introduction.b_id == b_id
    )
    one_sided = select(Interest.id).where(
        Interest.event_id == event_id,
        Interest.answer == Answer.INTERESTED,
        ((Interest.sme_id == a_id) & (Interest.partner_id == b_id))
        | ((Interest.sme_id == b_id) & (Interest.partner_id == a_id)),
    )
    return any(session.exec(query.limit(1)).first() is not None for query in (made, one_sided))


def run(session: Session, account: Account, event_id: int, run_id: int) -> MatchRun:
    """A match run of the organiser's event."""
    event(session, account, event_id)
    row = session.get(MatchRun, run_id)
    if row is None or row.event_id != event_id:
        raise NotFoundError(GONE)
    return row


def event_mail(session: Session, account: Account, event_id: int, email_id: int) -> Email:
    """A mail of the organiser's event."""
    event(session, account, event_id)
    row = session.get(Email, email_id)
    if row is None or row.event_id != event_id or row.webhook_id is not None:
        raise NotFoundError(GONE)
    return row


def import_file(session: Session, account: Account, file_id: int) -> ImportFile:
    """A spreadsheet this very account uploaded: it holds personal data nobody else has asked for.

    Of another city, or of all of them, it is nothing any more for who works for one now."""
    city = cities(account)
    row = session.get(ImportFile, file_id)
    if row is None or row.account_id != account.id or city not in (None, row.city_code):
        raise NotFoundError(GONE)
    return row


def change_set(session: Session, account: Account, set_id: int, *, lock: bool = False) -> ChangeSet:
    """What this very account changed at once; locked where it is about to be undone. An administrator sees all."""
    desk(account, Role.BROKER)
    row = session.get(ChangeSet, set_id, with_for_update=lock or None, populate_existing=lock)
    if row is None or (account.role != Role.ADMIN and row.account_id != account.id):
        raise NotFoundError(GONE)
    return row


def changed_by(account: Account) -> int | None:
    """Whose changes of many SMEs an account sees: its own; None means everybody's."""
    desk(account, Role.BROKER)
    return None if account.role == Role.ADMIN else account.id


def demo_mail(session: Session, is_demo: bool, email_id: int) -> Email:
    """A mail of the demo's outbox, but for drafts: outside the demo nobody reads mail here."""
    row = session.get(Email, email_id) if is_demo else None
    if row is None or row.webhook_id is not None or row.status == EmailStatus.DRAFT:
        raise NotFoundError(GONE)
    return row


def account(session: Session, administrator: Account, account_id: int, *, lock: bool = False) -> Account:
    """Any account, for an administrator; locked where it is about to be changed.

    All administrators are locked with it: of two who deactivate each other at once, the second is none any more."""
    desk(administrator)
    if lock:
        concerned = select(Account).where((Account.role == Role.ADMIN) | (Account.id == account_id))
        rows = session.exec(concerned.order_by(col(Account.id)).with_for_update()).all()
        if not any(row.id == administrator.id and row.active and row.role == Role.ADMIN for row in rows):
            raise NotFoundError(GONE)
    row = session.get(Account, account_id)
    if row is None:
        raise NotFoundError(GONE)
    return row


def sign_in(session: Session, account: Account, handle: str) -> SignIn:
    """A signed-in browser of this very account, by the start of its hash."""
    own = SignIn.account_id == account.id, col(SignIn.token_hash).startswith(handle, autoescape=True)
    row = session.exec(select(SignIn).where(*own)).one_or_none() if len(handle) == HANDLE else None
    if row is None:
        raise NotFoundError(GONE)
    return row

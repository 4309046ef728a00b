"""Every "may I": gives the row or raises NotFoundError, so that a foreign row looks like none (law 4)."""

from sqlmodel import Session

from broker.errors import NotFoundError
from broker.models import Account, Email, Event, ImportFile, MatchRun, Role, Sme

GONE = "This page does not exist, or it is not yours to see."


def desk(account: Account, *roles: Role) -> Account:
    """The account, if one of these desks is its own; an administrator's are all."""
    if account.role not in (*roles, Role.ADMIN):
        raise NotFoundError(GONE)
    return account


def cities(account: Account) -> str | None:
    """The city whose SMEs a broker sees; None means every city."""
    desk(account, Role.BROKER)
    return None if account.role == Role.ADMIN else account.city_code


def sme(session: Session, account: Account, sme_id: int, *, lock: bool = False) -> Sme:
    """An SME of the broker's city; locked until the end of the transaction where it is about to be changed."""
    city = cities(account)
    row = session.get(Sme, sme_id, with_for_update=lock or None)
    if row is None or city not in (None, row.city_code):
        raise NotFoundError(GONE)
    return row


def event(session: Session, account: Account, event_id: int) -> Event:
    """An event of the organiser."""
    desk(account, Role.ORGANISER)
    row = session.get(Event, event_id)
    if row is None or (account.role != Role.ADMIN and row.organiser_id != account.id):
        raise NotFoundError(GONE)
    return row


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
    """A spreadsheet this very account uploaded: it holds personal data nobody else has asked for."""
    desk(account, Role.BROKER)
    row = session.get(ImportFile, file_id)
    if row is None or row.account_id != account.id:
        raise NotFoundError(GONE)
    return row


def demo_mail(session: Session, is_demo: bool, email_id: int) -> Email:
    """A mail of the demo's outbox; outside the demo nobody reads mail here."""
    row = session.get(Email, email_id) if is_demo else None
    if row is None or row.webhook_id is not None:
        raise NotFoundError(GONE)
    return row

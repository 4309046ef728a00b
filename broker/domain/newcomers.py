"""Which partners are new on a shortlist to an SME that was mailed another one before."""

from collections import defaultdict
from collections.abc import Collection

from sqlmodel import Session, col, select

from broker.domain import letters
from broker.models import Email, EmailStatus, MailingKind, Shortlist, ShortlistEntry


def newcomers(session: Session, event_id: int, lists: Collection[Shortlist]) -> dict[int, frozenset[int]]:
    """By SME, of those that were mailed a shortlist of another run: partners on its list that none of those named."""
    runs = {shortlist.sme_id: shortlist.run_id for shortlist in lists}
    told = _told(session, event_id, runs)
    if not told:
        return {}
    named: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for run_id, sme_id, partner_id in session.exec(
        select(Shortlist.run_id, Shortlist.sme_id, ShortlistEntry.partner_id)
        .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
        .where(Shortlist.event_id == event_id, col(Shortlist.sme_id).in_(told))
    ):
        named[run_id, sme_id].add(partner_id)
    return {
        sme_id: frozenset(named[runs[sme_id], sme_id].difference(*(named[run_id, sme_id] for run_id in earlier)))
        for sme_id, earlier in told.items()
    }


def _told(session: Session, event_id: int, runs: dict[int, int]) -> dict[int, set[int]]:
    """By SME: the runs, but for that of its list, whose shortlist it was mailed."""
    sent = select(Email.sme_id, Email.key).where(
        Email.event_id == event_id,
        Email.kind == MailingKind.SHORTLIST.value,
        Email.status == EmailStatus.SENT,
        col(Email.sme_id).in_(runs),
    )
    told: dict[int, set[int]] = {}
    for sme_id, key in session.exec(sent):
        if sme_id is not None and letters.run_of(key) != runs[sme_id]:
            told.setdefault(sme_id, set()).add(letters.run_of(key))
    return told

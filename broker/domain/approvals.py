"""An organiser approves draft shortlists: from then on they are mailed and answered."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import String, cast, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import audit, letters, mail_drafts, mailings
from broker.errors import ConflictError
from broker.models import (
    INACTIVE,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Event,
    MailingKind,
    Purpose,
    Registration,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
)

UNDER_WAY = (EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.SENT)


@dataclass(frozen=True, slots=True)
class Approval:
    """What approving the drafts of an event writes: mails, and SMEs (names) that none can be written to, with why."""

    run_id: int | None = None
    drafts: Sequence[Shortlist] = ()
    mailed: frozenset[int] = frozenset()
    same: frozenset[int] = frozenset()
    """Their partners are those of the mail they have or are about to get."""
    not_mailed: dict[str, str] = field(default_factory=dict)

    @property
    def lists(self) -> int:
        """How many draft shortlists there are."""
        return len(self.drafts)

    @property
    def unchanged(self) -> int:
        """How many SMEs get no second mail."""
        return len(self.same)

    @property
    def to_mail(self) -> list[Shortlist]:
        """The drafts a mail is written of."""
        return [draft for draft in self.drafts if draft.sme_id in self.mailed]

    @property
    def mails(self) -> int:
        """How many mails are written."""
        return len(self.mailed)


def foretell(session: Session, event_id: int, *, lock: bool = False) -> Approval:
    """What approving would write now; `lock` holds the drafts until the end of the transaction.

    An SME whose partners are those of the last shortlist mail that went out to it (or is about to) gets no other."""
    query = (
        select(Shortlist)
        .where(Shortlist.event_id == event_id, Shortlist.status == ShortlistStatus.DRAFT)
        .order_by(col(Shortlist.sme_id))
    )
    found = session.exec(query.with_for_update() if lock else query).all()
    if not found:
        return Approval()
    partners = _partners(session, event_id)
    told = _last_told(session, event_id)
    changed = {
        draft.sme_id
        for draft in found
        if draft.sme_id not in told
        or partners[draft.run_id, draft.sme_id] != partners[told[draft.sme_id], draft.sme_id]
    }
    has_partners = {draft.sme_id for draft in found if partners[draft.run_id, draft.sme_id]}
    not_mailed = _not_mailed(session, changed, has_partners)
    return Approval(
        run_id=found[0].run_id,
        drafts=found,
        mailed=frozenset(changed - not_mailed.keys()),
        same=frozenset(draft.sme_id for draft in found) - changed,
        not_mailed=dict(sorted(not_mailed.values())),
    )


def _partners(session: Session, event_id: int) -> defaultdict[tuple[int, int], frozenset[str]]:
    """Partner ids as texts by (run, SME), of every shortlist of an event: a row a list, for there are many."""
    ids = func.aggregate_strings(cast(ShortlistEntry.partner_id, String), ",")
    rows = session.execute(
        sa_select(col(Shortlist.run_id), col(Shortlist.sme_id), ids)
        .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
        .where(col(Shortlist.event_id) == event_id)
        .group_by(col(Shortlist.id), col(Shortlist.run_id), col(Shortlist.sme_id))
    )
    found = {(run_id, sme_id): frozenset(partners.split(",")) for run_id, sme_id, partners in rows}
    return defaultdict(frozenset, found)


def _last_told(session: Session, event_id: int) -> dict[int, int]:
    """By SME: the run whose shortlist its newest mail is about, where that mail was sent or is on its way."""
    mails = session.exec(
        select(Email.sme_id, Email.key)
        .where(Email.event_id == event_id, Email.kind == "shortlist")
        .where(col(Email.status).in_(UNDER_WAY) | mailings.is_stopped())
        .order_by(col(Email.id))
    )
    return {sme_id: letters.run_of(key) for sme_id, key in mails if sme_id is not None}


def _not_mailed(session: Session, sme_ids: set[int], has_partners: set[int]) -> dict[int, tuple[str, str]]:
    """(name, reason) of those of these SMEs that cannot be mailed, by id."""
    rows = session.exec(
        select(Sme.id, Sme.name, Contact.email, Consent.id)
        .outerjoin(Contact, col(Contact.sme_id) == Sme.id)
        .outerjoin(
            Consent,
            (col(Consent.sme_id) == Sme.id)
            & (col(Consent.purpose) == Purpose.MAILING)
            & col(Consent.withdrawn_at).is_(None),
        )
        .where(col(Sme.id).in_(sme_ids))
    )
    reasons = {
        sme_id: (
            name,
            "no partner was found"
            if sme_id not in has_partners
            else "no e-mail address"
            if not address
            else "has not agreed to be mailed"
            if consent is None
            else "",
        )
        for sme_id, name, address, consent in rows
    }
    return {sme_id: told for sme_id, told in reasons.items() if told[1]}


def approve(session: Session, settings: Settings, actor: str, event_id: int, run_id: int | None = None) -> Approval:
    """Approve the drafts of an event and write the mails, in one transaction. `run_id`: the drafts that were seen.

    ConflictError where there is no draft (a second click finds none), where the drafts are not those that were
    seen, where an SME has left since, where a mail could not leave in time, or where nobody could answer any more."""
    settings.require_secret()
    event = mailings.lock(session, event_id)
    if now(session) > event.answers_until:
        raise ConflictError("This workshop has begun: nobody could answer any more.")
    plan = foretell(session, event_id, lock=True)
    if not plan.drafts:
        raise ConflictError("There are no draft shortlists to approve. Build them first.")
    if run_id is not None and run_id != plan.run_id:
        raise ConflictError("The shortlists were built again since you looked at them. Look once more, then approve.")
    _refuse_who_left(session, plan.drafts)
    mailings.refuse_shut(session, event, plan.mailed)
    for shortlist in session.exec(
        select(Shortlist).where(Shortlist.event_id == event_id, Shortlist.status == ShortlistStatus.APPROVED)
    ):
        shortlist.status = ShortlistStatus.REPLACED
    for draft in plan.drafts:
        draft.status = ShortlistStatus.APPROVED
    session.flush()
    mailings.supersede(session, event_id, plan.same)
    mail_drafts.release(session, settings, event, mail_drafts.of_shortlists(session, settings, event, plan.to_mail))
    mailing = mailings.by_kind(session, event_id).get(MailingKind.SHORTLIST)
    if mailing and mailing.stopped_at:
        mailings.hold(session, event_id, MailingKind.SHORTLIST)
    subject = f"event {event.id}"
    audit.record(session, actor, "shortlists.approve", subject, mails=plan.mails, unchanged=plan.unchanged)
    return plan


def _refuse_who_left(session: Session, lists: Sequence[Shortlist]) -> None:
    """Nobody's name and words are mailed who was paused, withdrawn or took the consent back after the build."""
    agreed = (
        select(Consent.sme_id)
        .where(Consent.purpose == Purpose.MATCHING, col(Consent.withdrawn_at).is_(None))
        .scalar_subquery()
    )
    registered = select(Registration.sme_id).where(Registration.event_id == lists[0].event_id).scalar_subquery()
    left = session.exec(
        select(Sme.name)
        .where(
            col(Sme.id).in_([draft.sme_id for draft in lists]),
            col(Sme.status).in_(INACTIVE) | col(Sme.id).not_in(agreed) | col(Sme.id).not_in(registered),
        )
        .order_by(Sme.name)
    ).all()
    if left:
        raise ConflictError(f"Build again first: no longer taking part since the last build: {', '.join(left)}.")


def prepare(database: Database, event_id: int) -> int:
    """Write the mails of an event's drafts ahead, so that approving takes no time; how many. None are sent by it.

    InvalidError where links would be signed with the key everybody knows."""
    database.settings.require_secret()
    with database.read() as session:
        event, plan = session.get(Event, event_id), foretell(session, event_id)
        if event is None or not plan.mailed:
            return 0
        found = mail_drafts.of_shortlists(session, database.settings, event, plan.to_mail)
        return mail_drafts.write(database, event_id, found, session)

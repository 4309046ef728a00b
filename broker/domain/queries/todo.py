"""Why an SME needs its broker: each reason with its condition, the same for the list's filter and the city's home."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from broker.db import UTCDateTime
from broker.domain.lifecycle import REMIND_BEFORE
from broker.domain.queries import lacking
from broker.models import (
    INACTIVE,
    TO_STAFF,
    Contact,
    Email,
    EmailStatus,
    Event,
    Interest,
    Proposal,
    ProposalStatus,
    Registration,
    Review,
    ReviewOutcome,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
    SmeStatus,
)

ANY = "1"
MOMENT = bindparam("moment", type_=UTCDateTime())
SOON = bindparam("soon", type_=UTCDateTime())
LATELY = bindparam("lately", type_=UTCDateTime())
"""`at` fills them: a statement is built once and asked at many moments."""
REMEMBERED = timedelta(days=60)
"""So long an expired profile is something to do; after that nobody seems to want it."""
LABELS = {
    ANY: "To be completed",
    "erasure": "Asked to be erased",
    "proposal": "Proposed a change",
    "sent_back": "Sent back",
    "finish": "To finish",
    "publish": "Ready to publish",
    "review": "Waiting for review",
    "answer": "No answer yet",
    "mail": "Mail came back or failed",
    "consents": "No consent before an event",
    "expiring": "Expired or soon",
}
LACKING = tuple(lacking.conditions())
"""What a profile may lack, each a reason, too."""


def label(reason: str) -> str:
    """A reason as a chip names it."""
    return LABELS.get(reason) or f"Lacks {reason}"


def at(moment: datetime) -> dict[str, datetime]:
    """The parameters of a statement with these conditions."""
    return {"moment": moment, "soon": moment + REMIND_BEFORE, "lately": moment - REMEMBERED}


def conditions() -> dict[str, ColumnElement[bool]]:
    """Every reason by its name in an address: those of `LABELS`, and each thing a profile may lack."""
    lacks = lacking.conditions()
    return lacks | {
        ANY: or_(*lacks.values()),
        "erasure": col(Sme.erasure_asked_at).is_not(None),
        "proposal": col(Sme.id).in_(select(Proposal.sme_id).where(Proposal.status == ProposalStatus.OPEN)),
        "sent_back": sent_back(),
        "finish": to_finish(),
        "publish": ready_to_publish(),
        "review": waiting_for_review(),
        "answer": col(Sme.id).in_(select(unanswered().c.sme_id)),
        "mail": col(Sme.id).in_(_undelivered()),
        "consents": no_consent(),
        "expiring": expiring(),
    }


def sent_back() -> ColumnElement[bool]:
    """Drafts that a second broker gave back with a note, and nobody has asked about since."""
    later: Any = aliased(Review)
    latest = exists().where(
        col(Review.sme_id) == Sme.id,
        col(Review.outcome) == ReviewOutcome.SENT_BACK,
        ~exists().where(later.sme_id == Review.sme_id, later.id > Review.id),
    )
    return and_(col(Sme.status) == SmeStatus.DRAFT, latest)


def to_finish() -> ColumnElement[bool]:
    """Drafts nobody has sent back: something is lacking, or a second broker was not asked yet."""
    return and_(col(Sme.status) == SmeStatus.DRAFT, ~sent_back())


def ready_to_publish() -> ColumnElement[bool]:
    """A second broker confirmed them; on a shortlist they are only once they are published."""
    return col(Sme.status) == SmeStatus.REVIEWED


def waiting_for_review() -> ColumnElement[bool]:
    """Somebody asked a second broker to read them."""
    return col(Sme.status) == SmeStatus.IN_REVIEW


def unanswered() -> Any:
    """(sme_id, deadline, zone): who takes part in a coming event, has partners, can still answer, and has not.

    Of several events the one that closes first."""
    first = func.row_number().over(
        partition_by=col(Registration.sme_id), order_by=(col(Event.answers_until), col(Event.id))
    )
    found = (
        select(Registration.sme_id, col(Event.answers_until).label("deadline"), Event.zone, first.label("place"))
        .join(Event, col(Event.id) == Registration.event_id)
        .join(Sme, col(Sme.id) == Registration.sme_id)
        .join(Shortlist, (col(Shortlist.event_id) == Event.id) & (col(Shortlist.sme_id) == Registration.sme_id))
        .where(
            col(Event.answers_until) > MOMENT,
            col(Sme.status).not_in(INACTIVE),
            col(Shortlist.status) == ShortlistStatus.APPROVED,
            exists().where(col(ShortlistEntry.shortlist_id) == Shortlist.id),
            ~exists().where(col(Interest.event_id) == Event.id, col(Interest.sme_id) == Registration.sme_id),
        )
        .subquery()
    )
    return select(found.c.sme_id, found.c.deadline, found.c.zone).where(found.c.place == 1).subquery()


def _undelivered() -> Any:
    """Ids of SMEs to whose address of today a mail failed or came back, and none went out after it."""
    later: Any = aliased(Email)
    return (
        select(Email.sme_id)
        .join(Contact, col(Contact.sme_id) == Email.sme_id)
        .where(
            col(Email.status) == EmailStatus.FAILED,
            col(Email.kind).not_in(TO_STAFF),
            func.lower(Email.to_address) == func.lower(Contact.email),
            ~exists().where(
                later.sme_id == Email.sme_id,
                later.id > Email.id,
                later.status == EmailStatus.SENT,
                later.to_address == Email.to_address,
            ),
        )
    )


def no_consent() -> ColumnElement[bool]:
    """An event is coming, and the SME cannot be matched or written to."""
    coming = exists().where(col(Event.starts_at) > MOMENT)
    return and_(col(Sme.status).not_in(INACTIVE), coming, lacking.lacks_consent())


def expiring() -> ColumnElement[bool]:
    """Published for nearly a year, or expired lately, and nobody has said since that it is still true."""
    ends = and_(col(Sme.status) == SmeStatus.PUBLISHED, col(Sme.expires_at) <= SOON)
    return or_(ends, and_(col(Sme.status) == SmeStatus.EXPIRED, col(Sme.expires_at) > LATELY))

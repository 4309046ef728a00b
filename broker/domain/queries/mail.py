"""What the demo's outbox reads."""

from sqlalchemy import func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from broker.domain.queries.shortlists import place
from broker.models import Email, EmailStatus

PAGE_SIZE = 50
_WRITTEN = (col(Email.status) != EmailStatus.DRAFT) & col(Email.webhook_id).is_(None)


def outbox(session: Session, page: int = 1) -> tuple[list[Email], dict[EmailStatus, int], int, int]:
    """(One page of mails, newest first; how many in each status; the page; the number of pages)."""
    counted = session.exec(select(Email.status, func.count()).where(_WRITTEN).group_by(Email.status))
    counts = {EmailStatus(status): count for status, count in counted}
    page, pages, first = place(page, sum(counts.values()), PAGE_SIZE)
    newest = (
        select(Email)
        .options(defer(Email.message))  # type: ignore[arg-type]  # the bytes are not for a list
        .where(_WRITTEN)
        .order_by(col(Email.id).desc())
        .offset(first)
        .limit(PAGE_SIZE)
    )
    return list(session.exec(newest)), counts, page, pages

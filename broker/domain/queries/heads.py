"""What every page of an event's builds and matches begins with, in one statement."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import exists
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import access, zones
from broker.domain.runs import ACTIVE
from broker.domain.zones import Zone
from broker.models import Account, City, Event, MatchRun, RunStatus, Shortlist, ShortlistStatus


@dataclass(frozen=True, slots=True)
class Head:
    """An event, its city, and the newest finished run."""

    event: Event
    city: City
    run: MatchRun | None
    is_draft: bool
    """That run's lists wait to be approved."""
    is_building: bool
    moment: datetime

    @property
    def zone(self) -> Zone:
        """That the event's times are told in."""
        return zones.of_event(self.event, self.city)


def head(session: Session, account: Account, event_id: int) -> Head:
    """The event if it is the account's own; NotFoundError as `access.event`."""
    newest = (
        select(MatchRun.id)
        .where(MatchRun.event_id == event_id, MatchRun.status == RunStatus.DONE)
        .order_by(col(MatchRun.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    draft = exists().where(col(Shortlist.event_id) == event_id, col(Shortlist.status) == ShortlistStatus.DRAFT)
    building = exists().where(col(MatchRun.event_id) == event_id, col(MatchRun.status).in_(ACTIVE))
    row = session.execute(
        sa.select(Event, City, MatchRun, draft, building)
        .join(City, col(City.code) == Event.city_code)
        .outerjoin(MatchRun, col(MatchRun.id) == newest)
        .where(col(Event.id) == event_id)
    ).first()
    event = access.event(session, account, event_id)  # which has been read: it asks the database no more
    assert row is not None  # noqa: S101 - access has raised where there is none
    _, city, run, is_draft, is_building = row
    return Head(event, city, run, bool(is_draft), bool(is_building), now(session))

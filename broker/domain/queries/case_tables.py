"""The tables that a case is made of, and how far a pair is."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, true, union
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from broker.models import Account, Answer, CaseNote, City, Contact, Event, Interest, Introduction, NoteKind, Role, Sme


class CaseState(StrEnum):
    """How far a pair is, as the brokers of one city see it."""

    YOURS = "yours"
    INTRODUCED = "introduced"
    THEIRS = "theirs"
    CLOSED = "closed"


class CaseTables:
    """The tables that a case is made of, under the names that the two sides have in it."""

    def __init__(self, city: str | None) -> None:
        self.city = city
        self.a: Any = aliased(Sme)
        self.b: Any = aliased(Sme)
        self.a_says: Any = aliased(Interest)
        self.b_says: Any = aliased(Interest)
        self.a_contact: Any = aliased(Contact)
        self.b_contact: Any = aliased(Contact)
        self.a_broker: Any = aliased(Account)
        self.b_broker: Any = aliased(Account)
        self.pair = self._pairs()

    def _pairs(self) -> Any:
        """(event_id, a_id, b_id) of every pair of which one side said yes, or that was introduced."""
        is_first = col(Interest.sme_id) < col(Interest.partner_id)
        a_id = case((is_first, col(Interest.sme_id)), else_=col(Interest.partner_id)).label("a_id")
        b_id = case((is_first, col(Interest.partner_id)), else_=col(Interest.sme_id)).label("b_id")
        said_yes = select(Interest.event_id, a_id, b_id).where(
            Interest.answer == Answer.INTERESTED, self._touches(Interest.sme_id, Interest.partner_id)
        )
        made = select(Introduction.event_id, Introduction.a_id, Introduction.b_id).where(
            self._touches(Introduction.a_id, Introduction.b_id)
        )
        return union(said_yes, made).subquery()

    def _touches(self, one: Any, other: Any) -> ColumnElement[bool]:
        if self.city is None:
            return true()
        ours = select(Sme.id).where(Sme.city_code == self.city)
        return or_(col(one).in_(ours), col(other).in_(ours))

    def joined(self, query: Any) -> Any:
        """A query from the pairs with what both sides said."""
        pair, event_id = self.pair.c, self.pair.c.event_id
        of_a = (self.a_says.sme_id == pair.a_id) & (self.a_says.partner_id == pair.b_id)
        of_b = (self.b_says.sme_id == pair.b_id) & (self.b_says.partner_id == pair.a_id)
        made = (col(Introduction.a_id) == pair.a_id) & (col(Introduction.b_id) == pair.b_id)
        return (
            query.select_from(self.pair)
            .join(Event, col(Event.id) == event_id)
            .join(self.a, self.a.id == pair.a_id)
            .join(self.b, self.b.id == pair.b_id)
            .outerjoin(self.a_says, of_a & (self.a_says.event_id == event_id))
            .outerjoin(self.b_says, of_b & (self.b_says.event_id == event_id))
            .outerjoin(Introduction, made & (col(Introduction.event_id) == event_id))
        )

    def state(self, moment: datetime) -> ColumnElement[str]:
        """The CaseState of a pair."""
        a_open, b_open = self.a_says.id.is_(None), self.b_says.id.is_(None)
        is_open = and_(or_(a_open, b_open), col(Event.answers_until) >= moment)
        if self.city is None:
            is_yours: ColumnElement[bool] = true()
        else:
            is_yours = or_(and_(a_open, self.a.city_code == self.city), and_(b_open, self.b.city_code == self.city))
        return case(
            (col(Introduction.id).is_not(None), literal(CaseState.INTRODUCED.value)),
            (and_(is_open, is_yours), literal(CaseState.YOURS.value)),
            (is_open, literal(CaseState.THEIRS.value)),
            else_=literal(CaseState.CLOSED.value),
        )

    def is_to_watch(self, moment: datetime) -> ColumnElement[bool]:
        """An SME of the city is waited for, or nobody of the city follows an introduction up."""
        state, pair = self.state(moment), self.pair.c
        ours = true() if self.city is None else col(Account.city_code) == self.city
        followed = exists().where(
            col(CaseNote.event_id) == pair.event_id,
            col(CaseNote.a_id) == pair.a_id,
            col(CaseNote.b_id) == pair.b_id,
            col(CaseNote.kind) == NoteKind.FOLLOWS,
            col(Account.id) == CaseNote.account_id,
            ours,
        )
        return or_(state == CaseState.YOURS, and_(state == CaseState.INTRODUCED, ~followed))

    def rows(self, moment: datetime) -> Any:
        """Everything of each case: what needs the broker first, the longest waiting first, then the newest."""
        watch = self.is_to_watch(moment)
        since = func.coalesce(col(Introduction.made_at), self.a_says.answered_at, self.b_says.answered_at)
        first = select(func.min(Account.id)).where(Account.role == Role.BROKER, col(Account.active))
        brokers = first.group_by(col(Account.city_code))
        made = col(Introduction.id).is_not(None)  # law 7: contacts only then
        a, b = self.a, self.b
        query: Any = sa_select(
            *(Event, City, self.state(moment), col(Introduction.made_at)),
            *(a.id, a.name, a.city_code, a.sector_code, self.a_says, self.a_contact, self.a_broker),
            *(b.id, b.name, b.city_code, b.sector_code, self.b_says, self.b_contact, self.b_broker),
        )
        return (
            self.joined(query)
            .join(City, col(City.code) == Event.city_code)
            .outerjoin(self.a_contact, (self.a_contact.sme_id == a.id) & made)
            .outerjoin(self.b_contact, (self.b_contact.sme_id == b.id) & made)
            .outerjoin(self.a_broker, (self.a_broker.city_code == a.city_code) & self.a_broker.id.in_(brokers) & made)
            .outerjoin(self.b_broker, (self.b_broker.city_code == b.city_code) & self.b_broker.id.in_(brokers) & made)
            .order_by(case((watch, 0), else_=1), case((watch, since)), since.desc(), a.id, b.id)
        )

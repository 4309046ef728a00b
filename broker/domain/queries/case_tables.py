"""The tables that a case is made of, and how far a pair is."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, literal, or_, true, union
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from broker.domain.queries.todo import MOMENT
from broker.models import Account, Answer, CaseNote, City, Contact, Event, Interest, Introduction, NoteKind, Role, Sme

CITY: Any = bindparam("city")


class CaseState(StrEnum):
    """How far a pair is, as the brokers of one city see it."""

    YOURS = "yours"
    INTRODUCED = "introduced"
    THEIRS = "theirs"
    CLOSED = "closed"


class CaseTables:
    """The tables that a case is made of, under the names that the two sides have in it.

    Its statements are large, so they are built once, for every city or for the one given as CITY, at any MOMENT."""

    def __init__(self, everywhere: bool) -> None:
        self.everywhere = everywhere
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
        if self.everywhere:
            return true()
        ours = select(Sme.id).where(Sme.city_code == CITY)
        return or_(col(one).in_(ours), col(other).in_(ours))

    def joined(self, query: Any, pairs: Any) -> Any:
        """A query from pairs (event_id, a_id, b_id) with what both sides said."""
        pair, event_id = pairs.c, pairs.c.event_id
        of_a = (self.a_says.sme_id == pair.a_id) & (self.a_says.partner_id == pair.b_id)
        of_b = (self.b_says.sme_id == pair.b_id) & (self.b_says.partner_id == pair.a_id)
        made = (col(Introduction.a_id) == pair.a_id) & (col(Introduction.b_id) == pair.b_id)
        return (
            query.select_from(pairs)
            .join(Event, col(Event.id) == event_id)
            .join(self.a, self.a.id == pair.a_id)
            .join(self.b, self.b.id == pair.b_id)
            .outerjoin(self.a_says, of_a & (self.a_says.event_id == event_id))
            .outerjoin(self.b_says, of_b & (self.b_says.event_id == event_id))
            .outerjoin(Introduction, made & (col(Introduction.event_id) == event_id))
        )

    def state(self) -> ColumnElement[str]:
        """The CaseState of a pair."""
        a_open, b_open = self.a_says.id.is_(None), self.b_says.id.is_(None)
        is_open = and_(or_(a_open, b_open), col(Event.answers_until) >= MOMENT)
        if self.everywhere:
            is_yours: ColumnElement[bool] = true()
        else:
            is_yours = or_(and_(a_open, self.a.city_code == CITY), and_(b_open, self.b.city_code == CITY))
        return case(
            (col(Introduction.id).is_not(None), literal(CaseState.INTRODUCED.value)),
            (and_(is_open, is_yours), literal(CaseState.YOURS.value)),
            (is_open, literal(CaseState.THEIRS.value)),
            else_=literal(CaseState.CLOSED.value),
        )

    def is_to_watch(self) -> ColumnElement[bool]:
        """An SME of the city is waited for, or nobody of the city follows an introduction up."""
        state, pair = self.state(), self.pair.c
        ours = true() if self.everywhere else col(Account.city_code) == CITY
        followed = exists().where(
            col(CaseNote.event_id) == pair.event_id,
            col(CaseNote.a_id) == pair.a_id,
            col(CaseNote.b_id) == pair.b_id,
            col(CaseNote.kind) == NoteKind.FOLLOWS,
            col(Account.id) == CaseNote.account_id,
            ours,
        )
        return or_(state == CaseState.YOURS, and_(state == CaseState.INTRODUCED, ~followed))

    def each(self) -> Any:
        """Of each pair its ids, its `state`, whether to `watch` it, and `since` when it is a case."""
        pair = self.pair.c
        since = func.coalesce(col(Introduction.made_at), self.a_says.answered_at, self.b_says.answered_at)
        columns = (pair.event_id, pair.a_id, pair.b_id, self.state().label("state"), since.label("since"))
        return self.joined(sa_select(*columns, self.is_to_watch().label("watch")), self.pair).subquery()

    def rows(self, found: Any) -> Any:
        """Everything of each case in `found`, a part of `each` with how many there are in all (`total`)."""
        first = select(func.min(Account.id)).where(Account.role == Role.BROKER, col(Account.active))
        brokers = first.group_by(col(Account.city_code))
        a, b, made = self.a, self.b, col(Introduction.id).is_not(None)  # law 7: contacts only then
        query = sa_select(
            *(found.c.total, Event, City, found.c.state, col(Introduction.made_at)),
            *(a.id, a.name, a.city_code, a.sector_code, self.a_says, self.a_contact, self.a_broker),
            *(b.id, b.name, b.city_code, b.sector_code, self.b_says, self.b_contact, self.b_broker),
        )
        return (
            self.joined(query, found)
            .join(City, col(City.code) == Event.city_code)
            .outerjoin(self.a_contact, (self.a_contact.sme_id == a.id) & made)
            .outerjoin(self.b_contact, (self.b_contact.sme_id == b.id) & made)
            .outerjoin(self.a_broker, (self.a_broker.city_code == a.city_code) & self.a_broker.id.in_(brokers) & made)
            .outerjoin(self.b_broker, (self.b_broker.city_code == b.city_code) & self.b_broker.id.in_(brokers) & made)
            .order_by(*urgent_first(found.c))
        )


def urgent_first(each: Any) -> list[ColumnElement[Any]]:
    """What needs the broker first, the longest waiting first; then the newest."""
    return [case((each.watch, 0), else_=1), case((each.watch, each.since)), each.since.desc(), each.a_id, each.b_id]

"""Statements as a broker types them: kept for an hour, so that a worker can say who would see the SME."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from broker.db import insert, now, wake
from broker.domain import profiles
from broker.models import Account, City, Draft, Sector, Sme, StatementKind

TASK = "drafts.look"
KEPT = timedelta(hours=1)
SLOW = timedelta(seconds=20)
"""After so long the page says that it takes longer than usual."""
GIVEN_UP = timedelta(minutes=5)
"""After so long the page stops asking, and the sweep stops reminding."""
FORGOTTEN = timedelta(seconds=30)
"""Loading the model for the first look takes that long on a busy machine."""
MOST = 30
"""Statements of a kind, as in a profile."""
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A firm of another city that would see the SME; its name stays hidden until both say yes."""

    city: str
    sector: str
    group: str
    strength: str
    distance: str
    you_need: dict[str, Any] | None
    they_need: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the newest draft: `state` is none, waiting, slow, given_up, failed or done."""

    state: str
    draft: Draft | None
    onlookers: tuple[Onlooker, ...] = ()
    unread: int = 0
    """SMEs whose texts no worker has read yet."""


def ask(session: Session, account: Account, sme: Sme, kind: StatementKind, texts: list[str]) -> None:
    """Keep the statements of one kind, with those of the other as stored, and wake a worker. What is longer than a
    profile may hold is cut: it is only a look."""
    stored = profiles.read(session, sme)
    texts = [text[:LONGEST] for text in texts[:MOST]]
    offers, needs = (texts, stored.needs) if kind is StatementKind.OFFER else (stored.offers, texts)
    values: dict[str, Any] = {"offers": offers, "needs": needs, "asked_at": now(session), "result": None}
    statement = insert(session, Draft).values(account_id=account.id, sme_id=sme.id, turn=1, **values)
    statement = statement.on_conflict_do_update(
        index_elements=["account_id", "sme_id"], set_=values | {"turn": col(Draft.turn) + 1}
    )
    session.connection().execute(statement)
    draft = find(session, account, sme)
    assert draft is not None  # noqa: S101 - it was just written
    wake(session, TASK, draft.id)


def find(session: Session, account: Account, sme: Sme) -> Draft | None:
    """The newest draft of this account for this SME."""
    query = select(Draft).where(Draft.account_id == account.id, Draft.sme_id == sme.id)
    return session.exec(query.execution_options(populate_existing=True)).one_or_none()


def answer(session: Session, looked_at: Draft, result: dict[str, Any]) -> bool:
    """Keep what a worker found, unless the draft it looked at has changed since or another worker was first."""
    # By all that it is of: once it is dropped, a database may give its number to the draft of somebody else.
    names = ("id", "account_id", "sme_id", "turn", "asked_at")
    same = [getattr(Draft, name) == getattr(looked_at, name) for name in names]
    keep = update(Draft).where(*same, col(Draft.result).is_(None)).values(result=result)
    return bool(session.connection().execute(keep).rowcount)


def view(session: Session, account: Account, sme: Sme) -> View:
    """How far the newest draft is, and who would see the SME."""
    draft = find(session, account, sme)
    if draft is None:
        return View("none", None)
    if draft.result is None:
        age = now(session) - draft.asked_at
        return View("given_up" if age > GIVEN_UP else "slow" if age > SLOW else "waiting", draft)
    if "failed" in draft.result:
        return View("failed", draft)
    cities = {city.code: city.name for city in session.exec(select(City))}
    sectors = {sector.code: sector for sector in session.exec(select(Sector))}
    rows = [_onlooker(row, cities, sectors) for row in draft.result["onlookers"]]
    return View("done", draft, tuple(rows), draft.result["unread"])


def _onlooker(row: dict[str, Any], cities: dict[str, str], sectors: dict[str, Sector]) -> Onlooker:
    sector = sectors.get(row["sector"])
    return Onlooker(
        city=cities.get(row["city"], row["city"]),
        sector=sector.name if sector else "",
        group=sector.group if sector else "",
        strength=row["strength"],
        distance=row["distance"],
        you_need=row["you_need"],
        they_need=row["they_need"],
    )


def sweep(session: Session) -> None:
    """Drop drafts that are an hour old, and wake a worker again for those that wait though somebody looks."""
    moment = now(session)
    session.connection().execute(delete(Draft).where(col(Draft.asked_at) < moment - KEPT))
    waiting = select(Draft.id).where(
        col(Draft.result).is_(None),
        col(Draft.asked_at) < moment - FORGOTTEN,
        col(Draft.asked_at) > moment - GIVEN_UP,
    )
    for draft_id in session.exec(waiting):
        wake(session, TASK, draft_id)

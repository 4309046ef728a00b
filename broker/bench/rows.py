"""What the pages are measured over: a large city and its workshop, made of the demo's statements."""

import csv
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import access, accounts, approvals, events, imports, interests, lifecycle, sheets, tokens
from broker.domain.demo import DEMO
from broker.models import (
    Account,
    Answer,
    Interest,
    Introduction,
    Match,
    MatchRun,
    Registration,
    Review,
    Role,
    RunStatus,
    Scope,
    Shortlist,
    ShortlistEntry,
    Sme,
    SmeStatus,
    Statement,
    StatementKind,
)

CITY, ELSEWHERE = "berlin", ("pilsen", "lisbon", "tallinn", "rome", "warsaw")
PASSWORD = "bench: not a secret"  # noqa: S105 - it opens a database that is deleted at the end
BROKER, ORGANISER = "broker@bench.example", "organiser@bench.example"
PARTNERS = 5
"""Steps around the circle of SMEs by which each finds its partners: twice as many stand on its list."""
Quotes = dict[tuple[int, StatementKind], str]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of what."""

    city: int = 2000
    elsewhere: int = 500
    registered: int = 1000


@dataclass(frozen=True, slots=True)
class Made:
    """What the addresses of the pages need."""

    sme_id: int
    """Of an SME with a shortlist, in the large city."""
    review_id: int
    event_id: int
    link: str
    token: str


def make(session: Session, settings: Settings, size: Size) -> Made:
    """Fill an empty, migrated database."""
    draw = random.Random(0)  # noqa: S311 - the same rows every time
    broker = _account(session, BROKER, Role.BROKER, CITY)
    organiser = _account(session, ORGANISER, Role.ORGANISER)
    other = _account(session, "other@bench.example", Role.BROKER, ELSEWHERE[0])
    _import(session, broker, size)
    in_review = _publish(session, other)
    event_id, ids = _workshop(session, organiser, size, draw)
    quotes = _quotes(session)
    first = _run(session, event_id, ids, range(1, PARTNERS + 1), quotes, draw)
    approvals.approve(session, settings, accounts.actor(organiser), event_id)
    _answer(session, event_id, first, draw)
    _run(session, event_id, ids, (*range(1, PARTNERS), PARTNERS + 2), quotes, draw)
    shown = next(sme_id for sme_id in ids if access.cities(broker) == session.get_one(Sme, sme_id).city_code)
    registration = session.exec(
        select(Registration).where(Registration.event_id == event_id, Registration.sme_id == shown)
    ).one()
    _, secret = tokens.create(session, broker, "bench", Scope.READ, tokens.LIVES[0])
    link = interests.link(settings, registration).removeprefix(settings.public_url)
    return Made(shown, in_review, event_id, link, secret)


def _account(session: Session, email: str, role: Role, city: str | None = None) -> Account:
    return accounts.create(session, email=email, name="Somebody", role=role, city_code=city, password=PASSWORD)


def _import(session: Session, broker: Account, size: Size) -> None:
    """The demo's rows over and over, each time under other names, through the import."""
    with (DEMO / "smes.csv").open(encoding="utf-8", newline="") as file:
        known = list(csv.DictReader(file))
    cities = [*[CITY] * size.city, *islice(cycle(ELSEWHERE), size.elsewhere)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(known[0]))
    writer.writeheader()
    writer.writerows(_renamed(row, city, at) for at, (row, city) in enumerate(zip(cycle(known), cities, strict=False)))
    sheet = sheets.read("smes.csv", text.getvalue().encode())
    imports.apply(session, accounts.actor(broker), imports.preview(session, sheet), source="the benchmark")


def _renamed(row: dict[str, str], city: str, number: int) -> dict[str, str]:
    own = {"name": f"{row['name'].split()[0]} {number}", "city": city, "hub": f"Hub {number % 12}"}
    return row | own | {"email": f"sme{number}@firm.example", "website": f"https://firm{number}.example"}


def _publish(session: Session, other: Account) -> int:
    """Most are published, every 20th of them soon to expire, every 25th waits for a second broker, and every 40th is
    a draft; the id of one that waits, of another city than the broker's."""
    moment = now(session)
    smes = list(session.exec(select(Sme).order_by(col(Sme.id))))
    for at, sme in enumerate(smes):
        sme.status = SmeStatus.PUBLISHED
        sme.expires_at = moment + (timedelta(days=5) if at % 20 == 1 else lifecycle.LIFE)
        if at % 40 == 2:
            sme.status, sme.expires_at = SmeStatus.DRAFT, None
        if at % 25 == 20:
            sme.status, sme.expires_at = SmeStatus.IN_REVIEW, None
            session.add(Review(sme_id=sme.id, asked_by_id=other.id, asked_at=moment))
    session.flush()
    return max(sme.id for sme in smes if sme.status == SmeStatus.IN_REVIEW and sme.city_code != CITY)


def _workshop(session: Session, organiser: Account, size: Size, draw: random.Random) -> tuple[int, list[int]]:
    start = now(session) + timedelta(days=40)
    data = events.parse(name="Workshop", city=CITY, venue="Hall", starts=start, ends=start + timedelta(hours=8))
    event = events.create(session, "bench", data, organiser.id)
    ids = events.can_register(session)
    draw.shuffle(ids)
    ids = ids[: size.registered]
    events.register(session, "bench", event.id, ids)
    return event.id, ids


def _quotes(session: Session) -> Quotes:
    rows = session.exec(select(Statement).where(Statement.position == 0))
    return {(row.sme_id, StatementKind(row.kind)): row.text for row in rows}


def _pairs(ids: Sequence[int], steps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A circle in which each meets those some steps ahead."""
    around = {tuple(sorted((ids[at], ids[(at + step) % len(ids)]))) for at in range(len(ids)) for step in steps}
    return ((a, b) for a, b in sorted(around) if a != b)


def _run(
    session: Session, event_id: int, ids: Sequence[int], steps: Sequence[int], quotes: Quotes, draw: random.Random
) -> list[tuple[int, int]]:
    """A finished run with its draft lists, in the shape in which the engine's results are kept; its pairs."""
    moment = now(session)
    frozen = {"policy": {"max_partners": 2 * PARTNERS}, "weights": {"fit": 0.62}, "profiles": dict.fromkeys(ids, 1)}
    run = MatchRun(
        event_id=event_id,
        status=RunStatus.DONE,
        stage="done",
        requested_by="bench",
        created_at=moment,
        finished_at=moment,
        frozen=frozen,
    )
    session.add(run)
    session.flush()
    pairs = list(_pairs(ids, steps))
    _insert(session, Match, [_match(run.id, pair, quotes, draw) for pair in pairs])
    _insert(session, Shortlist, [{"run_id": run.id, "event_id": event_id, "sme_id": sme_id} for sme_id in ids])
    matches = session.exec(select(Match.id, Match.a_id, Match.b_id).where(Match.run_id == run.id)).all()
    lists = dict(session.exec(select(Shortlist.sme_id, Shortlist.id).where(Shortlist.run_id == run.id)).all())
    ranks = dict.fromkeys(ids, 0)
    entries = []
    for match_id, a_id, b_id in matches:
        for own, partner in ((a_id, b_id), (b_id, a_id)):
            ranks[own] += 1
            found = {"shortlist_id": lists[own], "partner_id": partner, "match_id": match_id, "rank": ranks[own]}
            entries.append(found)
    _insert(session, ShortlistEntry, entries)
    return pairs


def _match(run_id: int, pair: tuple[int, int], quotes: Quotes, draw: random.Random) -> dict[str, Any]:
    (a_id, b_id), strength = pair, round(draw.uniform(0.3, 0.9), 4)
    met = {"need": quotes[a_id, StatementKind.NEED], "offer": quotes[b_id, StatementKind.OFFER], "strength": "good"}
    evidence: dict[str, Any] = {
        "a_to_b": met | {"source": "offer"},
        "b_to_a": None,
        "distance": "far",
        "missing": [],
        "shares": {},
    }
    return {"run_id": run_id, "a_id": a_id, "b_id": b_id, "strength": strength, "criteria": {}, "evidence": evidence}


def _answer(session: Session, event_id: int, pairs: Sequence[tuple[int, int]], draw: random.Random) -> None:
    """One pair in five has one yes, half of those the other too: the introductions, without their mails."""
    moment = now(session)
    asked = draw.sample(pairs, len(pairs) // 5)
    met = asked[: len(asked) // 2]
    said = [*asked, *((b, a) for a, b in met)]
    _insert(session, Interest, [_yes(event_id, own, partner, moment) for own, partner in said])
    made = [{"event_id": event_id, "a_id": a, "b_id": b, "made_at": moment} for a, b in met]
    _insert(session, Introduction, made)


def _yes(event_id: int, own: int, partner: int, moment: datetime) -> dict[str, Any]:
    yes = {"answer": Answer.INTERESTED, "answered_at": moment, "reason": ""}
    return {"event_id": event_id, "sme_id": own, "partner_id": partner} | yes


def _insert(session: Session, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), rows)

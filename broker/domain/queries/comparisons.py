"""What the pages read to compare a build with the lists approved or built before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exists
from sqlmodel import Session, col, select

from broker.domain.comparison import Comparison, ListChange, Person, Seen, compare
from broker.domain.queries.shortlists import place
from broker.models import City, Match, MatchRun, Registration, RunStatus, Shortlist, ShortlistStatus, Sme

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class Named(Person):
    """An SME with its city's name."""

    city_name: str


@dataclass(frozen=True, slots=True)
class View:
    """Two runs of an event compared."""

    old: MatchRun
    new: MatchRun
    is_approved: bool
    """Whether the earlier run's lists are those the SMEs see."""
    against: str
    choices: tuple[str, ...]
    comparison: Comparison
    people: dict[int, Named]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the lists that changed."""

    rows: list[tuple[int, Named, ListChange]]
    cities: list[tuple[str, str, int]]
    """(code, name, how many lists changed) of every city in which one did."""
    total: int
    page: int
    pages: int


def view(session: Session, event_id: int, run: MatchRun | None, against: str = "") -> View | None:
    """The newest finished run (`run`) compared with the approved lists, or with the run before it; None where there is
    nothing to compare with. Two statements."""
    if run is None:
        return None
    earlier = _earlier(session, event_id, run.id)
    against = against if against in earlier else next(iter(earlier), "")
    if not against:
        return None
    old = earlier[against]
    people, strengths = _chosen(session, event_id, old.id, run.id)
    found = compare(_seen(old, strengths[old.id]), _seen(run, strengths[run.id]), people)
    return View(old, run, old is earlier.get("approved"), against, tuple(earlier), found, people)


def _earlier(session: Session, event_id: int, run_id: int) -> dict[str, MatchRun]:
    """What a run can be compared with: the run whose lists are approved, and the one before it."""
    approved = exists().where(col(Shortlist.run_id) == MatchRun.id, col(Shortlist.status) == ShortlistStatus.APPROVED)
    done = (MatchRun.event_id == event_id, MatchRun.status == RunStatus.DONE, col(MatchRun.id) < run_id)
    before = select(MatchRun.id).where(*done).order_by(col(MatchRun.id).desc()).limit(1).scalar_subquery()
    rows = session.exec(
        select(MatchRun, approved)
        .where(*done, approved | (col(MatchRun.id) == before))
        .order_by(col(MatchRun.id).desc())
    ).all()
    found = [("approved", run) for run, is_approved in rows if is_approved]
    return dict(found) | ({"last": rows[0][0]} if rows else {})


def _chosen(
    session: Session, event_id: int, *run_ids: int
) -> tuple[dict[int, Named], dict[int, dict[tuple[int, int], float]]]:
    """The SMEs of the event and of its runs, by name, and the strength of each pair a run chose: an SME or a pair a
    row, so that one statement brings both."""
    of_runs = col(Match.run_id).in_(run_ids)
    registered = select(Registration.sme_id).where(Registration.event_id == event_id)
    matched = [select(column).where(of_runs) for column in (Match.a_id, Match.b_id)]
    smes: Any = (
        sa.select(
            col(Sme.id).label("first"),
            col(Sme.name).label("name"),
            *(col(Sme.city_code), col(Sme.sector_code), col(City.name)),
            *[sa.null()] * 3,
        )
        .join(City, col(City.code) == Sme.city_code)
        .where(col(Sme.id).in_(registered.union(*matched)))
    )
    pairs = sa.select(col(Match.a_id), *[sa.null()] * 4, col(Match.run_id), col(Match.b_id), col(Match.strength))
    rows = session.connection().execute(smes.union_all(pairs.where(of_runs)).order_by("name", "first"))
    people: dict[int, Named] = {}
    strengths: dict[int, dict[tuple[int, int], float]] = {run_id: {} for run_id in run_ids}
    for sme_id, name, city, sector, city_name, run_id, partner, strength in rows:
        if run_id is None:
            people[sme_id] = Named(name, city, sector or "", city_name)
        else:
            strengths[run_id][sme_id, partner] = strength
    return people, strengths


def _seen(run: MatchRun, strengths: Mapping[tuple[int, int], float]) -> Seen:
    """A run as it is compared, from what it froze."""
    frozen: Mapping[str, Any] = run.frozen
    weights = {f"weight {name}": value for name, value in frozen.get("weights", {}).items()}
    kept = {"model": run.model, "background": frozen.get("background", "")}
    return Seen(
        strengths=strengths,
        versions={int(sme_id): version for sme_id, version in frozen.get("profiles", {}).items()},
        settings={**frozen.get("policy", {}), **weights, **kept, "seed": run.seed},
        pairs={kind: frozenset((one, other) for one, other in rows) for kind, rows in frozen.get("pairs", {}).items()},
    )


def page(found: View, city: str = "", number: int = 1) -> Page:
    """The lists that changed, by the name of their SME, of one city or of all."""
    changed = [(sme_id, person) for sme_id, person in found.people.items() if sme_id in found.comparison.lists]
    names = {person.city: person.city_name for _, person in changed}
    counted = [(code, names[code], sum(person.city == code for _, person in changed)) for code in names]
    wanted = [(sme_id, person) for sme_id, person in changed if city in ("", person.city)]
    number, pages, first = place(number, len(wanted), PAGE_SIZE)
    rows = [(sme_id, person, found.comparison.lists[sme_id]) for sme_id, person in wanted[first : first + PAGE_SIZE]]
    return Page(rows, sorted(counted, key=lambda row: row[1]), len(wanted), number, pages)


def rules_changed(run: MatchRun, pins: frozenset[tuple[int, int]], bans: frozenset[tuple[int, int]]) -> bool:
    """Whether pins or bans are others than those the run was built with."""
    kept = run.frozen.get("pairs", {})
    return any(
        {(one, other) for one, other in kept.get(kind, [])} != there for kind, there in (("pin", pins), ("ban", bans))
    )

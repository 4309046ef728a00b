"""What a run came to, written in one transaction: matches, draft shortlists, and the run's own end."""

import hashlib
from dataclasses import asdict

from sqlalchemy import delete
from sqlmodel import Session, col

import matching
from broker.db import wake
from broker.domain import mail_drafts, runs
from broker.models import Match, MatchRun, RunStatus, Shortlist, ShortlistEntry, ShortlistStatus


def keep(session: Session, run: MatchRun, result: matching.Result, model: str, frozen: dict[str, object]) -> None:
    """Write the matches and draft shortlists of a run; drafts of earlier runs of the event go."""
    # Said of the rows themselves: drafts that somebody approves at this moment are no drafts any more.
    stale = (col(Shortlist.event_id) == run.event_id) & (col(Shortlist.status) == ShortlistStatus.DRAFT)
    session.connection().execute(delete(Shortlist).where(stale))
    mail_drafts.drop(session, run.event_id)
    match_ids = _keep_matches(session, run.id, result)
    shortlists = {
        sme_id: Shortlist(
            run_id=run.id,
            event_id=run.event_id,
            sme_id=int(sme_id),
            shortfall=asdict(result.short[sme_id]) if sme_id in result.short else {},
        )
        for sme_id in sorted(result.lists, key=int)
    }
    session.add_all(shortlists.values())
    session.flush()
    for sme_id, shortlist in shortlists.items():
        for rank, partner in enumerate(result.lists[sme_id], start=1):
            session.add(
                ShortlistEntry(
                    shortlist_id=shortlist.id,
                    partner_id=int(partner),
                    match_id=match_ids[frozenset((sme_id, partner))],
                    rank=rank,
                )
            )
    run.model, run.frozen, run.gap = model, frozen, result.gap
    run.report = {"rings": [asdict(ring) for ring in result.rings], "relaxations": list(result.relaxations)}
    run.result_hash = hashlib.sha256(result.to_json()).hexdigest()
    runs.finish(session, run, RunStatus.DONE)
    wake(session, "shortlists.prepare", run.event_id)


def _keep_matches(session: Session, run_id: int, result: matching.Result) -> dict[frozenset[str], int]:
    rows: dict[frozenset[str], Match] = {}
    for match in result.matches:
        swap = int(match.a) > int(match.b)  # the engine orders ids as texts, we as numbers
        one, other = (match.b, match.a) if swap else (match.a, match.b)
        rows[frozenset((one, other))] = Match(
            run_id=run_id,
            a_id=int(one),
            b_id=int(other),
            strength=match.strength,
            criteria=dict(match.criteria),
            evidence=_evidence(match, swap),
        )
    session.add_all(rows.values())
    session.flush()
    return {pair: row.id for pair, row in rows.items()}


def _evidence(match: matching.Match, swap: bool) -> dict[str, object]:
    """What the pages quote: `a_to_b` is a's need met by b's offer, with a the smaller id."""
    forth, back = (match.b_to_a, match.a_to_b) if swap else (match.a_to_b, match.b_to_a)
    return {
        "a_to_b": asdict(forth) if forth else None,
        "b_to_a": asdict(back) if back else None,
        "distance": match.distance,
        "missing": list(match.missing),
        "shares": dict(match.shares),
    }

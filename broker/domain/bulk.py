"""One action on many SMEs: ask for a second broker, publish, renew, pause, resume."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col

from broker.db import now
from broker.domain import accounts, audit, changes, reviews
from broker.domain.changes import TERM
from broker.domain.completeness import needed
from broker.domain.lifecycle import BACK, LIFE, MOVES, Step, is_due, resumed
from broker.domain.records import load_records
from broker.errors import InvalidError
from broker.models import Account, Sme, SmeStatus


class BulkAction(StrEnum):
    """What can be done with many SMEs at once."""

    ASK = "ask"
    PUBLISH = "publish"
    RENEW = "renew"
    PAUSE = "pause"
    RESUME = "resume"


FROM = {action: MOVES[Step(action)].before for action in BulkAction}
"""In which states an action means anything; the others are left as they are."""


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """How many were changed, how many were left because they are of which status, and by what to undo it."""

    changed: int
    left: dict[SmeStatus, int]
    set_id: int | None


def act(session: Session, account: Account, action: BulkAction, smes: Sequence[Sme]) -> BulkOutcome:
    """Do it for every SME for which it means anything; `smes` are locked. InvalidError without any.

    A resumed or renewed SME is what `lifecycle.resumed` says. Drafts that lack something, and what is renewed before
    its time or lacks something, are left as they are."""
    if not smes:
        raise InvalidError("Tick the SMEs first, then choose what to do with them.")
    fitting = _fitting(session, action, smes)
    left = dict(Counter(sme.status for sme in smes if sme not in fitting))
    before = {sme.id: _image(action, sme) for sme in fitting}
    if not fitting:
        return BulkOutcome(0, left, None)
    _set_statuses(session, action, fitting)
    if action is BulkAction.ASK:
        reviews.open_many(session, account, fitting)
    change_set = changes.keep(session, account, action, before)
    detail = {"smes": sorted(before), "left": sum(left.values())}
    audit.record(session, accounts.actor(account), f"profiles: {action}", f"change:{change_set.id}", **detail)
    return BulkOutcome(len(fitting), left, change_set.id)


def _fitting(session: Session, action: BulkAction, smes: Sequence[Sme]) -> list[Sme]:
    fitting = [sme for sme in smes if sme.status in FROM[action]]
    if action is BulkAction.RENEW:
        moment = now(session)
        fitting = [sme for sme in fitting if is_due(sme, moment)]
    if action in (BulkAction.ASK, BulkAction.RENEW):
        records = load_records(session, col(Sme.id).in_([sme.id for sme in fitting]))
        fitting = [sme for sme in fitting if not needed(records[sme.id].facts)]
    return fitting


def _image(action: BulkAction, sme: Sme) -> dict[str, Any]:
    """What an undo writes back."""
    image: dict[str, Any] = {"status": sme.status.value, "paused_from": sme.paused_from}
    if action is BulkAction.RENEW:
        image |= {name: at.isoformat() for name in TERM if (at := getattr(sme, name)) is not None}
    return image


def _set_statuses(session: Session, action: BulkAction, smes: Sequence[Sme]) -> None:
    moment, is_back = now(session), Step(action) in BACK
    records = load_records(session, col(Sme.id).in_([sme.id for sme in smes])) if is_back else {}
    for sme in smes:
        paused_from, sme.paused_from = sme.paused_from, None
        sme.status = MOVES[Step(action)].after
        if is_back:
            sme.status = resumed(paused_from, records[sme.id].facts)
        if action in (BulkAction.PUBLISH, BulkAction.RENEW):
            sme.expires_at, sme.reminded_at = moment + LIFE, None
        sme.version, sme.updated_at = sme.version + 1, moment
        session.add(sme)
    session.flush()

"""Changes of many profiles at once that can be undone: how each was before, kept for a month.

An undo writes back what was there, and leaves alone what somebody changed or relies on since."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, insert, update
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import access, accounts, audit, reviews
from broker.domain.lifecycle import Step
from broker.domain.records import CHUNK, chunks, load_records, save_many
from broker.domain.reliance import relied_on
from broker.errors import ConflictError
from broker.models import Account, ChangeSet, Consent, Contact, Hub, ImportFile, ProfileChange, Sme, SmeStatus

LIFE = timedelta(days=30)
"""So long a change can be undone; then what it replaced is forgotten."""
CHANGED = "it was changed since"
MOVED = "it is not of your city any more"
NAME_TAKEN = "another SME has its old name now"
TERM = ("expires_at", "reminded_at")
Image = dict[str, Any]
"""What is written back: `status`, where that alone was changed `paused_from` and where it was renewed its TERM, and
where more than that was changed `facts`, `contact` and `consents`."""


def images(session: Session, sme_ids: Collection[int]) -> dict[int, Image]:
    """Whole profiles as they are now, to be written back exactly."""
    found: dict[int, Image] = {}
    for part in chunks(sorted(sme_ids)):
        records = load_records(session, col(Sme.id).in_(part))
        reachable = set(session.exec(select(Contact.sme_id).where(col(Contact.sme_id).in_(part))))
        for sme_id, status in session.exec(select(Sme.id, Sme.status).where(col(Sme.id).in_(part))):
            facts = {name: value for name, value in records[sme_id].facts.items() if name != "consent"}
            found[sme_id] = {"status": status, "facts": facts, "contact": sme_id in reachable, "consents": []}
        for consent in session.exec(select(Consent).where(col(Consent.sme_id).in_(part))):
            found[consent.sme_id]["consents"].append(consent.model_dump(mode="json", exclude={"id", "sme_id"}))
    return found


def keep(
    session: Session,
    account: Account,
    action: str,
    before: Mapping[int, Image | None],
    *,
    import_id: int | None = None,
    hubs: Sequence[int] = (),
) -> ChangeSet:
    """Remember a change just made: each SME's image before it, None for one it made."""
    change_set = ChangeSet(
        at=now(session),
        account_id=account.id,
        actor=accounts.actor(account)[:120],
        action=action,
        import_id=import_id,
        hubs=list(hubs),
    )
    session.add(change_set)
    session.flush()
    for part in chunks(sorted(before)):
        versions = session.exec(select(Sme.id, Sme.version).where(col(Sme.id).in_(part)))
        rows = [
            {"set_id": change_set.id, "sme_id": sme_id, "version": version, "before": before[sme_id]}
            for sme_id, version in versions
        ]
        session.execute(insert(ProfileChange), rows, execution_options={"render_nulls": True})
    return change_set


def of_import(session: Session, import_id: int) -> ChangeSet | None:
    """What an import changed; None where that was not kept."""
    return session.exec(select(ChangeSet).where(ChangeSet.import_id == import_id)).one_or_none()


def can_undo(session: Session, change_set: ChangeSet) -> bool:
    """Whether it was not undone and is not too old."""
    return change_set.undone_at is None and change_set.at > now(session) - LIFE


def follow(session: Session, sme_id: int, before: int, after: int) -> None:
    """The service itself raised a version: that is nobody's change, so what came before can still be undone."""
    same = col(ProfileChange.sme_id) == sme_id, col(ProfileChange.version) == before
    session.execute(update(ProfileChange).where(*same).values(version=after))


def undo(session: Session, account: Account, set_id: int) -> ChangeSet:
    """Write back what was there before, delete what was made; `left` of the result says what was left alone and why.

    Works once (ConflictError), for who may (NotFoundError). What the changes replaced is forgotten after it."""
    change_set = access.change_set(session, account, set_id, lock=True)
    if change_set.undone_at is not None:
        raise ConflictError("This was undone already.")
    if not can_undo(session, change_set):
        raise ConflictError(f"This is more than {LIFE.days} days old; what was there before is not kept any longer.")
    city, moment = access.cities(account), now(session)
    left: dict[int, str] = {}
    for part in _parts(session, set_id, made=True):
        gone, kept = _remove(session, part, city)
        left |= kept
        change_set.removed += gone
    for part in _parts(session, set_id, made=False):
        restored, kept = _restore(session, part, city, moment)
        left |= kept
        change_set.restored += len(restored)
        if change_set.action == Step.ASK:  # nothing happened to these since, so what is open was opened by this
            reviews.unask(session, restored)
    _remove_hubs(session, change_set.hubs)
    session.execute(delete(ProfileChange).where(col(ProfileChange.set_id) == set_id))
    if change_set.import_id is not None:
        file = session.get_one(ImportFile, change_set.import_id)
        file.outcome = file.outcome | {"undone": 1}
    change_set.undone_at, change_set.left = moment, {str(sme_id): reason for sme_id, reason in left.items()}
    session.add(change_set)
    counts = {"restored": change_set.restored, "removed": change_set.removed, "left": len(left)}
    audit.record(session, accounts.actor(account), f"{change_set.action} undone", f"change:{set_id}", **counts)
    session.flush()
    return change_set


def _parts(session: Session, set_id: int, *, made: bool) -> Iterator[dict[int, ProfileChange]]:
    """The changes of a set in pieces by SME id; those that made the profile, or the others."""
    last = 0
    is_made = col(ProfileChange.before).is_(None) if made else col(ProfileChange.before).is_not(None)
    while True:
        page = (
            select(ProfileChange)
            .where(ProfileChange.set_id == set_id, ProfileChange.sme_id > last, is_made)
            .order_by(col(ProfileChange.sme_id))
            .limit(CHUNK)
        )
        part = {change.sme_id: change for change in session.exec(page)}
        if not part:
            return
        yield part
        last = max(part)


def _locked(session: Session, sme_ids: Collection[int]) -> list[Sme]:
    """As they are, and as they stay until the end of the transaction."""
    query = select(Sme).where(col(Sme.id).in_(sme_ids)).order_by(col(Sme.id)).with_for_update()
    return list(session.exec(query.execution_options(populate_existing=True)))


def _untouched(
    smes: Sequence[Sme], part: Mapping[int, ProfileChange], city: str | None
) -> tuple[list[Sme], dict[int, str]]:
    left = {}
    for sme in smes:
        if city not in (None, sme.city_code):
            left[sme.id] = MOVED
        elif sme.version != part[sme.id].version:
            left[sme.id] = CHANGED
    return [sme for sme in smes if sme.id not in left], left


def _remove(session: Session, part: Mapping[int, ProfileChange], city: str | None) -> tuple[int, dict[int, str]]:
    smes, left = _untouched(_locked(session, part), part, city)
    left |= relied_on(session, [sme.id for sme in smes])
    gone = [sme.id for sme in smes if sme.id not in left]
    session.execute(delete(Sme).where(col(Sme.id).in_(gone)))
    return len(gone), left


def _restore(
    session: Session, part: Mapping[int, ProfileChange], city: str | None, moment: datetime
) -> tuple[list[int], dict[int, str]]:
    smes, left = _untouched(_locked(session, part), part, city)
    before = {sme.id: part[sme.id].before or {} for sme in smes}
    left |= {sme.id: NAME_TAKEN for sme in smes if _is_name_taken(session, sme, before[sme.id])}
    smes = [sme for sme in smes if sme.id not in left]
    whole = [sme for sme in smes if "facts" in before[sme.id]]
    _write_back(session, {sme.id: before[sme.id] for sme in whole}, moment)
    for sme in smes:
        if sme not in whole:
            sme.version, sme.updated_at = sme.version + 1, moment
        _set_back(sme, before[sme.id])
        session.add(sme)
        follow(session, sme.id, part[sme.id].version - 1, sme.version)
    session.flush()
    return [sme.id for sme in smes], left


def _set_back(sme: Sme, before: Image) -> None:
    sme.status = SmeStatus(before["status"])
    if "paused_from" in before:
        sme.paused_from = before["paused_from"] and SmeStatus(before["paused_from"])
    if "expires_at" in before:  # what can be renewed always has an end
        for name in TERM:
            at = before.get(name)
            setattr(sme, name, datetime.fromisoformat(at) if at else None)


def _is_name_taken(session: Session, sme: Sme, before: Image) -> bool:
    name = before.get("facts", {}).get("name", sme.name)
    if name == sme.name:
        return False
    same = select(Sme.id).where(Sme.city_code == sme.city_code, Sme.name == name)
    return session.exec(same).first() is not None


def _write_back(session: Session, before: Mapping[int, Image], moment: datetime) -> None:
    """Everything of the profiles but their version, which counts on."""
    if not before:
        return
    records = load_records(session, col(Sme.id).in_(before))
    save_many(session, [(records[sme_id], image["facts"]) for sme_id, image in before.items()], moment)
    unreachable = [sme_id for sme_id, image in before.items() if not image["contact"]]
    session.execute(delete(Contact).where(col(Contact.sme_id).in_(unreachable)))
    session.execute(delete(Consent).where(col(Consent.sme_id).in_(before)))
    consents = (consent | {"sme_id": sme_id} for sme_id, image in before.items() for consent in image["consents"])
    session.add_all(Consent.model_validate(consent) for consent in consents)


def _remove_hubs(session: Session, hub_ids: Collection[int]) -> None:
    """Those made for the change, where no SME sits by now."""
    is_used = exists().where(col(Sme.hub_id) == col(Hub.id))
    session.execute(delete(Hub).where(col(Hub.id).in_(hub_ids), ~is_used))


def prune(session: Session) -> int:
    """Forget what changes replaced that cannot be undone any more; how many profiles."""
    old = select(ChangeSet.id).where(col(ChangeSet.at) < now(session) - LIFE)
    return session.connection().execute(delete(ProfileChange).where(col(ProfileChange.set_id).in_(old))).rowcount

"""What an SME wants changed in its profile: it proposes, its broker accepts all of it, some of it, or nothing."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit, profiles
from broker.domain.profiles import ProfileData
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Proposal, ProposalStatus, Sme

FIELDS = ("description", "needs", "offers", "languages", "markets", "website")
"""What an SME may ask to change; the rest its broker confirms in person."""
MAX_NOTE = 1000


def propose(session: Session, sme: Sme, wished: Mapping[str, Any]) -> Proposal:
    """Ask for these values. The caller holds the SME's row, so that two at once cannot both be the open one.

    ConflictError while another waits, InvalidError for a value no profile can hold or where nothing is different."""
    if open_of(session, sme) is not None:
        raise ConflictError("Your last proposal still waits for your broker. Take it back first to make another.")
    before = profiles.read(session, sme)
    wanted = profiles.parse(**before.model_dump() | {name: wished[name] for name in FIELDS if name in wished})
    changed = [name for name in FIELDS if getattr(wanted, name) != getattr(before, name)]
    if not changed:
        raise InvalidError("Nothing is different: this is what your profile says already.")
    proposal = Proposal(
        sme_id=sme.id,
        version=sme.version,
        before={name: getattr(before, name) for name in changed},
        after={name: getattr(wanted, name) for name in changed},
        made_at=now(session),
    )
    session.add(proposal)
    session.flush()
    audit.record(session, f"sme {sme.id}", "proposal.make", f"sme:{sme.id}", fields=changed)
    return proposal


def open_of(session: Session, sme: Sme) -> Proposal | None:
    """The proposal that waits for the broker, if any."""
    is_open = Proposal.sme_id == sme.id, Proposal.status == ProposalStatus.OPEN
    return session.exec(select(Proposal).where(*is_open)).one_or_none()


def latest(session: Session, sme: Sme) -> Proposal | None:
    """The newest proposal, whatever became of it."""
    newest = select(Proposal).where(Proposal.sme_id == sme.id).order_by(col(Proposal.id).desc()).limit(1)
    return session.exec(newest).one_or_none()


def withdraw(session: Session, sme: Sme) -> None:
    """The SME takes its open proposal back; NotFoundError where none is open (any more)."""
    proposal = open_of(session, sme)
    if proposal is None:
        raise NotFoundError("There is no proposal to take back: your broker has answered it.")
    _settle(session, f"sme {sme.id}", proposal, ProposalStatus.WITHDRAWN)


def accept(
    session: Session, actor: str, sme: Sme, proposal: Proposal, fields: Collection[str], version: int, note: str = ""
) -> list[str]:
    """Take these fields over into the profile, and say which. The caller holds the SME's row.

    version: of the profile that was compared with. ConflictError if it is another one by now or the proposal is not
    open any more; InvalidError if nothing was chosen or the profile cannot hold it."""
    _check_open(proposal)
    if version != sme.version:
        raise ConflictError("The profile changed while you compared it. Nothing was taken over: look again.")
    chosen = [name for name in FIELDS if name in fields and name in proposal.after]
    if not chosen:
        raise InvalidError("Tick what you take over. To take over nothing, decline the proposal.")
    wanted = profiles.read(session, sme).model_dump() | {name: proposal.after[name] for name in chosen}
    profiles.update(session, actor, sme, profiles.parse(**wanted))
    proposal.accepted = chosen
    _settle(session, actor, proposal, ProposalStatus.ACCEPTED, note)
    return chosen


def decline(session: Session, actor: str, proposal: Proposal, note: str = "") -> None:
    """Change nothing, and tell the SME so; ConflictError if the proposal is not open any more."""
    _check_open(proposal)
    _settle(session, actor, proposal, ProposalStatus.DECLINED, note)


def _check_open(proposal: Proposal) -> None:
    if proposal.status is not ProposalStatus.OPEN:
        raise ConflictError("This proposal was answered or taken back meanwhile, so nothing was changed.")


def _settle(session: Session, actor: str, proposal: Proposal, status: ProposalStatus, note: str = "") -> None:
    note = note.replace("\r\n", "\n").strip()
    if len(note) > MAX_NOTE:
        raise InvalidError(f"Your note is {len(note)} letters long. Say it in at most {MAX_NOTE}.")
    proposal.status, proposal.settled_at, proposal.note = status, now(session), note
    session.add(proposal)
    session.flush()
    audit.record(session, actor, f"proposal.{status}", f"sme:{proposal.sme_id}", fields=proposal.accepted)


def stands_now(proposal: Proposal, profile: ProfileData) -> dict[str, Any]:
    """What the profile holds today in the fields of a proposal."""
    return {name: getattr(profile, name) for name in FIELDS if name in proposal.after}

"""What SMEs wait for their broker to do: a proposed change of a profile, an erasure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from broker.domain import profiles, proposals
from broker.models import Proposal, Sme


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a proposal: what it held when the SME wrote, what it holds now, what it should hold."""

    field: str
    before: Any
    now: Any
    after: Any

    @property
    def changed_since(self) -> bool:
        """Whether somebody changed the field after the SME had looked at it."""
        return bool(self.before != self.now)


@dataclass(frozen=True, slots=True)
class Requests:
    """What one SME waits for. `differences` are of its open proposal; what the profile says by now is left out."""

    sme: Sme
    proposal: Proposal | None
    differences: list[Difference]

    @property
    def erasure_asked_at(self) -> datetime | None:
        """Since when it waits to be erased."""
        return self.sme.erasure_asked_at


def of_sme(session: Session, sme: Sme) -> Requests:
    """What one SME waits for, with the proposed change beside the profile as it is."""
    proposal = proposals.open_of(session, sme)
    return Requests(sme, proposal, differences(session, sme, proposal) if proposal else [])


def differences(session: Session, sme: Sme, proposal: Proposal) -> list[Difference]:
    """Field by field what would change if all of it were accepted now."""
    held = proposals.stands_now(proposal, profiles.read(session, sme))
    return [
        Difference(name, proposal.before.get(name), value, proposal.after[name])
        for name, value in held.items()
        if value != proposal.after[name]
    ]

"""What the engine computed and what the SMEs answered."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime, text_enum


class RunStatus(StrEnum):
    """A run's life; every end is final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MatchRun(SQLModel, table=True):
    """One frozen computation: what it saw, how far it is, and the hash of what came out."""

    __table_args__ = (
        # One run at a time for an event: a second one would only compute the same.
        Index(
            "ix_matchrun_active",
            "event_id",
            unique=True,
            sqlite_where=text("status IN ('queued', 'running')"),
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
    )

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id", index=True)
    status: RunStatus = Field(default=RunStatus.QUEUED, sa_type=text_enum(RunStatus))
    seed: int = 0
    requested_by: str = Field(default="", max_length=120)
    created_at: datetime = Field(sa_type=UTCDateTime)
    # progress, and the lease of the worker that has it
    stage: str = Field(default="queued", max_length=40)
    done: int = 0
    total: int = 0
    owner: str | None = Field(default=None, max_length=80)
    heartbeat_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    attempts: int = 0
    cancel_requested: bool = False
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    error: str = ""
    # what it saw and what came out
    model: str = Field(default="", max_length=80)
    frozen: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """Policy, weights, a hash of all inputs, and the version of every profile it saw, by id."""
    result_hash: str = Field(default="", max_length=64)
    gap: float | None = None
    """How far the selection may be from the best there is, as a share of it."""
    report: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": text("'{}'")}
    )
    """What it found beside the lists: `rings` (members and quotes) and `relaxations` (sentences)."""


class Match(SQLModel, table=True):
    """A computed pair that was selected; `a_id` < `b_id`."""

    __table_args__ = (UniqueConstraint("run_id", "a_id", "b_id"),)

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="matchrun.id", index=True, ondelete="CASCADE")
    a_id: int = Field(foreign_key="sme.id", ondelete="CASCADE")
    b_id: int = Field(foreign_key="sme.id", ondelete="CASCADE")
    strength: float
    criteria: dict[str, float] = Field(default_factory=dict, sa_type=JSON)
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """Quotes for both directions, distance, what the pair lacks, and what each criterion adds to the strength."""


class ShortlistStatus(StrEnum):
    """Draft until an organiser approves it; replaced when a later run is approved."""

    DRAFT = "draft"
    APPROVED = "approved"
    REPLACED = "replaced"


class Shortlist(SQLModel, table=True):
    """The ranked partners one SME is shown."""

    __table_args__ = (UniqueConstraint("run_id", "sme_id"),)

    id: int = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="matchrun.id", index=True, ondelete="CASCADE")
    event_id: int = Field(foreign_key="event.id", index=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    status: ShortlistStatus = Field(default=ShortlistStatus.DRAFT, sa_type=text_enum(ShortlistStatus))
    shortfall: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """Why it is shorter than the policy asks, where it is, and what would help."""


class ShortlistEntry(SQLModel, table=True):
    """One partner on a shortlist."""

    __table_args__ = (UniqueConstraint("shortlist_id", "partner_id"),)

    id: int = Field(default=None, primary_key=True)
    shortlist_id: int = Field(foreign_key="shortlist.id", index=True, ondelete="CASCADE")
    partner_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    match_id: int = Field(foreign_key="match.id", ondelete="CASCADE")
    rank: int


class Answer(StrEnum):
    """What an SME says to a partner it was shown."""

    INTERESTED = "interested"
    NOT_NOW = "not_now"
    NEVER = "never"
    KNOWN = "known"


class Interest(SQLModel, table=True):
    """An expression of interest: the newest answer of one SME about another at an event."""

    __table_args__ = (UniqueConstraint("event_id", "sme_id", "partner_id"),)

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id", index=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    partner_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    answer: Answer = Field(sa_type=text_enum(Answer))
    answered_at: datetime = Field(sa_type=UTCDateTime)
    reason: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    """Why, in its own words, if it says: for its broker and the organiser, never for the partner."""


class Introduction(SQLModel, table=True):
    """Both said yes: contacts were disclosed and both brokers informed; `a_id` < `b_id`."""

    __table_args__ = (UniqueConstraint("event_id", "a_id", "b_id"),)

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id", index=True)
    a_id: int = Field(foreign_key="sme.id", ondelete="CASCADE")
    b_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    made_at: datetime = Field(sa_type=UTCDateTime)


class NoteKind(StrEnum):
    """What a broker leaves at a case."""

    NOTE = "note"
    FOLLOWS = "follows"


class CaseNote(SQLModel, table=True):
    """A broker's word on a pair of which one side said yes, or that the broker follows it up; `a_id` < `b_id`.

    The brokers of both cities read it."""

    __table_args__ = (Index("ix_casenote_pair", "event_id", "a_id", "b_id"),)

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id")
    a_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    b_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    account_id: int = Field(foreign_key="account.id")
    kind: NoteKind = Field(sa_type=text_enum(NoteKind))
    text: str = ""
    at: datetime = Field(sa_type=UTCDateTime)


class ExportLog(SQLModel, table=True):
    """Which data left the service in a file, so that an erasure can follow it."""

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)
    actor: str = Field(max_length=120)
    event_id: int = Field(foreign_key="event.id", index=True)
    what: str = Field(max_length=20)
    format: str = Field(max_length=8)
    rows: int

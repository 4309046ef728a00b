"""What brokers do with a profile beside writing it: review it, ask its SME about readiness, try out statements."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime, text_enum


class ReviewOutcome(StrEnum):
    """How a review ended."""

    CONFIRMED = "confirmed"
    SENT_BACK = "sent_back"
    WITHDRAWN = "withdrawn"


class Review(SQLModel, table=True):
    """One request for a second broker's eyes, and what came of it; open while there is no outcome."""

    __table_args__ = (Index("ix_review_open", "outcome", "asked_at"),)

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    asked_by_id: int = Field(foreign_key="account.id")
    asked_at: datetime = Field(sa_type=UTCDateTime)
    outcome: ReviewOutcome | None = Field(default=None, sa_type=text_enum(ReviewOutcome))
    decided_by_id: int | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    note: str = Field(default="", max_length=2000)
    """What the reviewer wrote to the author."""


class ReadinessCheck(SQLModel, table=True):
    """The readiness questionnaire as it was answered once; the newest of an SME counts."""

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    answers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    level: int | None = None
    """By the rule, from 1 to 5; None while too much is open."""
    override: int | None = None
    """What the broker judged instead."""
    reason: str = Field(default="", max_length=1000)
    taken_at: datetime = Field(sa_type=UTCDateTime)
    taken_by: str = Field(max_length=120)


class Draft(SQLModel, table=True):
    """Statements as a broker is typing them, for a look at who would see it; one of each account and SME."""

    __table_args__ = (UniqueConstraint("account_id", "sme_id"),)

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    offers: list[str] = Field(default_factory=list, sa_type=JSON)
    needs: list[str] = Field(default_factory=list, sa_type=JSON)
    turn: int = 1
    """Counts the texts asked about, so that a late answer to older ones is dropped."""
    asked_at: datetime = Field(index=True, sa_type=UTCDateTime)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))

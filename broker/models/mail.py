"""Mail as rows first (law 5)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime, text_enum


class EmailStatus(StrEnum):
    """Draft → queued → sending → sent, or one of the three ends that a person looks at."""

    DRAFT = "draft"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    HELD = "held"
    SUPPRESSED = "suppressed"


class Email(SQLModel, table=True):
    """One mail: unique on what it is for, its Message-ID and bytes fixed when it is written."""

    id: int = Field(default=None, primary_key=True)
    key: str = Field(max_length=120, unique=True)
    """What it is for, e.g. `shortlist:1:42:7` (kind, event, SME, run)."""
    kind: str = Field(max_length=20)
    event_id: int | None = Field(default=None, foreign_key="event.id", index=True)
    sme_id: int | None = Field(default=None, foreign_key="sme.id", index=True, ondelete="CASCADE")
    to_address: str = Field(max_length=254)
    subject: str = Field(max_length=300)
    message_id: str = Field(max_length=200, unique=True)
    message: bytes = Field(sa_type=LargeBinary)
    status: EmailStatus = Field(default=EmailStatus.QUEUED, index=True, sa_type=text_enum(EmailStatus))
    created_at: datetime = Field(sa_type=UTCDateTime)
    next_at: datetime = Field(sa_type=UTCDateTime)
    """Not before then; moves on with every failed attempt."""
    deadline: datetime = Field(sa_type=UTCDateTime)
    """When it is of no use any more: no attempt is made after that."""
    attempts: int = 0
    owner: str | None = Field(default=None, max_length=80)
    lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    error: str = ""


class Suppression(SQLModel, table=True):
    """An address never to be mailed again, kept as a hash."""

    address_hash: str = Field(primary_key=True, max_length=64)
    reason: str = Field(max_length=60)
    since: datetime = Field(sa_type=UTCDateTime)

"""What somebody changed in many profiles at once, kept for a while so that it can be undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime


class ChangeSet(SQLModel, table=True):
    """Who changed what and when: an import, or an action on many SMEs. It is undone as a whole, once."""

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    account_id: int | None = Field(default=None, foreign_key="account.id", index=True)
    actor: str = Field(max_length=120)
    action: str = Field(max_length=20)
    import_id: int | None = Field(default=None, foreign_key="importfile.id", unique=True, ondelete="SET NULL")
    hubs: list[int] = Field(default_factory=list, sa_type=JSON)
    """The hubs that were made for it."""
    undone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    left: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """What the undo left alone, and why: {SME id: reason}."""
    restored: int = 0
    removed: int = 0


class ProfileChange(SQLModel, table=True):
    """One profile of a change set: how it was before, and its version after."""

    id: int = Field(default=None, primary_key=True)
    set_id: int = Field(foreign_key="changeset.id", index=True, ondelete="CASCADE")
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    version: int
    """After the change; with any other somebody changed it since."""
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    """What to write back; None where the change made the profile."""

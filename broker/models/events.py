"""Workshops, who is invited and who takes part."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime


def new_link_key() -> str:
    """128 random bits that make an SME's link."""
    return secrets.token_hex(16)


class Event(SQLModel, table=True):
    """A workshop, brokerage event, study visit or policy clinic."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=200)
    city_code: str = Field(foreign_key="city.code")
    venue: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    starts_at: datetime = Field(sa_type=UTCDateTime)
    ends_at: datetime = Field(sa_type=UTCDateTime)
    answers_until: datetime = Field(sa_type=UTCDateTime)
    """Answers can be given and changed until then."""
    zone: str = Field(max_length=64, sa_column_kwargs={"server_default": "UTC"})
    """An IANA name: the event's own times are shown and typed in it. At first it is the city's."""
    register_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    """Who comes later is marked; an invitation can be answered until then. None: until the event begins."""
    slot_minutes: int = Field(default=20, sa_column_kwargs={"server_default": "20"})
    tables: int = Field(default=10, sa_column_kwargs={"server_default": "10"})
    breaks: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": text("'[]'")}
    )
    """Of every day: `name`, and `from` and `to` as minutes of the day."""
    places: dict[str, int] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": text("'{}'")}
    )
    """How many SMEs of a city there is room for, by its code; a city not named has no limit."""
    invitation: str = Field(default="", max_length=1000, sa_column_kwargs={"server_default": ""})
    """The organiser's own words in the mails that invite SMEs."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """Counts what the event's form changed, so that two organisers do not overwrite each other."""
    organiser_id: int | None = Field(default=None, foreign_key="account.id", index=True)
    opens: int = Field(default=8 * 60, sa_column_kwargs={"server_default": str(8 * 60)})
    """Scheduled mails leave from then until `closes`: minutes of the day where each recipient is."""
    closes: int = Field(default=20 * 60, sa_column_kwargs={"server_default": str(20 * 60)})
    policy: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What differs from the engine's default policy."""
    created_at: datetime = Field(sa_type=UTCDateTime)


class Registration(SQLModel, table=True):
    """An SME at an event."""

    __table_args__ = (UniqueConstraint("event_id", "sme_id"),)

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id", index=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    registered_at: datetime = Field(sa_type=UTCDateTime)
    link_key: str = Field(default_factory=new_link_key, max_length=32)
    """Part of the SME's link: an id that is used again opens nothing, and another key revokes the link."""


class Invitation(SQLModel, table=True):
    """An SME asked by mail whether it takes part, and what it said last."""

    __table_args__ = (UniqueConstraint("event_id", "sme_id"),)

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id", index=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    invited_at: datetime = Field(sa_type=UTCDateTime)
    words: str = Field(default="", max_length=1000)
    """The organiser's own, as they were when it was invited."""
    link_key: str = Field(default_factory=lambda: secrets.token_hex(16), max_length=32)
    """As of a registration."""
    takes_part: bool | None = None
    """None: it has not said yet."""
    answered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class PairRule(SQLModel, table=True):
    """An organiser's word on a pair at an event: pinned (must meet) or banned (must not); `a_id` < `b_id`."""

    event_id: int = Field(foreign_key="event.id", primary_key=True)
    a_id: int = Field(foreign_key="sme.id", primary_key=True, ondelete="CASCADE")
    b_id: int = Field(foreign_key="sme.id", primary_key=True, ondelete="CASCADE")
    kind: str = Field(max_length=6)
    reason: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    """In the organiser's own words; nobody else sees it."""

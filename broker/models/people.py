"""Who signs in: accounts, their sign-in tokens and sessions, and what they did."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime, text_enum


class Role(StrEnum):
    """What an account may do: a broker for one city, an organiser for their events, an administrator for all."""

    BROKER = "broker"
    ORGANISER = "organiser"
    ADMIN = "admin"


class LinkPurpose(StrEnum):
    """What a mailed link to an account is for; it serves no other purpose."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - it names the purpose


class Account(SQLModel, table=True):
    """Somebody who signs in; SMEs have none, they use the link in their mail."""

    id: int = Field(default=None, primary_key=True)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=120)
    role: Role = Field(sa_type=text_enum(Role))
    city_code: str | None = Field(default=None, foreign_key="city.code", index=True)
    password_hash: str | None = Field(default=None, max_length=200)
    active: bool = True
    created_at: datetime = Field(sa_type=UTCDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class LoginToken(SQLModel, table=True):
    """A mailed link of an account: only its hash is kept; used once, by POST, for one purpose, within its time."""

    token_hash: str = Field(primary_key=True, max_length=64)
    account_id: int = Field(foreign_key="account.id", index=True)
    purpose: LinkPurpose = Field(sa_type=text_enum(LinkPurpose))
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SignIn(SQLModel, table=True):
    """A signed-in browser; the cookie holds the token whose hash this is."""

    token_hash: str = Field(primary_key=True, max_length=64)
    account_id: int = Field(foreign_key="account.id", index=True)
    device: str = Field(default="", max_length=60, sa_column_kwargs={"server_default": ""})
    """What it said of itself, in words, so that its owner knows it in a list."""
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class AuditEntry(SQLModel, table=True):
    """Append-only: who changed what, written in the same transaction as the change."""

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)
    actor: str = Field(max_length=120)
    action: str = Field(max_length=60)
    subject: str = Field(max_length=120, index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Scope(StrEnum):
    """What an API token may do in its account's name."""

    READ = "read"
    WRITE = "write"


class ApiToken(SQLModel, table=True):
    """A token a program signs in with, in the name of an account; only its hash is kept."""

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    name: str = Field(max_length=80)
    token_hash: str = Field(max_length=64, unique=True)
    scope: Scope = Field(sa_type=text_enum(Scope))
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    """About when it was last used: written once an hour at most."""


class IdempotencyKey(SQLModel, table=True):
    """A request a program may send again, and the answer it got: written in the transaction of what it did.

    Where it made an SME there is no body, and once that was erased no location."""

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    request_hash: str = Field(max_length=64)
    status: int = 0
    location: str = Field(default="", max_length=300)
    body: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)

"""The SME and what is known of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime, text_enum


class SmeStatus(StrEnum):
    """A profile's life: only a paused or expired one is left out of new shortlists."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"
    PUBLISHED = "published"
    PAUSED = "paused"
    EXPIRED = "expired"


INACTIVE = (SmeStatus.PAUSED, SmeStatus.EXPIRED)
"""Left out of runs, and of what runs have found."""


class Sme(SQLModel, table=True):
    """An SME profile. `version` counts changes, so that a match run can say what it saw."""

    __table_args__ = (UniqueConstraint("city_code", "name"),)

    id: int = Field(default=None, primary_key=True)
    version: int = 1
    status: SmeStatus = Field(default=SmeStatus.DRAFT, sa_type=text_enum(SmeStatus))
    name: str = Field(max_length=200)
    name_key: str = Field(max_length=200, index=True)
    """The name without case, accents and legal form: two SMEs of a city that share it may be one."""
    city_code: str = Field(foreign_key="city.code", index=True)
    hub_id: int | None = Field(default=None, foreign_key="hub.id", index=True)
    sector_code: str | None = Field(default=None, foreign_key="sector.code", index=True)
    sector_words: str = Field(default="", max_length=500)
    """The sector in the firm's own words, where it came as such."""
    sector_confirmed: bool = False
    description: str = ""
    language: str = Field(default="", max_length=3)
    """ISO 639-1 code of the language the texts are written in."""
    languages: list[str] = Field(default_factory=list, sa_type=JSON)
    markets: list[str] = Field(default_factory=list, sa_type=JSON)
    readiness: int | None = None
    """For internationalisation, from 1 (curious) to 5 (already exporting)."""
    website: str = Field(default="", max_length=300)
    search_text: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """The words of the whole profile, to be found by (broker.domain.search)."""
    expires_at: datetime | None = Field(default=None, index=True, sa_type=UTCDateTime)
    """Once published: when it expires unless its broker says before that it is still true."""
    reminded_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    """When its broker was told that it soon expires; once for each time it was published or confirmed."""
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    paused_from: SmeStatus | None = Field(default=None, sa_type=text_enum(SmeStatus))
    """Where it paused itself: the status it goes back to when it takes up again, or is renewed after it expired
    meanwhile. None where somebody else paused it."""
    erasure_asked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    """Since when it waits for its broker to erase it."""


class StatementKind(StrEnum):
    """What an SME brings or looks for."""

    OFFER = "offer"
    NEED = "need"


class Statement(SQLModel, table=True):
    """One offer or need, in the firm's own words."""

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    kind: StatementKind = Field(sa_type=text_enum(StatementKind))
    position: int
    text: str


class Contact(SQLModel, table=True):
    """The person an SME is reached through; shown to another SME only after both said yes (law 7)."""

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", unique=True, ondelete="CASCADE")
    name: str = Field(default="", max_length=120)
    email: str = Field(default="", max_length=254)
    phone: str = Field(default="", max_length=40)


class Purpose(StrEnum):
    """What an SME agreed to."""

    MATCHING = "matching"
    MAILING = "mailing"


class Consent(SQLModel, table=True):
    """Who recorded that an SME agreed to a purpose, and when it was taken back."""

    __table_args__ = (UniqueConstraint("sme_id", "purpose"),)

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", ondelete="CASCADE")
    purpose: Purpose = Field(sa_type=text_enum(Purpose))
    given_at: datetime = Field(sa_type=UTCDateTime)
    recorded_by: str = Field(max_length=120)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class PastPartner(SQLModel, table=True):
    """Two SMEs that already know each other; `a_id` is the smaller id."""

    a_id: int = Field(foreign_key="sme.id", primary_key=True, ondelete="CASCADE")
    b_id: int = Field(foreign_key="sme.id", primary_key=True, ondelete="CASCADE")
    source: str = Field(max_length=60)


class Embedding(SQLModel, table=True):
    """The vector of one text of an SME (float32, little-endian), under the model that made it (law 6)."""

    __table_args__ = (UniqueConstraint("sme_id", "model", "text_hash"),)

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    model: str = Field(max_length=80)
    text_hash: str = Field(max_length=64)
    vector: bytes = Field(sa_type=LargeBinary)


class ImportFile(SQLModel, table=True):
    """An uploaded spreadsheet between its preview and its confirmation, and the record of it after."""

    id: int = Field(default=None, primary_key=True)
    account_id: int | None = Field(default=None, foreign_key="account.id")
    file_name: str = Field(max_length=200)
    content: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Dropped once applied: it holds personal data nobody needs twice."""
    city_code: str | None = Field(default=None, foreign_key="city.code")
    columns: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """Which column means what, where the guess was corrected: {field: header}."""
    choices: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What to do with possible duplicates, by row number (see domain.choices)."""
    uploaded_at: datetime = Field(sa_type=UTCDateTime, index=True)
    applied_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    outcome: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    rejected: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    """The rows left out, to be taken home and mended; kept for a month."""


class ProposalStatus(StrEnum):
    """Open until its broker accepts (all or some of it) or declines it, or the SME takes it back."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Proposal(SQLModel, table=True):
    """A change of its profile that an SME asks its broker for: one open at a time, and nothing changes until then."""

    __table_args__ = (
        Index(
            "ix_proposal_open",
            "sme_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: int = Field(default=None, primary_key=True)
    sme_id: int = Field(foreign_key="sme.id", index=True, ondelete="CASCADE")
    version: int
    """Of the profile it was written over."""
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What the fields held in that version, by their names in a ProfileData."""
    after: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What they should hold."""
    status: ProposalStatus = Field(default=ProposalStatus.OPEN, sa_type=text_enum(ProposalStatus))
    made_at: datetime = Field(sa_type=UTCDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    accepted: list[str] = Field(default_factory=list, sa_type=JSON)
    """The fields that were taken over."""
    note: str = Field(default="", max_length=1000)
    """What the broker says to it; the SME reads it."""

"""Mail as rows first (law 5)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime, text_enum
from broker.models.webhooks import WEBHOOK

DAY = 24 * 60
"""Minutes."""
WITH_A_KEY = ("sign_in", "account_invitation", "password")
"""Kinds of mail that hold a link of an account, of which only the hash is kept elsewhere."""
TO_STAFF = (*WITH_A_KEY, "summary", "undelivered", "expiry", "token_made", WEBHOOK)
"""Kinds of mail whose recipients are brokers and organisers, also where an SME is what they are about."""
_MAIL, _CALL = text("webhook_id IS NULL"), text("webhook_id IS NOT NULL")


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
    """One mail: unique on what it is for, its Message-ID and bytes fixed when it is written.

    Or one call of a webhook, which is to be delivered as surely; then `webhook_id` tells of which."""

    # What is due is found, in its order, without a look at the rows themselves: they are large. Apart, so that however
    # many calls wait for a server that is down, no mail is found later.
    __table_args__ = (
        Index("ix_email_due", "status", "next_at", "id", sqlite_where=_MAIL, postgresql_where=_MAIL),
        Index("ix_email_due_call", "status", "next_at", "id", sqlite_where=_CALL, postgresql_where=_CALL),
        # Counted without a look at them either, by whoever asks about the service or an event.
        Index("ix_email_event", "event_id", "kind", "status"),
    )

    id: int = Field(default=None, primary_key=True)
    key: str = Field(max_length=120, unique=True)
    """What it is for, e.g. `shortlist:1:42:7` (kind, event, SME, run)."""
    kind: str = Field(max_length=20)
    event_id: int | None = Field(default=None, foreign_key="event.id")
    sme_id: int | None = Field(default=None, foreign_key="sme.id", index=True, ondelete="CASCADE")
    webhook_id: int | None = Field(default=None, foreign_key="webhook.id", index=True, ondelete="CASCADE")
    to_address: str = Field(max_length=254)
    """Of a call only the host: its whole address may be a secret, and is the webhook's."""
    domain: str = Field(default="", max_length=254, sa_column_kwargs={"server_default": ""})
    """Of the address, in small letters: a cap may count by it."""
    subject: str = Field(max_length=300)
    message_id: str = Field(max_length=200, unique=True)
    message: bytes = Field(sa_type=LargeBinary)
    status: EmailStatus = Field(default=EmailStatus.QUEUED, sa_type=text_enum(EmailStatus))
    created_at: datetime = Field(sa_type=UTCDateTime)
    next_at: datetime = Field(sa_type=UTCDateTime)
    """Not before then; moves on with every failed attempt."""
    deadline: datetime = Field(sa_type=UTCDateTime)
    """When it is of no use any more: no attempt is made after that."""
    zone: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """The recipient's; with the two below the hours it may leave at. Empty: any."""
    opens: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    closes: int = Field(default=DAY, sa_column_kwargs={"server_default": str(DAY)})
    attempts: int = 0
    tried_at: datetime | None = Field(default=None, index=True, sa_type=UTCDateTime)
    """When it was last claimed for an attempt: a cap counts by it."""
    in_doubt: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Its whole text is being handed over, and only the server's answer tells whether it was taken."""
    owner: str | None = Field(default=None, max_length=80)
    lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    error: str = ""
    made_of: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """Of a draft: a hash of all that its text says, by which it is known whether that is still so."""


class MailingKind(StrEnum):
    """The mails of a workshop: all are sent by date, but for introductions, which go when both said yes."""

    SHORTLIST = "shortlist"
    REMINDER = "reminder"
    LAST_CALL = "last_call"
    SUMMARY = "summary"
    INTRODUCTION = "introduction"


DATED: tuple[MailingKind, ...] = tuple(kind for kind in MailingKind if kind != MailingKind.INTRODUCTION)
"""Those with a date of their own."""


class Mailing(SQLModel, table=True):
    """When the mails of one kind go out to an event's SMEs (a summary: to their brokers); once each.

    Introductions have one only to be stopped by."""

    __table_args__ = (UniqueConstraint("event_id", "kind"),)

    id: int = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="event.id", index=True)
    kind: MailingKind = Field(sa_type=text_enum(MailingKind))
    due_at: datetime = Field(sa_type=UTCDateTime)
    stopped_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    """An organiser stopped it: nothing of it is sent until it is resumed."""


class Pulse(SQLModel, table=True):
    """When a part of the service was last at work, for whoever looks after it."""

    name: str = Field(primary_key=True, max_length=40)
    at: datetime = Field(sa_type=UTCDateTime)


class Suppression(SQLModel, table=True):
    """An address never to be mailed again, kept as a hash."""

    address_hash: str = Field(primary_key=True, max_length=64)
    reason: str = Field(max_length=60)
    since: datetime = Field(sa_type=UTCDateTime)

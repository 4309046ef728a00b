"""Where programs of an account want to be told what happens."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from broker.db import UTCDateTime

WEBHOOK = "webhook"
"""The kind of an outbox row that is a call of a webhook, not a mail."""


class Webhook(SQLModel, table=True):
    """An address that is called when something happens; its calls are rows of the outbox."""

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    url: str = Field(max_length=2000)
    events: list[str] = Field(sa_type=JSON)
    """The types of event it is told of."""
    salt: str = Field(max_length=64)
    """With the service's key it gives the secret that signs the calls, so that the secret itself is kept nowhere."""
    active: bool = True
    created_at: datetime = Field(sa_type=UTCDateTime)

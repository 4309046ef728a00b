"""Where a mail goes, what for, and when: what is known of it beside its text."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.windows import Window


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a mail goes and what it is for."""

    key: str
    kind: str
    to_name: str
    to_address: str
    event_id: int | None = None
    sme_id: int | None = None
    reply_to: str | None = None
    deadline: datetime | None = None
    """When it is of no use any more; a failed delivery is tried again until then."""
    not_before: datetime | None = None
    window: Window | None = None
    """At which hours of the recipient it may leave; none: at any."""

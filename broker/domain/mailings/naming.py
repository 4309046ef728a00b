"""Whether a reminder that waited to be sent names a partner that has left since it was written."""

from email import message_from_bytes
from email.policy import SMTP

from sqlmodel import Session

from broker.domain.mailings import recipients
from broker.models import Email, MailingKind

REMINDERS = (MailingKind.REMINDER.value, MailingKind.LAST_CALL.value)


def names_who_left(session: Session, email_id: int) -> bool:
    """True of a reminder or last call with a line about a partner that takes no part any more."""
    email = session.get_one(Email, email_id)
    if email.event_id is None or email.sme_id is None:
        return False
    left = recipients.partners_who_left(session, email.event_id, email.sme_id)
    lines = set(plain_text(email.message).splitlines()) if left else set()
    return any(f"- {name}, {city}" in lines for name, city in left)


def plain_text(message: bytes) -> str:
    """What a mail says to who reads no HTML."""
    part = message_from_bytes(message, policy=SMTP).get_body(("plain",))
    return part.get_content() if part is not None else ""

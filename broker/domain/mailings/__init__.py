"""A workshop's mails by date: the organiser's plan of them, and their writing when they are due."""

from broker.domain.mailings.asking import Asked, Silent, remind, silent
from broker.domain.mailings.plan import (
    DAYS_BEFORE,
    TITLES,
    Plan,
    by_kind,
    filled,
    hold,
    is_stopped,
    lock,
    propose,
    resume,
    save,
    stop,
    supersede,
    window,
)
from broker.domain.mailings.recipients import Recipient
from broker.domain.mailings.summaries import summary_letter
from broker.domain.mailings.writing import BATCH, Batch, reminder_letters, write_due

__all__ = [
    "BATCH",
    "DAYS_BEFORE",
    "TITLES",
    "Asked",
    "Batch",
    "Plan",
    "Recipient",
    "Silent",
    "by_kind",
    "filled",
    "hold",
    "is_stopped",
    "lock",
    "propose",
    "remind",
    "reminder_letters",
    "resume",
    "save",
    "silent",
    "stop",
    "summary_letter",
    "supersede",
    "window",
    "write_due",
]

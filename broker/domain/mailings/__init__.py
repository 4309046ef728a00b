"""A workshop's mails by date: the organiser's plan of them, and their writing when they are due."""

from broker.domain.mailings.asking import Asked, Silent, remind, silent
from broker.domain.mailings.plan import (
    DAYS_BEFORE,
    TITLES,
    Plan,
    by_kind,
    filled,
    propose,
    refuse_shut,
    resume,
    save,
    standing,
    stop,
    supersede,
    window,
)
from broker.domain.mailings.recipients import Recipient
from broker.domain.mailings.summaries import summary_letter
from broker.domain.mailings.writing import BATCH, Batch, reminder_letters, write_due
from broker.domain.stops import hold, is_stopped, lock

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
    "refuse_shut",
    "remind",
    "reminder_letters",
    "resume",
    "save",
    "silent",
    "standing",
    "stop",
    "summary_letter",
    "supersede",
    "window",
    "write_due",
]

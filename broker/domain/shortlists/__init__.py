"""An event's shortlists, from the match run that builds them to the approval that mails them."""

from broker.domain.approvals import Approval, approve
from broker.domain.shortlists.build import build
from broker.domain.shortlists.encode import Progress as Report
from broker.domain.shortlists.encode import load_encoder, resolve_sectors
from broker.domain.shortlists.foresight import Foresight, foresee
from broker.domain.shortlists.gather import gather
from broker.domain.shortlists.onlookers import look, read_texts
from broker.domain.shortlists.weights import load_weights

__all__ = [
    "Approval",
    "Foresight",
    "Report",
    "approve",
    "build",
    "foresee",
    "gather",
    "load_encoder",
    "load_weights",
    "look",
    "read_texts",
    "resolve_sectors",
]

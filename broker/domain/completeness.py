"""What a profile still lacks, and the status that follows from it."""

from collections.abc import Mapping
from typing import Any

from broker.domain.consents import GIVEN
from broker.models import INACTIVE, SmeStatus

Facts = Mapping[str, Any]
"""The fields of a ProfileData by name, and `consent`."""
CONFIRM_SECTOR = "confirmation of the sector"


def missing(facts: Facts) -> list[str]:
    """What the facts leave open, in plain words, the most needed first."""
    lacking = {
        "description": not facts["description"],
        "offers": not facts["offers"],
        "needs": not facts["needs"],
        "sector": not facts["sector_code"] and not facts["sector_words"],
        CONFIRM_SECTOR: bool(facts["sector_code"] or facts["sector_words"]) and not facts["sector_confirmed"],
        "languages": not facts["languages"],
        "contact e-mail": not facts["email"],
        "target markets": not facts["markets"],
        "readiness": facts["readiness"] is None,
        "hub": not facts["hub"],
        "consent": facts["consent"] != GIVEN,
    }
    return [words for words, lacks in lacking.items() if lacks]


def status_of(status: SmeStatus, facts: Facts) -> SmeStatus:
    """DRAFT while matching lacks something it needs; complete, it counts as REVIEWED by whoever entered it.

    What a broker published stays published while it is complete; paused and expired profiles stay what they are.
    """
    if status in INACTIVE:
        return status
    has_texts = facts["description"] or facts["offers"] or facts["needs"]
    if not (has_texts and facts["sector_code"] and facts["languages"] and facts["email"]):
        return SmeStatus.DRAFT
    return SmeStatus.REVIEWED if status is SmeStatus.DRAFT else status

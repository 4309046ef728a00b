"""What a profile still lacks, section by section, and the status that follows from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from broker.domain.consents import GIVEN
from broker.models import INACTIVE, SmeStatus

Facts = Mapping[str, Any]
"""The fields of a ProfileData by name, and `consent`."""
CONFIRM_SECTOR = "confirmation of the sector"


class Section(StrEnum):
    """The parts a profile is written in, each with a page of its own."""

    FIRM = "firm"
    SECTOR = "sector"
    OFFERS = "offers"
    NEEDS = "needs"
    ABROAD = "abroad"
    CONTACT = "contact"
    CONSENTS = "consents"
    READINESS = "readiness"


class State(StrEnum):
    """How far a section is: nothing open, something that matching needs open, only what helps open."""

    DONE = "done"
    TO_FINISH = "to_finish"
    OPTIONAL = "optional"


class Asked(NamedTuple):
    """One thing a profile should say: in which words it is named where it lacks, and whether matching needs it."""

    words: str
    section: Section
    lacks: Callable[[Facts], bool]
    needed: bool = False


# In the order in which they are told: the most needed first.
ASKED = (
    Asked("description", Section.FIRM, lambda facts: not facts["description"], needed=True),
    Asked("offers", Section.OFFERS, lambda facts: not facts["offers"], needed=True),
    Asked("needs", Section.NEEDS, lambda facts: not facts["needs"], needed=True),
    Asked("sector", Section.SECTOR, lambda facts: not facts["sector_code"] and not facts["sector_words"], needed=True),
    Asked(CONFIRM_SECTOR, Section.SECTOR, lambda facts: not facts["sector_confirmed"], needed=True),
    Asked("languages", Section.ABROAD, lambda facts: not facts["languages"], needed=True),
    Asked("contact e-mail", Section.CONTACT, lambda facts: not facts["email"], needed=True),
    Asked("target markets", Section.ABROAD, lambda facts: not facts["markets"]),
    Asked("readiness", Section.READINESS, lambda facts: facts["readiness"] is None),
    Asked("hub", Section.FIRM, lambda facts: not facts["hub"]),
    Asked("consent", Section.CONSENTS, lambda facts: facts["consent"] != GIVEN, needed=True),
)


@dataclass(frozen=True, slots=True)
class Task:
    """One section in the task list; `lacking` are the words for what it leaves open."""

    section: Section
    state: State
    lacking: tuple[str, ...]


def missing(facts: Facts) -> list[str]:
    """What the facts leave open, in plain words, the most needed first."""
    lacking = [asked.words for asked in ASKED if asked.lacks(facts)]
    return [words for words in lacking if words != CONFIRM_SECTOR or "sector" not in lacking]


def needed(facts: Facts) -> list[str]:
    """What has to be there before a second broker is asked, in plain words."""
    return [asked.words for asked in ASKED if asked.needed and asked.lacks(facts)]


def percent(facts: Facts) -> int:
    """How much of what is asked the profile says, from 0 to 100."""
    return round(100 * sum(not asked.lacks(facts) for asked in ASKED) / len(ASKED))


def tasks(facts: Facts) -> list[Task]:
    """The sections in their order, each with its state."""
    lacking = set(missing(facts))
    return [_task(section, [asked for asked in ASKED if asked.section is section], lacking) for section in Section]


def _task(section: Section, of_section: list[Asked], lacking: set[str]) -> Task:
    still = [asked for asked in of_section if asked.words in lacking]
    needed = any(asked.needed for asked in still)
    state = State.TO_FINISH if needed else State.OPTIONAL if still else State.DONE
    return Task(section, state, tuple(asked.words for asked in still))


def is_matchable(facts: Facts) -> bool:
    """Whether it says what matching cannot do without: something of the firm, a sector, a language, an address."""
    has_texts = facts["description"] or facts["offers"] or facts["needs"]
    return bool(has_texts and facts["sector_code"] and facts["languages"] and facts["email"])


def status_of(status: SmeStatus, facts: Facts) -> SmeStatus:
    """A DRAFT again as soon as matching lacks something it needs; only a second broker makes a draft REVIEWED.

    What a broker published stays published while it is complete; paused and expired profiles stay what they are.
    """
    return status if status in INACTIVE or is_matchable(facts) else SmeStatus.DRAFT

"""What a run hands back, and its canonical bytes."""

import json
from dataclasses import asdict, dataclass

from matching.evidence import Evidence
from matching.profile import Pair
from matching.shortfall import Shortfall

DIGITS = 5  # of every number in the canonical form


@dataclass(frozen=True, slots=True)
class Match:
    """One chosen pair, a < b by id. Evidence 'a_to_b' is what a needs and b offers."""

    a: str
    b: str
    strength: float  # 0..1
    criteria: dict[str, float]  # by criterion 0..1; directed ones as fit_a_to_b and fit_b_to_a
    shares: dict[str, float]  # what each criterion adds to the strength; they sum to it
    confidence: float  # 0..1, how much of the strength rests on what the profiles say
    a_to_b: Evidence | None
    b_to_a: Evidence | None
    missing: tuple[str, ...]  # codes, see evidence.missing
    distance: str  # 'close', 'near', 'far' or ''
    pinned: bool


@dataclass(frozen=True, slots=True)
class Ring:
    """Firms of whom each needs what the next offers, the last what the first offers; each quoted like a pair."""

    members: tuple[str, ...]  # SME ids
    evidence: tuple[Evidence | None, ...]  # at i what members[i] needs and the next offers


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run: pairs, lists by SME id (best first), who is left short and why."""

    matches: tuple[Match, ...]
    lists: dict[str, tuple[str, ...]]
    short: dict[str, Shortfall]
    gap: float  # how far, at most, the selection may be from the best possible; 0..1 of its value
    refused: dict[Pair, str]  # pins that a stronger rule forbids, with that rule's name
    rings: tuple[Ring, ...] = ()  # exchanges beside the lists, no SME in two of them
    relaxations: tuple[str, ...] = ()  # what the organiser could allow, over all SMEs left short, in words

    def to_json(self) -> bytes:
        """Canonical UTF-8 JSON: sorted keys, five digits; equal for equal inputs on every run of a machine."""
        content = {
            "matches": [asdict(match) for match in self.matches],
            "lists": self.lists,
            "short": {sme: asdict(short) for sme, short in self.short.items()},
            "gap": self.gap,
            "refused": [[*pair, rule] for pair, rule in sorted(self.refused.items())],
            "rings": [asdict(ring) for ring in self.rings],
            "relaxations": self.relaxations,
        }
        return json.dumps(rounded(content), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def rounded(content: object) -> object:
    """The same structure with every float at DIGITS digits."""
    if isinstance(content, float):
        return round(content, DIGITS) + 0.0  # no -0.0
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [rounded(value) for value in content]
    return content

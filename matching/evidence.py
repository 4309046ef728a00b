"""Why a pair was chosen, in the SMEs' own words, and what it lacks. Every quote is verbatim; nothing is generated."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matching.combination import Situation
from matching.profile import Profile
from matching.statement_fit import statement_fit

STRONG, GOOD, POSSIBLE = 0.75, 0.45, 0.2  # of a fit's calibrated value; below the last nothing is quoted
CLOSE, NEAR = 0.6, 0.2  # quantile of likeness among the cohort's pairs that have something in common


@dataclass(frozen=True, slots=True)
class Evidence:
    """One direction: what one SME looks for and what the other offers, quoted."""

    need: str
    offer: str  # a sentence of the description where `source` says so
    strength: str  # 'strong', 'good' or 'possible'
    value: float  # 0..1
    source: str  # 'offer' or 'description'


def quotes(a: int, b: int, situation: Situation) -> Evidence | None:
    """The statements that best show what SME b brings to SME a; None if a side is silent or nothing fits."""
    needs, offers = situation.texts.needs.of([a]), situation.texts.offers.of([b])
    values = statement_fit(needs, offers, situation.texts.background, situation.weights.lexical)
    if not values.size or values.max() < POSSIBLE:
        return None
    need, offer = np.unravel_index(int(values.argmax()), values.shape)
    value = float(values[need, offer])
    return Evidence(
        need=needs.texts[int(need)],
        offer=offers.texts[int(offer)],
        strength=strength_in_words(value),
        value=round(value, 4),
        source="offer" if offers.stated[0] else "description",
    )


def strength_in_words(value: float) -> str:
    """A calibrated fit of 0..1 as 'strong', 'good' or 'possible'."""
    return "strong" if value >= STRONG else "good" if value >= GOOD else "possible"


def distance_in_words(quantile: float, known: bool) -> str:
    """How alike two descriptions are within the cohort: 'close', 'near', 'far', or '' if one is missing."""
    if not known:
        return ""
    return "close" if quantile >= CLOSE else "near" if quantile >= NEAR else "far"


def missing(a: Profile, b: Profile, a_to_b: Evidence | None, b_to_a: Evidence | None) -> tuple[str, ...]:
    """Codes of what the pair lacks or leaves open: 'code' or 'code:argument', an SME id or a language."""
    return (
        *lacking_languages(a, b),
        *lacking_markets(a, b),
        *lacking_facts(a, a_to_b, b),
        *lacking_facts(b, b_to_a, a),
    )


def lacking_languages(a: Profile, b: Profile) -> Iterator[str]:
    """No common language, or only one."""
    shared = a.languages & b.languages
    if a.languages and b.languages and not shared:
        yield "no_shared_language"
    if len(shared) == 1:
        yield f"no_shared_language_but:{min(shared)}"


def lacking_markets(a: Profile, b: Profile) -> Iterator[str]:
    """Neither wants to sell where the other sits, though both say where they want to."""
    wanted = {m.upper() for m in a.markets}, {m.upper() for m in b.markets}
    if (
        all(wanted)
        and a.country
        and b.country
        and not (b.country.upper() in wanted[0] or a.country.upper() in wanted[1])
    ):
        yield "no_market_overlap"


def lacking_facts(one: Profile, evidence: Evidence | None, other: Profile) -> Iterator[str]:
    """What one profile leaves out, and whether the other offers anything it looks for."""
    facts = {
        "needs_missing": any(map(str.strip, one.needs)),
        "offers_missing": any(map(str.strip, one.offers)),
        "description_missing": bool(one.description.strip()),
        "sector_unknown": bool(one.sector),
        "city_unknown": bool(one.city),
        "group_unknown": bool(one.group),
        "languages_unknown": bool(one.languages),
        "markets_unknown": bool(one.markets),
        "readiness_unknown": one.readiness is not None,
    }
    yield from (f"{code}:{one.id}" for code, there in facts.items() if not there)
    if facts["needs_missing"] and evidence is None:
        yield f"nothing_offered_for:{one.id}"

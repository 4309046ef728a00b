"""Why a pair was chosen, in the SMEs' own words, and what it lacks. Every quote is verbatim; nothing is generated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from matching.combination import Situation
from matching.pairs import Places
from matching.profile import Profile
from matching.statement_fit import fit_of_pairs
from matching.statements import Array, Statements
from matching.tiles import runs

STRONG, GOOD, POSSIBLE = 0.75, 0.45, 0.2  # of a fit's calibrated value; below the last nothing is quoted
CLOSE, NEAR = 0.6, 0.2  # quantile of likeness among the cohort's pairs that have something in common
CELLS = 200_000  # pairs of statements at once, or those of two SMEs that have more


@dataclass(frozen=True, slots=True)
class Evidence:
    """One direction: what one SME looks for and what the other offers, quoted."""

    need: str
    offer: str  # a sentence of the description where `source` says so
    strength: str  # 'strong', 'good' or 'possible'
    value: float  # 0..1
    source: str  # 'offer' or 'description'


def quotes(asking: Sequence[int], offering: Sequence[int], situation: Situation) -> list[Evidence | None]:
    """For each two of them, the statements that best show what one offers to the one asking; None if nothing fits."""
    ends = np.asarray(asking, np.int64), np.asarray(offering, np.int64)
    cells = situation.texts.needs.counts()[ends[0]] * situation.texts.offers.counts()[ends[1]]
    found: list[Evidence | None] = []
    for some in runs(cells, CELLS):
        found += quotes_at_once(ends[0][some], ends[1][some], situation)
    return found


def quotes_at_once(asking: Places, offering: Places, situation: Situation) -> list[Evidence | None]:
    """The same, with every pair of their statements in memory."""
    needs, offers = situation.texts.needs, situation.texts.offers
    rows, columns, owner = crossed(needs, offers, asking, offering)
    values = fit_of_pairs(needs, offers, (rows, columns), situation.texts.background, situation.weights.lexical)
    found: list[Evidence | None] = [None] * len(asking)
    for k in best_of_each(values, owner):
        if values[k] >= POSSIBLE:
            own = bool(offers.stated[offering[owner[k]]])
            found[owner[k]] = quoted(needs.texts[rows[k]], offers.texts[columns[k]], float(values[k]), own)
    return found


def crossed(needs: Statements, offers: Statements, asking: Places, offering: Places) -> tuple[Places, Places, Places]:
    """Every need of each one asking with every offer of the other: their rows, and which two they belong to."""
    counts = needs.counts()[asking], offers.counts()[offering]
    cells = counts[0] * counts[1]
    owner = np.repeat(np.arange(len(asking)), cells)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(cells) - cells, cells)
    rows = needs.bounds[asking][owner] + within // counts[1][owner]
    return rows, offers.bounds[offering][owner] + within % counts[1][owner], owner


def best_of_each(values: Array, owner: Places) -> list[int]:
    """Where the largest value of each owner stands; of equals the first."""
    order = np.lexsort((np.arange(len(values)), -values, owner))
    first = np.unique(owner[order], return_index=True)[1]
    return [int(k) for k in order[first]]


def quoted(need: str, offer: str, value: float, own: bool) -> Evidence:
    """One direction; where the offer is not the SME's `own` statement, it is a sentence of its description."""
    source = "offer" if own else "description"
    return Evidence(need, offer, strength_in_words(value), round(value, 4), source)


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

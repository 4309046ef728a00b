"""Which one change to a profile would help its SME most: every change is tried, and what it would bring is computed.

Working languages and target markets are changed in the facts. What needs or offers would bring depends on what they
say, which nobody knows yet: each peer's own are lent to the SME in turn, and the middle one of the outcomes counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching import facts, rules
from matching.combination import Reading, Situation, assess, read
from matching.facts import Facts
from matching.language import NAMES
from matching.pairs import pairs_of
from matching.statements import Statements
from matching.ways import TRAIT_WORDS, plural

PEERS = 15  # whose statements are lent: those of the same sector, then others, in the order of their ids
CLEAR = 0.02  # a gain in strength below this is not worth advising


@dataclass(frozen=True, slots=True)
class Worth:
    """What an SME could have: open candidates of the kind it lacks, and the strength of a full list of the best."""

    candidates: int
    strength: float


def advice(situation: Situation, place: int, minimum: str, count: int) -> str:
    """One sentence on the best single change for an SME that lacks `count` of a minimum; '' if none would help."""
    now = worth(situation, place, minimum)
    best, words = (0, CLEAR), ""
    for kind, value, tried in changes(situation, place, minimum):
        more, stronger = max(0, tried.candidates - now.candidates), tried.strength - now.strength
        if (min(more, count), stronger) > best:
            best, words = (min(more, count), stronger), sentence(kind, value, more, stronger, minimum)
    return words


def worth(situation: Situation, place: int, minimum: str, reading: Reading | None = None) -> Worth:
    """What one SME could have, were it alone to choose; `reading` saves comparing the texts again."""
    pairs, most = pairs_of(place, len(situation.ids)), situation.policy.most_partners
    possible = rules.allowed(situation.facts, pairs, rules.removed(situation.facts, situation.policy, pairs))
    strength = assess(situation, pairs, reading).strength[possible]
    asked_for = facts.traits(situation.facts, pairs)[minimum] & possible
    return Worth(int(asked_for.sum()), round(float(np.sort(strength)[::-1][:most].sum()) / max(most, 1), 5))


def changes(situation: Situation, place: int, minimum: str) -> Iterator[tuple[str, str, Worth]]:
    """Every change that is tried, as kind and value, with what it would bring."""
    reading = read(situation, pairs_of(place, len(situation.ids)))
    for kind, value, tried in changed_facts(situation.facts, place):
        yield kind, value, worth(replace(situation, facts=tried), place, minimum, reading)
    for kind in ("needs", "offers"):
        outcomes = [worth(lent, place, minimum) for lent in lendings(situation, place, kind)]
        if outcomes:
            yield kind, "", middle(outcomes)


def changed_facts(columns: Facts, place: int) -> Iterator[tuple[str, str, Facts]]:
    """One working language more that others speak, or one market more in which others sit."""
    others = np.delete(np.arange(len(columns.country)), place)
    if columns.languages[place].any():  # while its languages are unknown none of them keeps a candidate away
        for column in np.flatnonzero(columns.languages[others].any(axis=0) & (columns.languages[place] == 0)):
            yield (
                "language",
                columns.spoken[column],
                replace(columns, languages=with_one(columns.languages, place, column)),
            )
    for column in sorted(set(columns.country[others].tolist()) - {-1, int(columns.country[place])}):
        if not columns.markets[place, column]:
            yield (
                "market",
                columns.countries[column],
                replace(columns, markets=with_one(columns.markets, place, column)),
            )


def with_one(table: NDArray[Any], place: int, column: int | np.intp) -> NDArray[Any]:
    """A copy in which one SME has one thing more."""
    changed = table.copy()
    changed[place, column] = 1
    return changed


def lendings(situation: Situation, place: int, kind: str) -> Iterator[Situation]:
    """The situation with each peer's needs or offers lent to an SME that states none."""
    statements: Statements = getattr(situation.texts, kind)
    if statements.stated[place]:
        return
    silent = situation.facts.silent.copy()
    silent[place] = False
    for peer in peers(statements, situation.facts.sector, place):
        order = np.arange(len(situation.ids))
        order[place] = peer
        met = np.array([min(place, peer) * len(order) + max(place, peer)])  # a peer would answer its own words
        columns = replace(situation.facts, silent=silent, banned=np.union1d(situation.facts.banned, met))
        lent: dict[str, Any] = {kind: statements.of(order)}
        yield replace(situation, facts=columns, texts=replace(situation.texts, **lent))


def peers(statements: Statements, sector: NDArray[np.int64], place: int) -> list[int]:
    """Who lends its statements: SMEs that have some, of the same sector first, then in the order of their ids."""
    able = [int(i) for i in np.flatnonzero(statements.stated) if i != place]
    return sorted(able, key=lambda i: (sector[i] != sector[place] or sector[i] < 0, i))[:PEERS]


def middle(outcomes: list[Worth]) -> Worth:
    """The median outcome by strength: what a statement like those of its peers can be hoped to bring."""
    return sorted(outcomes, key=lambda one: (one.strength, one.candidates))[(len(outcomes) - 1) // 2]


def sentence(kind: str, value: str, more: int, stronger: float, minimum: str) -> str:
    """The change and what was computed of it, in words."""
    change = {
        "language": f"With {NAMES.get(value, value)} among its working languages",
        "market": f"With {value} among its target markets",
        "needs": "With needs like those of its peers in the profile",
        "offers": "With offers like those of its peers in the profile",
    }[kind]
    if more <= 0:
        return f"{change}, the best partners it could have would fit it better by {round(100 * stronger)} of 100."
    whose = f" from {TRAIT_WORDS[minimum]}" if minimum in TRAIT_WORDS else ""
    return f"{change}, {plural(more, 'more SME')}{whose} could be asked."

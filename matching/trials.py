"""Changes to one SME's profile, tried on paper: with whom it could be matched then, and how well.

All changes of a kind are computed at once, t of them for n SMEs, from what one reading of the texts told. An SME is
compared with everybody, itself included but never possible.
"""

from dataclasses import dataclass, replace

import numpy as np

from matching import criteria, facts, rules
from matching.combination import (
    Assessment,
    Reading,
    Situation,
    assess,
    both_ways,
    reciprocal,
    settled_fit,
    share_of_strength,
    strength_of,
)
from matching.criteria import Criterion, Values
from matching.pairs import Mask, Pairs, Places, with_everybody
from matching.statements import Array

TRIED = 40  # languages and markets at most: those that say most others speak, or in which they sit


@dataclass(frozen=True, slots=True)
class Outlook:
    """One SME beside everybody as things are: (n,) each."""

    place: int
    pairs: Pairs
    found: Assessment
    masks: dict[str, Mask]
    possible: Mask


@dataclass(frozen=True, slots=True)
class Trial:
    """Changes of one kind: with whom the SME could be matched and how well it would fit, (t, n) each.

    `before` and `strength_before` are the same without the change, over the same candidates; (1, n) if all share them.
    """

    values: tuple[str, ...]
    possible: Mask
    strength: Values
    before: Mask
    strength_before: Values


def outlook_of(situation: Situation, place: int, reading: Reading) -> Outlook:
    """One SME as things are; `reading` is that of its pairs with everybody."""
    pairs = with_everybody([place], len(situation.ids))
    masks = rules.removed(situation.facts, situation.policy, pairs)
    possible = possible_with(situation, pairs, masks)
    return Outlook(place, pairs, assess(situation, pairs, reading), masks, possible)


def possible_with(situation: Situation, pairs: Pairs, masks: dict[str, Mask]) -> Mask:
    """(n,) whom the rules' masks leave to an SME; never itself."""
    return np.asarray(rules.allowed(situation.facts, pairs, masks) & (pairs.first != pairs.second))


def languages(situation: Situation, outlook: Outlook) -> Trial | None:
    """One working language more that others speak; None while its own are unknown, for then they close nobody out."""
    speaks, place = situation.facts.languages, outlook.place
    if not speaks[place].any():
        return None
    free = outlook.masks | {"no_shared_language": np.zeros(len(speaks), dtype=bool)}
    opened = possible_with(situation, outlook.pairs, free)
    closed = opened & ~outlook.possible
    columns = foremost(speaks[closed].sum(axis=0) * len(speaks) + speaks.sum(axis=0), speaks[place] == 0)
    also = speaks[:, columns].T > 0
    shared = facts.shared_languages(situation.facts, outlook.pairs)
    tried = criteria.of_shared_languages(shared + also, outlook.found.symmetric["languages"].known > 0)
    possible = outlook.possible | (opened & also)
    return trial(situation, outlook, [situation.facts.spoken[c] for c in columns], possible, languages=tried)


def markets(situation: Situation, outlook: Outlook) -> Trial:
    """One target market more in which others sit, other than its own country."""
    country, place = situation.facts.country, outlook.place
    width = situation.facts.markets.shape[1]
    sit = np.bincount(country[country >= 0], minlength=width)
    columns = foremost(sit, ~situation.facts.markets[place] & (np.arange(width) != country[place]))
    there = country[None, :] == columns[:, None]
    found = outlook.found.directed["markets"]
    value, known = (np.repeat(part[:, None], len(columns), axis=1) for part in (found.value, found.known))
    value[0] = np.maximum(value[0], there)
    known[0] = country >= 0
    tried = both_ways(Criterion(value, known))
    names = [situation.facts.countries[c] for c in columns]
    return trial(situation, outlook, names, outlook.possible[None, :], markets=tried)


def foremost(counts: Places, able: Mask) -> Places:
    """The columns that are able and count most, TRIED at most, in their order; none that counts nothing."""
    columns = np.flatnonzero(able & (counts > 0))
    return np.sort(columns[np.argsort(-counts[columns], kind="stable")[:TRIED]])


def lent(situation: Situation, outlook: Outlook, row: int, lenders: Places, best: Array) -> Trial:
    """Each lender's needs (row 0) or offers (row 1) lent to an SME that states none: `best` (t, n) is how they fit.

    A lender would answer its own words, so it is no candidate, neither with the loan nor without.
    """
    known = criteria.answerable(situation.texts, situation.weights.stand_in)[1 - row]
    loan = criteria.criterion(best, np.broadcast_to(known, best.shape))
    found = outlook.found.directed["fit"]
    value, sure = (np.repeat(part[:, None], len(lenders), axis=1) for part in (found.value, found.known))
    value[row], sure[row] = loan.value, loan.known
    directed = Criterion(value, sure)
    tried = reciprocal(directed, settled_fit(directed, situation.weights))
    speaking = outlook.masks | {"nothing_to_match": situation.facts.silent & (outlook.pairs.second != outlook.place)}
    others = np.arange(len(known))[None, :] != lenders[:, None]
    possible = possible_with(situation, outlook.pairs, speaking) & others
    made = trial(situation, outlook, [""] * len(lenders), possible, fit=tried)
    return replace(made, before=outlook.possible & others)


def trial(situation: Situation, outlook: Outlook, values: list[str], possible: Mask, **changed: Criterion) -> Trial:
    """The strengths with one criterion changed."""
    strength = strength_of(share_of_strength(outlook.found.symmetric | changed, situation.weights))
    return Trial(
        values=tuple(values),
        possible=np.broadcast_to(possible, strength.shape),
        strength=strength,
        before=outlook.possible[None, :],
        strength_before=outlook.found.strength[None, :],
    )

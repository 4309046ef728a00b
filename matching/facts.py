"""What a cohort states in fields and lists, as columns of numbers: made once, so that arrays judge any set of pairs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.pairs import Mask, Pairs
from matching.profile import Cohort, Pair, Profile

Codes = NDArray[np.int64]
GROUPS = {"creative": 0, "growth": 1}


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns of n; a code below 0 or an empty row means unknown, and unknown never equals unknown. Lists of pairs."""

    owner: Codes
    city: Codes
    sector: Codes
    group: Codes  # GROUPS
    country: Codes  # column of `markets`
    markets: Mask  # (n, countries) where an SME wants to sell
    languages: Codes  # (n, languages) 1 for each it works in
    readiness: Codes  # 1..5, 0 unknown
    silent: Mask  # neither description nor offers nor needs
    countries: tuple[str, ...]  # names of the columns
    spoken: tuple[str, ...]
    banned: Codes  # pairs, as in Pairs.codes
    known: Codes
    pinned: Codes


def facts_of(cohort: Cohort) -> Facts:
    """The fields of all profiles as columns, and the pairs that are decided."""
    people, place = cohort.profiles, cohort.places()
    countries = [p.country.upper() for p in people]
    wanted = [frozenset(m.upper() for m in p.markets) for p in people]
    known = sorted({*countries, *frozenset().union(*wanted)} - {""})
    spoken = sorted(frozenset().union(*(p.languages for p in people)))
    column = {country: i for i, country in enumerate(known)}
    return Facts(
        owner=codes([p.owner for p in people]),
        city=codes([p.city.casefold() for p in people]),
        sector=codes([p.sector.casefold() for p in people]),
        group=np.array([GROUPS.get(p.group, -1) for p in people], dtype=np.int64),
        country=np.array([column.get(country, -1) for country in countries], dtype=np.int64),
        markets=membership(wanted, known).astype(bool),
        languages=membership([p.languages for p in people], spoken),
        readiness=np.array([p.readiness or 0 for p in people], dtype=np.int64),
        silent=np.array([says_nothing(p) for p in people], dtype=bool),
        countries=tuple(known),
        spoken=tuple(spoken),
        banned=listed(cohort.banned, place),
        known=listed(cohort.known | cohort.history, place),
        pinned=listed(cohort.pinned, place),
    )


def listed(pairs: Iterable[Pair], place: dict[str, int]) -> Codes:
    """The pairs of a list, as in Pairs.codes; ids that do not take part are ignored."""
    ends = (sorted((place[a], place[b])) for a, b in pairs if a in place and b in place)
    return np.array(sorted({a * len(place) + b for a, b in ends if a != b}), dtype=np.int64)


def codes(values: Sequence[str]) -> Codes:
    """(n,) equal numbers for equal values, -1 for an empty one."""
    numbers = {value: i for i, value in enumerate(sorted(set(values) - {""}))}
    return np.array([numbers.get(value, -1) for value in values], dtype=np.int64)


def membership(sets: Sequence[frozenset[str]], members: Sequence[str]) -> Codes:
    """(n, members): 1 where a set has the member."""
    rows = [[m in chosen for m in members] for chosen in sets]
    return np.array(rows, dtype=np.int64).reshape(len(sets), len(members))


def says_nothing(profile: Profile) -> bool:
    """Neither description nor offers nor needs: there is nothing to compare."""
    return not any(text.strip() for text in (profile.description, *profile.offers, *profile.needs))


def equal(column: Codes, pairs: Pairs) -> Mask:
    """(m,) both known and the same."""
    return np.asarray((column[pairs.first] == column[pairs.second]) & (column[pairs.first] >= 0))


def equal_values(values: Sequence[str]) -> Mask:
    """(n, n): equal and not empty, of all pairs at once; an empty value never counts as equal."""
    column = codes(values)
    return np.asarray((column[:, None] == column[None, :]) & (column[:, None] >= 0))


def both(column: Mask, pairs: Pairs) -> Mask:
    """(m,) where it holds for both."""
    return np.asarray(column[pairs.first] & column[pairs.second])


def among(pairs: Pairs, named: Codes) -> Mask:
    """(m,) which of the pairs a list of codes names."""
    return np.isin(pairs.codes(), named)


def shared_languages(facts: Facts, pairs: Pairs) -> Codes:
    """(m,) how many working languages the two have in common: bits that both have set, 64 languages a word."""
    bits = np.packbits(facts.languages > 0, axis=1)
    words = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)
    shared = np.zeros(len(pairs), dtype=np.int64)
    for word in words.T:
        shared += np.bitwise_count(word[pairs.first] & word[pairs.second])
    return shared


def traits(facts: Facts, pairs: Pairs) -> dict[str, Mask]:
    """(m,) each: what the policy counts on a list; an empty value never counts as equal."""
    one, other = facts.group[pairs.first], facts.group[pairs.second]
    return {
        "partners": np.ones(len(pairs), dtype=bool),
        "other_city": ~equal(facts.city, pairs),
        "other_sector": ~equal(facts.sector, pairs),
        "creative_growth": np.asarray((one != other) & (one >= 0) & (other >= 0)),
    }

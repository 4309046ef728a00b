"""The chosen pairs told: numbers, quotes and gaps of each, and the order of everybody's list."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from matching import evidence
from matching.combination import Assessment, Situation
from matching.evidence import Evidence
from matching.facts import among
from matching.pairs import Places
from matching.profile import Cohort
from matching.result import Match


def describe(
    cohort: Cohort, situation: Situation, found: Assessment, places: Places, tick: Callable[[int, int], None]
) -> tuple[Match, ...]:
    """One Match for each of the assessed pairs at `places`, in their order."""
    pairs = found.pairs.where(places)
    ends = pairs.first.tolist(), pairs.second.tolist()
    tick(0, len(places))
    directions = evidence.quotes(*ends, situation), evidence.quotes(*ends[::-1], situation)
    pinned = among(pairs, situation.facts.pinned)
    matches = tuple(
        described(cohort, found, k, both, bool(pin))
        for k, both, pin in zip(places.tolist(), zip(*directions, strict=True), pinned, strict=True)
    )
    tick(len(places), len(places))
    return matches


def described(
    cohort: Cohort, found: Assessment, k: int, both: tuple[Evidence | None, Evidence | None], pinned: bool
) -> Match:
    """The assessed pair number k, with what can be quoted in either direction."""
    one, other = (cohort.profiles[place] for place in (found.pairs.first[k], found.pairs.second[k]))
    a_to_b, b_to_a = both
    alike_known = bool(found.symmetric["closeness"].known[k])
    return Match(
        a=one.id,
        b=other.id,
        strength=number(found.strength[k]),
        criteria=criteria_of(found, k),
        shares={name: number(share[k]) for name, share in found.shares.items()},
        confidence=number(found.confidence[k]),
        a_to_b=a_to_b,
        b_to_a=b_to_a,
        missing=evidence.missing(one, other, a_to_b, b_to_a),
        distance=evidence.distance_in_words(float(found.quantile[k]), alike_known),
        pinned=pinned,
    )


def criteria_of(found: Assessment, k: int) -> dict[str, float]:
    """Every criterion of a pair, the directed ones both ways; what is unknown is left out."""
    values: dict[str, float] = {}
    for name, criterion in found.directed.items():
        for row, direction in enumerate(("a_to_b", "b_to_a")):
            if criterion.known[row, k] > 0:
                values[f"{name}_{direction}"] = number(criterion.value[row, k])
    for name, criterion in found.symmetric.items():
        if criterion.known[k] > 0:
            values[name] = number(criterion.value[k])
    return values


def number(value: np.float32) -> float:
    """An entry as a plain float of five digits."""
    return round(float(value), 5)


def ranked(
    situation: Situation, found: Assessment, places: Places, words: NDArray[np.uint64]
) -> dict[str, tuple[str, ...]]:
    """Each SME's partners, best first: the pair's strength and what the partner brings to this SME; seeded ties."""
    lists: dict[int, list[tuple[float, int, int]]] = {i: [] for i in range(len(situation.ids))}
    strength = found.strength.astype(np.float64)
    for k in places.tolist():
        ends = int(found.pairs.first[k]), int(found.pairs.second[k])
        for row, (one, other) in enumerate((ends, ends[::-1])):
            worth = round(float(strength[k] + situation.weights.brings * found.fit[row, k]), 5)
            lists[one].append((-worth, int(words[other]), other))
    return {
        situation.ids[i]: tuple(situation.ids[other] for *_, other in sorted(entries)) for i, entries in lists.items()
    }

"""The engine: a cohort and its vectors in, shortlists with reasons out. No clock, no network, no global state."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching import evidence, rules
from matching.combination import Assessment, Weights, assess
from matching.profile import Cohort, Pair, Policy, Profile
from matching.result import Match, Result, Ring
from matching.selection import Limits, random_words, select
from matching.shortfall import Situation, shortfalls
from matching.statements import Texts, Vectors, gather

Progress = Callable[[str, int, int], None]
STAGES = ("rules", "fit", "selection", "evidence")


def build(
    cohort: Cohort,
    vectors: Vectors,
    policy: Policy,
    weights: Weights,
    seed: int,
    progress: Progress | None = None,
) -> Result:
    """Shortlists for everyone; `vectors` has a row for each of `texts(profile)`. Progress may raise to cancel.

    ValueError for a repeated id or a text without vector; incomplete profiles are no error.
    """
    tell = progress or (lambda stage, done, total: None)
    cohort = in_order(cohort)
    people = cohort.profiles
    tell("rules", 0, 1)
    mask, masks = rules.allowed(cohort, policy)
    tell("rules", 1, 1)
    tell("fit", 0, 1)
    texts = gather(people, vectors)
    found = assess(people, texts, policy, weights, cohort.history)
    tell("fit", 1, 1)
    place = {profile.id: i for i, profile in enumerate(people)}
    pinned = rules.listed(cohort.pinned, place) & mask
    traits = traits_of(people)
    wanted = wanted_of(policy, traits, mask)
    limits = Limits(np.maximum(policy.most_partners, pinned.sum(axis=1)), attainable(wanted, traits, mask), traits)
    words = random_words([p.id for p in people], seed)
    strength = found.strength.astype(np.float64)
    chosen = select(strength, mask, pinned, limits, words, lambda done, total: tell("selection", done, total))
    matches = describe(people, chosen.pairs, texts, found, pinned, lambda d, t: tell("evidence", d, t))
    on_list = rules.listed([(m.a, m.b) for m in matches], place)
    return Result(
        matches=matches,
        lists=ranked(people, on_list, found, weights, as_fractions(words)),
        short=shortfalls(Situation(people, policy, mask, masks, traits, wanted, on_list)),
        gap=chosen.gap,
        refused=refused_pins(cohort, masks, place),
        rings=rings_of(people, texts, found, mask),
    )


def rings_of(people: tuple[Profile, ...], texts: Texts, found: Assessment, mask: rules.Mask) -> tuple[Ring, ...]:
    """The best exchange rings, each step quoted."""
    from matching.rings import best_rings, steps  # which reads a cohort as this module does

    fit = found.directed["fit"]
    return tuple(
        Ring(
            members=tuple(people[i].id for i in ring),
            evidence=tuple(evidence.quotes(i, j, texts, found) for i, j in steps(ring)),
        )
        for ring in best_rings((fit.value * fit.known).astype(np.float64), mask)
    )


def in_order(cohort: Cohort) -> Cohort:
    """The cohort sorted by id, so that nothing depends on the order of the input."""
    people = tuple(sorted(cohort.profiles, key=lambda profile: profile.id))
    for one, two in pairwise(people):
        if one.id == two.id:
            raise ValueError(f"SME {one.id} is in the cohort twice")
    return replace(cohort, profiles=people)


def traits_of(people: tuple[Profile, ...]) -> dict[str, rules.Mask]:
    """(n, n) masks of what the policy counts on a list; an empty value never counts as equal."""
    groups = np.array([p.group for p in people], dtype=object)
    across = (groups[:, None] == "creative") & (groups[None, :] == "growth")
    everyone = ~np.eye(len(people), dtype=bool)
    return {
        "partners": everyone,
        "other_city": ~rules.equal([p.city.casefold() for p in people]) & everyone,
        "other_sector": ~rules.equal([p.sector.casefold() for p in people]) & everyone,
        "creative_growth": np.asarray(across | across.T, dtype=bool),
    }


def wanted_of(policy: Policy, traits: dict[str, rules.Mask], mask: rules.Mask) -> dict[str, NDArray[np.int64]]:
    """(n,) what the policy asks for; across creative and growth only where a candidate exists, as its rule says."""
    n = len(mask)
    wanted = {
        "partners": policy.min_partners,
        "other_city": policy.min_other_city,
        "other_sector": policy.min_other_sector,
        "creative_growth": policy.min_creative_growth,
    }
    asked = {name: np.full(n, count, dtype=np.int64) for name, count in wanted.items()}
    asked["creative_growth"] = np.minimum(asked["creative_growth"], (traits["creative_growth"] & mask).sum(axis=1))
    return asked


def attainable(
    wanted: dict[str, NDArray[np.int64]], traits: dict[str, rules.Mask], mask: rules.Mask
) -> dict[str, NDArray[np.int64]]:
    """(n,) what is asked, no more than each SME's own candidates allow: the rest is told, not priced."""
    return {name: np.minimum(count, (traits[name] & mask).sum(axis=1)) for name, count in wanted.items()}


def describe(
    people: tuple[Profile, ...],
    pairs: tuple[tuple[int, int], ...],
    texts: Texts,
    found: Assessment,
    pinned: rules.Mask,
    tick: Callable[[int, int], None],
) -> tuple[Match, ...]:
    """Numbers, quotes and gaps of every chosen pair."""
    matches = []
    tick(0, len(pairs))
    for done, (a, b) in enumerate(pairs, start=1):
        a_to_b, b_to_a = evidence.quotes(a, b, texts, found), evidence.quotes(b, a, texts, found)
        alike_known = bool(found.symmetric["closeness"].known[a, b])
        matches.append(
            Match(
                a=people[a].id,
                b=people[b].id,
                strength=number(found.strength[a, b]),
                criteria=criteria_of(found, a, b),
                shares={name: number(share[a, b]) for name, share in found.shares.items()},
                confidence=number(found.confidence[a, b]),
                a_to_b=a_to_b,
                b_to_a=b_to_a,
                missing=evidence.missing(people[a], people[b], a_to_b, b_to_a),
                distance=evidence.distance_in_words(float(found.quantile[a, b]), alike_known),
                pinned=bool(pinned[a, b]),
            )
        )
        tick(done, len(pairs))
    return tuple(matches)


def criteria_of(found: Assessment, a: int, b: int) -> dict[str, float]:
    """Every criterion of a pair, the directed ones both ways; what is unknown is left out."""
    values: dict[str, float] = {}
    for name, criterion in found.directed.items():
        for direction, (i, j) in (("a_to_b", (a, b)), ("b_to_a", (b, a))):
            if criterion.known[i, j] > 0:
                values[f"{name}_{direction}"] = number(criterion.value[i, j])
    for name, criterion in found.symmetric.items():
        if criterion.known[a, b] > 0:
            values[name] = number(criterion.value[a, b])
    return values


def number(value: np.float32) -> float:
    """A matrix entry as a plain float of five digits."""
    return round(float(value), 5)


def as_fractions(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(n,) the seeded words as numbers in 0..1, to break ties within a list."""
    return np.asarray(words / 2.0**64, np.float64)


def ranked(
    people: tuple[Profile, ...], on_list: rules.Mask, found: Assessment, weights: Weights, ties: NDArray[np.float64]
) -> dict[str, tuple[str, ...]]:
    """Each SME's partners, best first: the pair's strength and what the partner brings to this SME."""
    worth = np.round(found.strength.astype(np.float64) + weights.brings * found.fit, 5)
    return {
        profile.id: tuple(
            people[j].id for j in sorted(np.flatnonzero(on_list[i]), key=lambda j: (-worth[i, j], ties[j]))
        )
        for i, profile in enumerate(people)
    }


def refused_pins(cohort: Cohort, masks: dict[str, rules.Mask], place: dict[str, int]) -> dict[Pair, str]:
    """Pins that a rule stronger than the organiser's pin forbids, with the rule; pins of absent SMEs are ignored."""
    there = [(a, b) for a, b in sorted(cohort.pinned) if a in place and b in place]
    return {
        (a, b): rule for a, b in there for rule in reversed(rules.STRONGER_THAN_PINS) if masks[rule][place[a], place[b]]
    }

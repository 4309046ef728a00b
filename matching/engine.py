"""The engine: a cohort and its vectors in, shortlists with reasons out. No clock, no network, no global state."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching import facts, rules
from matching.background import Background
from matching.combination import Assessment, Situation, Weights, assess
from matching.first_pass import candidates
from matching.history import history_of
from matching.likeness import scale_of
from matching.matches import describe, ranked
from matching.pairs import Pairs, all_pairs
from matching.profile import Cohort, Pair, Policy
from matching.result import Result
from matching.rings import exchange_rings
from matching.selection import Problem, random_words, select
from matching.shortfall import Outcome, relaxations, shortfalls
from matching.statements import Vectors, gather

Progress = Callable[[str, int, int], None]
Counts = dict[str, NDArray[np.int64]]
EXACT = 3_000  # up to so many SMEs every pair gets the exact strength
STAGES = ("rules", "fit", "selection", "shortfalls", "evidence")


def build(
    cohort: Cohort,
    vectors: Vectors,
    policy: Policy,
    weights: Weights,
    seed: int,
    progress: Progress | None = None,
    background: Background | None = None,
) -> Result:
    """Shortlists for everyone; `vectors` has a row for each of `texts(profile)`. Progress may raise to cancel.

    Without a `background` (see `background.load`) the fit is measured on the cohort's own texts.
    ValueError for a repeated id or a text without vector; incomplete profiles are no error.
    """
    tell = progress or (lambda stage, done, total: None)
    cohort = in_order(cohort)
    tell("rules", 0, 1)
    situation = situation_of(cohort, vectors, policy, weights, background)
    pairs = open_pairs(situation)
    tell("rules", 1, 1)
    tell("fit", 0, 1)
    found = assess(situation, pairs)
    tell("fit", 1, 1)
    words = random_words(situation.ids, seed)
    problem, wanted = asked(situation, found, words)
    chosen = select(problem, lambda done, total: tell("selection", done, total))
    places = np.searchsorted(pairs.codes(), [a * pairs.n + b for a, b in chosen.pairs])
    outcome = Outcome(situation, cohort.profiles, wanted, problem.most, pairs.where(places))
    short = shortfalls(outcome, lambda done, total: tell("shortfalls", done, total))
    return Result(
        matches=describe(cohort, situation, found, places, lambda d, t: tell("evidence", d, t)),
        lists=ranked(situation, found, places, words),
        short={sme: found_short.told for sme, found_short in short.items()},
        gap=chosen.gap,
        refused=refused_pins(cohort, situation),
        rings=exchange_rings(situation, found),
        relaxations=relaxations(short, cohort.profiles),
    )


def in_order(cohort: Cohort) -> Cohort:
    """The cohort sorted by id, so that nothing depends on the order of the input."""
    people = tuple(sorted(cohort.profiles, key=lambda profile: profile.id))
    for one, two in pairwise(people):
        if one.id == two.id:
            raise ValueError(f"SME {one.id} is in the cohort twice")
    return replace(cohort, profiles=people)


def situation_of(
    cohort: Cohort, vectors: Vectors, policy: Policy, weights: Weights, background: Background | None = None
) -> Situation:
    """All that pairs are judged by, made once."""
    ids = tuple(profile.id for profile in cohort.profiles)
    texts = gather(cohort.profiles, vectors, background)
    return Situation(
        ids=ids,
        facts=facts.facts_of(cohort),
        texts=texts,
        scale=scale_of(texts),
        history=history_of(ids, cohort.history) if cohort.history else None,
        policy=policy,
        weights=weights,
    )


def open_pairs(situation: Situation) -> Pairs:
    """The pairs that may be matched: all of them, or in a large cohort those that a first pass finds promising."""
    if len(situation.ids) > EXACT:
        return candidates(situation)
    pairs = all_pairs(len(situation.ids))
    masks = rules.removed(situation.facts, situation.policy, pairs)
    return pairs.where(rules.allowed(situation.facts, pairs, masks))


def asked(situation: Situation, found: Assessment, words: NDArray[np.uint64]) -> tuple[Problem, Counts]:
    """The selection's problem over the open pairs, and what the policy asks for by SME, (n,) each."""
    pairs, policy = found.pairs, situation.policy
    traits = facts.traits(situation.facts, pairs)
    there = {name: pairs.counts(trait) for name, trait in traits.items()}
    pinned = facts.among(pairs, situation.facts.pinned)
    wanted = wanted_of(policy, there)
    return Problem(
        n=pairs.n,
        first=pairs.first,
        second=pairs.second,
        utility=found.strength.astype(np.float64),
        pinned=pinned,
        most=np.maximum(policy.most_partners, pairs.counts(pinned)),
        # No more than each SME's own candidates allow: the rest is told, not priced.
        least={name: np.minimum(count, there[name]) for name, count in wanted.items()},
        traits=traits,
        words=words,
    ), wanted


def wanted_of(policy: Policy, there: Counts) -> Counts:
    """(n,) what the policy asks for; across creative and growth only where a candidate exists, as its rule says."""
    counts = {
        "partners": policy.min_partners,
        "other_city": policy.min_other_city,
        "other_sector": policy.min_other_sector,
        "creative_growth": policy.min_creative_growth,
    }
    wanted = {name: np.full(len(there[name]), count, dtype=np.int64) for name, count in counts.items()}
    wanted["creative_growth"] = np.minimum(wanted["creative_growth"], there["creative_growth"])
    return wanted


def refused_pins(cohort: Cohort, situation: Situation) -> dict[Pair, str]:
    """Pins that a rule stronger than the organiser's pin forbids, with the rule; pins of absent SMEs are ignored."""
    pins = situation.facts.pinned
    n = len(situation.ids)
    pairs = Pairs(n, pins // max(n, 1), pins % max(n, 1))
    masks = rules.removed(situation.facts, situation.policy, pairs)
    return {
        (situation.ids[pairs.first[k]], situation.ids[pairs.second[k]]): rule
        for k in range(len(pairs))
        for rule in reversed(rules.STRONGER_THAN_PINS)
        if masks[rule][k]
    }

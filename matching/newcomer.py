"""Whom a profile that is just being written would meet: its pairs judged as those of a run, with a standing cohort.

What the others bring to a pair is prepared once (`standing`); a newcomer then costs its own texts and one row of pairs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from matching import facts, rules
from matching.background import Background
from matching.combination import Situation, Weights, assess
from matching.engine import in_order
from matching.likeness import scale_of
from matching.matches import describe
from matching.pairs import pairs_of
from matching.profile import Cohort, Policy, Profile
from matching.result import Match
from matching.selection import random_words
from matching.statements import Array, Statements, Texts, Vectors, gather

NEWCOMER = "newcomer"


@dataclass(frozen=True, slots=True)
class Standing:
    """A cohort by id, with the vectors of its texts laid out and its scale of likeness."""

    profiles: tuple[Profile, ...]
    texts: Texts
    scale: Array


def standing(profiles: Sequence[Profile], vectors: Vectors, background: Background | None = None) -> Standing:
    """Prepare a cohort; `vectors` has a row for each of `texts(profile)`. ValueError as of `engine.build`."""
    people = in_order(Cohort(tuple(profiles))).profiles
    laid_out = gather(people, vectors, background)
    return Standing(people, laid_out, scale_of(laid_out))


def renewed(among: Standing, changed: Sequence[Profile], gone: Collection[str], vectors: Vectors) -> Standing:
    """The cohort without those who are gone and with the changed ones as they are now, on the same background.

    Equal to `standing` of them all, where that has this background: what is said of a text depends on these two."""
    fresh = in_order(Cohort(tuple(changed))).profiles
    out = {*gone, *(profile.id for profile in fresh)}
    kept = [place for place, profile in enumerate(among.profiles) if profile.id not in out]
    people = (*(among.profiles[place] for place in kept), *fresh)
    both = joined(some(among.texts, kept), gather(fresh, vectors, among.texts.background)) if fresh else among.texts
    order = sorted(range(len(people)), key=lambda place: people[place].id)
    laid_out = some(both, order if fresh else kept)
    return Standing(tuple(people[place] for place in order), laid_out, scale_of(laid_out))


def nearest(
    among: Standing,
    newcomer: Profile,
    vectors: Vectors,
    policy: Policy,
    weights: Weights,
    k: int,
    apart: Collection[str] = (),
) -> tuple[Match, ...]:
    """The newcomer's k strongest pairs, best first; in each Match it is `b`, under the id NEWCOMER.

    apart: ids it does not meet, such as its own stored self. No pair of these depends on who else is a newcomer."""
    if not among.profiles:
        return ()
    own = replace(newcomer, id=NEWCOMER)
    cohort = Cohort((*among.profiles, own))
    texts = joined(among.texts, gather([own], vectors, among.texts.background))
    ids = tuple(profile.id for profile in cohort.profiles)
    situation = Situation(ids, facts.facts_of(cohort), texts, among.scale, None, policy, weights)
    pairs = pairs_of(len(ids) - 1, len(ids))
    masks = rules.removed(situation.facts, policy, pairs)
    met = np.array([sme not in apart for sme in ids[:-1]], dtype=bool)
    found = assess(situation, pairs.where(rules.allowed(situation.facts, pairs, masks) & met))
    words = random_words(ids, seed=0)  # of equally strong ones
    order = np.lexsort((words[found.pairs.first], -found.strength))[:k]
    return describe(cohort, situation, found, order, lambda done, total: None)


def some(texts: Texts, places: Sequence[int]) -> Texts:
    """The texts of some SMEs, in the order given."""
    chosen = np.asarray(places, dtype=np.int64)
    return Texts(
        needs=texts.needs.of(chosen),
        offers=texts.offers.of(chosen),
        descriptions=texts.descriptions[chosen],
        languages=texts.languages[chosen],
        background=texts.background,
    )


def joined(first: Texts, second: Texts) -> Texts:
    """The texts of two groups on one background, the second's after the first's."""
    return Texts(
        needs=appended(first.needs, second.needs),
        offers=appended(first.offers, second.offers),
        descriptions=np.vstack([first.descriptions, second.descriptions]),
        languages=np.concatenate([first.languages, second.languages]),
        background=first.background,
    )


def appended(first: Statements, second: Statements) -> Statements:
    """The statements of both, one group after the other."""
    return Statements(
        texts=first.texts + second.texts,
        languages=np.concatenate([first.languages, second.languages]),
        vectors=np.vstack([first.vectors, second.vectors]),
        words=sparse.vstack([first.words, second.words], format="csr"),
        bounds=np.concatenate([first.bounds, first.bounds[-1] + second.bounds[1:]]),
        stated=np.concatenate([first.stated, second.stated]),
    )

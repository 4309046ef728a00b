"""For an SME whose list falls short: what it lacks, what is in the way, and the cheapest change that helps."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matching import facts, rules
from matching.combination import Situation
from matching.counterfactual import advice, advised
from matching.obstacle import View, obstacle
from matching.pairs import Mask, Pairs, Places, pairs_of
from matching.profile import Profile
from matching.ways import Ways, in_words, together


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What one SME's list lacks. `missing` counts by minimum: 'partners', 'other_city', 'other_sector', …"""

    missing: dict[str, int]
    rule: str  # what is in the way, see obstacle.Obstacle
    reason: str  # in words
    relaxation: str  # the cheapest change, in words
    removed: dict[str, int]  # candidates each rule removes
    advice: str = ""  # the one change to its profile that would help it most, in words


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, and what was asked of it."""

    situation: Situation
    people: tuple[Profile, ...]
    wanted: dict[str, Places]  # (n,) by minimum
    most: Places  # (n,) places on each list
    chosen: Pairs


@dataclass(frozen=True, slots=True)
class Found:
    """A shortfall as it is told, and its ways out before they are words."""

    told: Shortfall
    ways: Ways


def shortfalls(outcome: Outcome, tick: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Found]:
    """One entry per SME that is left short, by id. Of large cohorts the worst off alone are advised."""
    lacking = lacks(outcome)
    asked = advised(list(lacking.items()), outcome.chosen.n)
    total = len(asked) + len(lacking)
    words = advice(outcome.situation, asked, lambda done: tick(done, total))
    full = outcome.chosen.counts(np.ones(len(outcome.chosen), dtype=bool)) >= outcome.most
    found = {}
    for done, (place, missing) in enumerate(lacking.items(), start=len(asked)):
        tick(done, total)
        found[outcome.people[place].id] = explained(view_of(place, outcome, full), missing, words.get(place, ""))
    tick(total, total)
    return found


def relaxations(short: dict[str, Found], people: tuple[Profile, ...]) -> tuple[str, ...]:
    """What would help the SMEs left short, said once for all whom it would help."""
    return together((profile.name, short[profile.id].ways) for profile in people if profile.id in short)


def lacks(outcome: Outcome) -> dict[int, dict[str, int]]:
    """How many partners of each kind are missing, by the places of the SMEs left short."""
    traits = facts.traits(outcome.situation.facts, outcome.chosen)
    missing = {name: wanted - outcome.chosen.counts(traits[name]) for name, wanted in outcome.wanted.items()}
    short = np.flatnonzero(np.any([count > 0 for count in missing.values()], axis=0))
    return {
        place: {name: int(count[place]) for name, count in missing.items() if count[place] > 0}
        for place in short.tolist()
    }


def view_of(place: int, outcome: Outcome, full: Mask) -> View:
    """All other SMEs from the side of one; `full` (n,) says whose lists are."""
    situation, chosen = outcome.situation, outcome.chosen
    pairs = pairs_of(place, chosen.n)
    others = np.delete(np.arange(chosen.n), place)
    masks = rules.removed(situation.facts, situation.policy, pairs)
    return View(
        profile=outcome.people[place],
        open=rules.allowed(situation.facts, pairs, masks),
        masks=masks,
        traits=facts.traits(situation.facts, pairs),
        chosen=facts.among(pairs, chosen.codes()),
        pinned=facts.among(pairs, situation.facts.pinned),
        full=full[others],
        limits=outcome.most[others],
        wanted={name: int(wanted[place]) for name, wanted in outcome.wanted.items()},
        most=int(outcome.most[place]),
        longest=situation.policy.most_partners,
    )


def explained(view: View, missing: dict[str, int], words: str) -> Found:
    """What is in the way of one SME, the cheapest relaxation, and the advice in words."""
    found = obstacle(view, *next(iter(missing.items())))
    told = Shortfall(
        missing=missing,
        rule=found.rule,
        reason=found.reason,
        relaxation=in_words(found.ways, view.profile.name),
        removed={name: int(mask.sum()) for name, mask in view.masks.items()},
        advice=words,
    )
    return Found(told, found.ways)

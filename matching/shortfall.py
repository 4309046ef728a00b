"""For an SME whose list falls short: what it lacks, which rule is in the way, and the cheapest change that helps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matching import facts, rules
from matching.combination import Situation
from matching.counterfactual import advice
from matching.pairs import Mask, Places, pairs_of
from matching.profile import Profile
from matching.ways import TRAIT_WORDS, Way, Ways, in_words, plural, together

# Rules in the order in which an organiser gives way most easily.
GIVES_WAY = ("same_city", "same_sector", "no_shared_language", "nothing_to_match", "known", "same_owner", "banned")


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What one SME's list lacks. `missing` counts by minimum: 'partners', 'other_city', 'other_sector', …"""

    missing: dict[str, int]
    rule: str  # the rule that blocks, a key of rules.WORDS, or 'too_few' or 'full'
    reason: str  # in words
    relaxation: str  # the cheapest change, in words
    removed: dict[str, int]  # candidates each rule removes
    advice: str = ""  # the one change to its profile that would help it most, in words


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, and what was asked of it: (n,) counts by minimum."""

    situation: Situation
    people: tuple[Profile, ...]
    wanted: dict[str, Places]
    chosen: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class View:
    """What one SME sees: (n - 1,) each, one entry per other SME."""

    place: int
    profile: Profile
    open: Mask
    masks: dict[str, Mask]
    traits: dict[str, Mask]
    chosen: Mask


@dataclass(frozen=True, slots=True)
class Found:
    """A shortfall as it is told, and its ways out before they are words."""

    told: Shortfall
    ways: Ways


def shortfalls(outcome: Outcome) -> dict[str, Found]:
    """One entry per SME that is left short, by id."""
    partners: dict[int, list[int]] = {i: [] for i in range(len(outcome.people))}
    for a, b in outcome.chosen:
        partners[a].append(b)
        partners[b].append(a)
    return {
        outcome.people[i].id: explained(view, lacking, outcome)
        for i in partners
        for view in [view_of(i, partners[i], outcome)]
        for lacking in [lacks(view, outcome)]
        if lacking
    }


def relaxations(short: dict[str, Found], people: tuple[Profile, ...]) -> tuple[str, ...]:
    """What would help the SMEs left short, said once for all whom it would help."""
    return together((profile.name, short[profile.id].ways) for profile in people if profile.id in short)


def view_of(i: int, partners: list[int], outcome: Outcome) -> View:
    """All other SMEs from the side of one."""
    situation = outcome.situation
    pairs = pairs_of(i, len(outcome.people))
    masks = rules.removed(situation.facts, situation.policy, pairs)
    return View(
        place=i,
        profile=outcome.people[i],
        open=rules.allowed(situation.facts, pairs, masks),
        masks=masks,
        traits=facts.traits(situation.facts, pairs),
        chosen=np.isin(np.delete(np.arange(len(outcome.people)), i), partners),
    )


def lacks(view: View, outcome: Outcome) -> dict[str, int]:
    """How many partners of each kind are missing."""
    counts = {
        name: int(wanted[view.place] - (view.chosen & view.traits[name]).sum())
        for name, wanted in outcome.wanted.items()
    }
    return {name: count for name, count in counts.items() if count > 0}


def explained(view: View, lacking: dict[str, int], outcome: Outcome) -> Found:
    """The blocking rule, the cheapest relaxation and the change to its profile that would help one SME most."""
    first, count = next(iter(lacking.items()))
    free = view.open & view.traits[first] & ~view.chosen
    most = outcome.situation.policy.most_partners
    rule, reason, ways = full(view.profile, first, count, most) if free.sum() >= count else blocked(view, first, count)
    removed = {name: int(mask.sum()) for name, mask in view.masks.items()}
    told = Shortfall(
        missing=lacking,
        rule=rule,
        reason=reason,
        relaxation=in_words(ways, view.profile.name),
        removed=removed,
        advice=advice(outcome.situation, view.place, first, count),
    )
    return Found(told, ways)


def full(profile: Profile, minimum: str, count: int, most: int) -> tuple[str, str, Ways]:
    """Candidates exist, but their lists are full."""
    longer = Way("longer", most + 1)
    if minimum == "partners":
        return "full", f"every further partner {profile.name} could have is already on {most} lists", (longer,)
    trait = TRAIT_WORDS[minimum]
    reason = f"the candidates from {trait} that {profile.name} could have are already on {most} lists"
    return "full", reason, (accept_fewer(profile, minimum, count), longer)


def accept_fewer(profile: Profile, minimum: str, count: int) -> Way:
    """Giving way on a minimum."""
    return Way(minimum, count, profile.city if minimum == "other_city" else "")


def blocked(view: View, minimum: str, count: int) -> tuple[str, str, Ways]:
    """Too few candidates: which single rule keeps most of them out, and what letting go of it would take."""
    gains = dict(candidates_per_rule(view, minimum))
    enough = [rule for rule in GIVES_WAY if gains.get(rule, 0) >= count]
    rule = enough[0] if enough else max(gains, key=lambda r: gains[r], default="")
    profile = view.profile
    if not rule or not gains[rule]:
        return too_few(profile, minimum, count, there=int(view.traits[minimum].sum()))
    reason = f"{plural(gains[rule], 'candidate')} of {profile.name} left out: {rules.WORDS[rule]}"
    place = {"same_city": profile.city, "same_sector": profile.sector}.get(rule, "")
    return rule, reason, (Way(rule, min(count, gains[rule]), place),)


def too_few(profile: Profile, minimum: str, count: int, there: int) -> tuple[str, str, Ways]:
    """No single rule is in the way: not enough SMEs of the kind take part."""
    if minimum == "partners":
        reason = f"only {plural(there, 'other SME')} could be asked for {profile.name}"
        return "too_few", reason, (Way("register", count),)
    kind = TRAIT_WORDS[minimum]
    reason = f"only {plural(there, 'SME')} from {kind} could be asked for {profile.name}"
    return "too_few", reason, (accept_fewer(profile, minimum, count), Way("register", count, kind))


def candidates_per_rule(view: View, minimum: str) -> Iterator[tuple[str, int]]:
    """How many more candidates of the trait the SME would have if one rule alone were dropped."""
    everyone = view.traits[minimum] & ~view.open
    for name, mask in view.masks.items():
        others = np.any([other for rule, other in view.masks.items() if rule != name], axis=0)
        yield name, int((everyone & mask & ~others).sum())

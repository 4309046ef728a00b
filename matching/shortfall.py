"""For an SME whose list falls short: what it lacks, which rule is in the way, and the cheapest change that helps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.profile import Policy, Profile
from matching.rules import WORDS, Mask, removed_per_rule

# Rules in the order in which an organiser gives way most easily.
GIVES_WAY = ("same_city", "same_sector", "no_shared_language", "nothing_to_match", "known", "same_owner", "banned")
TRAIT_WORDS = {"other_city": "another city", "other_sector": "another sector", "creative_growth": "the other group"}


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What one SME's list lacks. `missing` counts by minimum: 'partners', 'other_city', 'other_sector', …"""

    missing: dict[str, int]
    rule: str  # the rule that blocks, a key of rules.WORDS, or 'too_few' or 'full'
    reason: str  # in words
    relaxation: str  # the cheapest change, in words
    removed: dict[str, int]  # candidates each rule removes
    advice: str = ""  # the one change to its profile that would help most, in words


@dataclass(frozen=True, slots=True)
class Situation:
    """What the lists of a run look like from the rules' side; (n, n) masks and (n,) counts by minimum."""

    people: tuple[Profile, ...]
    policy: Policy
    open: Mask
    masks: dict[str, Mask]
    traits: dict[str, Mask]
    wanted: dict[str, NDArray[np.int64]]  # what the policy asks for
    chosen: Mask


def shortfalls(situation: Situation) -> dict[str, Shortfall]:
    """One entry per SME that is left short, by id."""
    reached = {name: (situation.chosen & trait).sum(axis=1) for name, trait in situation.traits.items()}
    lacking = {name: np.maximum(0, wanted - reached[name]) for name, wanted in situation.wanted.items()}
    return {
        profile.id: explain(i, {name: int(counts[i]) for name, counts in lacking.items() if counts[i]}, situation)
        for i, profile in enumerate(situation.people)
        if any(counts[i] for counts in lacking.values())
    }


def explain(i: int, lacking: dict[str, int], situation: Situation) -> Shortfall:
    """The blocking rule and the cheapest relaxation for one SME."""
    first, count = next(iter(lacking.items()))
    free = situation.open[i] & situation.traits[first][i] & ~situation.chosen[i]
    if free.sum() >= count:
        rule, reason, relaxation = full(situation.people[i], first, count, situation.policy)
    else:
        rule, reason, relaxation = blocked(i, first, count, situation)
    return Shortfall(lacking, rule, reason, relaxation, removed_per_rule(i, situation.masks))


def full(profile: Profile, minimum: str, count: int, policy: Policy) -> tuple[str, str, str]:
    """Candidates exist, but their lists are full."""
    longer = f"allow {policy.most_partners + 1} partners on a list instead of {policy.most_partners}"
    reason = f"every further partner {profile.name} could have is already on {policy.most_partners} lists"
    if minimum == "partners":
        return "full", reason, longer
    trait = TRAIT_WORDS[minimum]
    reason = f"the candidates from {trait} that {profile.name} could have are already on {policy.most_partners} lists"
    return "full", reason, f"{accept_fewer(profile, minimum, count)}, or {longer}"


def accept_fewer(profile: Profile, minimum: str, count: int) -> str:
    """Giving way on a minimum for this one SME."""
    whose = {
        "other_city": f"{profile.city}'s own city" if profile.city else "its own city",
        "other_sector": "its own sector",
        "creative_growth": "its own group",
    }[minimum]
    return f"allow {plural(count, 'partner')} from {whose} for {profile.name}"


def blocked(i: int, minimum: str, count: int, situation: Situation) -> tuple[str, str, str]:
    """Too few candidates: which single rule keeps most of them out, and what letting go of it would take."""
    trait = situation.traits[minimum][i]
    gains = dict(candidates_per_rule(i, trait, situation))
    enough = [rule for rule in GIVES_WAY if gains.get(rule, 0) >= count]
    rule = enough[0] if enough else max(gains, key=lambda r: gains[r], default="")
    profile = situation.people[i]
    if not rule or not gains[rule]:
        return too_few(profile, minimum, count, there=int(trait.sum()))
    reason = f"{plural(gains[rule], 'candidate')} of {profile.name} left out: {WORDS[rule]}"
    return rule, reason, give_way(rule, min(count, gains[rule]), profile)


def too_few(profile: Profile, minimum: str, count: int, there: int) -> tuple[str, str, str]:
    """No single rule is in the way: not enough SMEs of the kind take part."""
    more = f"register {plural(count, 'more SME')}"
    if minimum == "partners":
        return "too_few", f"only {plural(there, 'other SME')} could be asked for {profile.name}", more
    kind = TRAIT_WORDS[minimum]
    reason = f"only {plural(there, 'SME')} from {kind} could be asked for {profile.name}"
    return "too_few", reason, f"{accept_fewer(profile, minimum, count)}, or {more} from {kind}"


def candidates_per_rule(i: int, trait: NDArray[np.bool_], situation: Situation) -> Iterator[tuple[str, int]]:
    """How many more candidates of the trait SME i would have if one rule alone were dropped."""
    names = [name for name in situation.masks if name != "self"]
    everyone = trait & ~situation.masks["self"][i] & ~situation.open[i]
    for name in names:
        others = np.any([situation.masks[other][i] for other in names if other != name], axis=0)
        yield name, int((everyone & situation.masks[name][i] & ~others).sum())


def give_way(rule: str, count: int, profile: Profile) -> str:
    """The change that lets `count` candidates in, said to the organiser."""
    partners = plural(count, "partner")
    return {
        "same_city": f"allow {partners} from {profile.city}'s own city for {profile.name}",
        "same_sector": f"allow {partners} from its own sector ({profile.sector}) for {profile.name}",
        "no_shared_language": f"offer an interpreter for {partners}, or ask {profile.name} for a further language",
        "nothing_to_match": f"complete the profile of {profile.name} or of {partners}",
        "known": f"allow {partners} that {profile.name} knows already",
        "same_owner": f"allow {partners} of its own company group for {profile.name}",
        "banned": f"lift the exclusion of {partners} for {profile.name}",
    }[rule]


def plural(count: int, noun: str) -> str:
    """'one partner', '2 partners'."""
    return f"one {noun}" if count == 1 else f"{count} {noun}s"

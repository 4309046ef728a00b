"""Hard rules: which pairs may not be matched at all, each rule a named boolean (n, n) mask."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from matching.profile import Cohort, Pair, Policy, Profile

Mask = NDArray[np.bool_]

# What a broker reads when a rule is what keeps an SME's list short.
WORDS = {
    "self": "an SME cannot be its own partner",
    "same_owner": "they belong to the same company group",
    "banned": "the pair was ruled out",
    "known": "they know each other already",
    "no_shared_language": "they share no working language",
    "same_city": "the event asks for partners from another city",
    "same_sector": "the event asks for partners from another sector",
    "nothing_to_match": "one of the two profiles says nothing to match on",
}
# A pin is the organiser's decision and outweighs every rule but these.
STRONGER_THAN_PINS = ("self", "same_owner", "banned", "known")


def allowed(cohort: Cohort, policy: Policy) -> tuple[Mask, dict[str, Mask]]:
    """(n, n) symmetric mask of the pairs that may be matched, and per rule the mask of what it removes."""
    people = cohort.profiles
    place = {profile.id: i for i, profile in enumerate(people)}
    masks = {
        "self": np.eye(len(people), dtype=bool),
        "same_owner": equal([p.owner for p in people]),
        "banned": listed(cohort.banned, place),
        "known": listed(cohort.known | cohort.history, place),
        "no_shared_language": no_shared_language(people),
        "same_city": equal([p.city.casefold() for p in people]) & policy.require_other_city,
        "same_sector": equal([p.sector.casefold() for p in people]) & policy.require_other_sector,
        "nothing_to_match": either(people, says_nothing),
    }
    forbidden = np.any([masks[name] for name in STRONGER_THAN_PINS], axis=0)
    removed = np.any(list(masks.values()), axis=0)
    return ~removed | (listed(cohort.pinned, place) & ~forbidden), masks


def removed_per_rule(index: int, masks: dict[str, Mask]) -> dict[str, int]:
    """How many candidates of one SME (by its place) each rule removes, the SME itself not counted."""
    others = np.arange(masks["self"].shape[0]) != index
    return {name: int(mask[index, others].sum()) for name, mask in masks.items() if name != "self"}


def equal(values: Sequence[str]) -> Mask:
    """(n, n): equal and not empty; an empty value never counts as equal."""
    column = np.array(values, dtype=object)
    filled = column != ""
    same = (column[:, None] == column[None, :]) & filled[:, None] & filled[None, :]
    return np.asarray(same, dtype=np.bool_)


def listed(pairs: Iterable[Pair], place: dict[str, int]) -> Mask:
    """(n, n): the pairs of a list, both ways; ids that do not take part are ignored."""
    mask = np.zeros((len(place), len(place)), dtype=bool)
    for a, b in pairs:
        if a in place and b in place:
            mask[place[a], place[b]] = mask[place[b], place[a]] = True
    return mask


def either(people: Sequence[Profile], fault: Callable[[Profile], bool]) -> Mask:
    """(n, n): true where one of the two has the fault."""
    row = np.array([fault(profile) for profile in people], dtype=bool)
    return np.asarray(row[:, None] | row[None, :])


def no_shared_language(people: Sequence[Profile]) -> Mask:
    """(n, n): both languages known and none in common; an SME of unknown languages is not excluded."""
    unknown = np.array([not profile.languages for profile in people], dtype=bool)
    apart = shared_count([p.languages for p in people]) == 0
    return np.asarray(apart & ~unknown[:, None] & ~unknown[None, :])


def shared_count(sets: Sequence[frozenset[str]]) -> NDArray[np.int64]:
    """(n, n): how many members two sets have in common."""
    indicator = membership(sets, sorted(frozenset().union(*sets)))
    return np.asarray(indicator @ indicator.T)


def membership(sets: Sequence[frozenset[str]], members: Sequence[str]) -> NDArray[np.int64]:
    """(n, members): 1 where a set has the member. Integers, so that products of it are exact."""
    return np.array([[m in chosen for m in members] for chosen in sets], dtype=np.int64).reshape(
        len(sets), len(members)
    )


def says_nothing(profile: Profile) -> bool:
    """Neither description nor offers nor needs: there is nothing to compare."""
    return not (
        profile.description.strip() or any(map(str.strip, profile.offers)) or any(map(str.strip, profile.needs))
    )

"""What is in the way of an SME whose list falls short, and the ways out: rules, its own full list, others' full lists.

What is said of other SMEs is counted among the candidates themselves, never supposed.
"""

from dataclasses import dataclass
from functools import cache, reduce
from itertools import combinations

import numpy as np

from matching import rules
from matching.pairs import Mask, Places
from matching.profile import Profile
from matching.ways import TRAIT_WORDS, Way, Ways, plural

# Rules in the order in which an organiser gives way most easily.
GIVES_WAY = ("same_city", "same_sector", "no_shared_language", "nothing_to_match", "known", "same_owner", "banned")


@dataclass(frozen=True, slots=True)
class View:
    """What one SME sees: (n - 1,) each, one entry per other SME; and what its own list may hold."""

    profile: Profile
    open: Mask
    masks: dict[str, Mask]  # by rule, the pairs it removes
    traits: dict[str, Mask]
    chosen: Mask
    pinned: Mask
    full: Mask  # who is on as many lists as it may be
    limits: Places  # on how many lists each may be
    wanted: dict[str, int]
    most: int  # places on its own list: what the policy allows, or its pins if they are more
    longest: int  # what the policy allows


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way: a rule, rules joined by '+', 'too_few', 'own_list', 'full' or 'others_first'."""

    rule: str
    reason: str
    ways: Ways


def obstacle(view: View, minimum: str, count: int) -> Obstacle:
    """Why an SME lacks `count` of a minimum: its own list if that is the narrowest, else candidates, else theirs."""
    free = view.open & view.traits[minimum] & ~view.chosen
    stuck = held_places(view, minimum)
    room = view.most - int((stuck | (view.chosen & view.traits[minimum])).sum())
    if room < min(count, int(free.sum())):
        return own_list(view, minimum, count, stuck)
    return others_lists(view, minimum, count, free) if free.sum() >= count else blocked(view, minimum, count)


def held_places(view: View, minimum: str) -> Mask:
    """Partners without the trait that cannot make room for one with it: pinned ones, and whom a minimum needs."""
    needed = view.pinned
    for name in view.wanted.keys() - {minimum, "partners"}:
        counting = view.chosen & view.traits[name]
        needed = needed | (counting if counting.sum() <= view.wanted[name] else np.zeros_like(counting))
    return view.chosen & needed & ~view.traits[minimum]


def own_list(view: View, minimum: str, count: int, stuck: Mask) -> Obstacle:
    """The SME's own list has no place left for what it lacks; `stuck` are the partners that cannot make room."""
    pins = int((stuck & view.pinned).sum())
    longer = Way("longer", view.most + count, now=view.longest)
    ways: Ways = (longer,) if minimum == "partners" else (accept_fewer(view.profile, minimum, count), longer)
    if pins:
        ways = (longer, Way("release", min(count, pins)))
    why = f"it holds {plural(view.most, 'partner')} at most"
    if held := int(stuck.sum()):
        by = {0: "needed for another minimum", held: "pinned or asked for"}
        words = by.get(pins, "pinned, asked for or needed for another minimum")
        why = f"{places_in_words(held, view.most)} {words}"
    return Obstacle("own_list", f"{view.profile.name}'s own list is full: {why}", ways)


def places_in_words(taken: int, of: int) -> str:
    """'its only place is', 'one of its 2 places is', '2 of its 2 places are'."""
    if of == 1:
        return "its only place is"
    return f"one of its {of} places is" if taken == 1 else f"{taken} of its {of} places are"


def others_lists(view: View, minimum: str, count: int, free: Mask) -> Obstacle:
    """There are candidates, and the SME's own list has room: they are on as many lists as they may, or not all are."""
    longer = Way("longer", view.longest + 1, now=view.longest)
    ways: Ways = (longer,) if minimum == "partners" else (accept_fewer(view.profile, minimum, count), longer)
    kind = f" from {TRAIT_WORDS[minimum]}" if minimum in TRAIT_WORDS else ""
    name, full = view.profile.name, free & view.full
    lists = in_lists(view.limits[full])
    if not (free & ~view.full).any():
        if minimum == "partners":
            return Obstacle("full", f"every further partner {name} could have is already on {lists}", ways)
        return Obstacle("full", f"the candidates{kind} that {name} could have are already on {lists}", ways)
    prefers = "the choice that is fairest to all SMEs gives"
    whose = f"{plural(int(free.sum()), 'candidate')}{kind} that {name} could have"
    if not full.any():
        return Obstacle("others_first", f"{prefers} the {whose} to others", ways)
    are = "one is" if full.sum() == 1 else f"{full.sum()} are"
    return Obstacle("others_first", f"of the {whose}, {are} already on {lists}, and {prefers} the rest to others", ways)


def in_lists(limits: Places) -> str:
    """'one list', '5 lists', '5 to 7 lists'; '' for nobody."""
    if not len(limits):
        return ""
    low, high = int(limits.min()), int(limits.max())
    return plural(high, "list") if low == high else f"{low} to {high} lists"


def accept_fewer(profile: Profile, minimum: str, count: int) -> Way:
    """Giving way on a minimum."""
    return Way(minimum, count, profile.city if minimum == "other_city" else "")


def blocked(view: View, minimum: str, count: int) -> Obstacle:
    """Too few candidates: which rule keeps most of them out, or rules together, and what letting go would take."""
    closed = view.traits[minimum] & ~view.open
    chosen, gain = easiest(rules_in_the_way({name: mask[closed] for name, mask in view.masks.items()}), count)
    profile = view.profile
    if not gain:
        return too_few(profile, minimum, count, there=int((view.traits[minimum] & view.open).sum()))
    words = ", and ".join(rules.WORDS[rule] for rule in chosen)
    places = {"same_city": profile.city, "same_sector": profile.sector}
    first, *also = (Way(rule, min(count, gain), places.get(rule, "")) for rule in chosen)
    way = Way(first.kind, first.count, first.place, also=tuple(also))
    return Obstacle("+".join(chosen), f"{plural(gain, 'candidate')} of {profile.name} left out: {words}", (way,))


def rules_in_the_way(masks: dict[str, Mask]) -> Places:
    """(2 ** 7,) how many candidates each set of rules removes, by bits in the order of GIVES_WAY."""
    bits = [masks[rule].astype(np.int64) << place for place, rule in enumerate(GIVES_WAY)]
    return np.bincount(reduce(np.bitwise_or, bits), minlength=2 ** len(GIVES_WAY))


def easiest(removed: Places, count: int) -> tuple[tuple[str, ...], int]:
    """The fewest rules that would bring candidates if dropped together, the easiest that bring enough, and how many.

    Of rules together the hardest decides how easy they are. None and 0 if nothing is removed.
    """
    for size in range(1, len(GIVES_WAY) + 1) if removed.any() else ():
        together, within = rules_together(size)
        gains = within @ removed
        if best := int(gains.max()):
            at = int(np.argmax(gains >= min(count, best)))
            return together[at], int(gains[at])
    return (), 0


@cache
def rules_together(size: int) -> tuple[list[tuple[str, ...]], Places]:
    """All sets of so many rules, the easiest first, and for each (2 ** 7,) 1 at every set within it but the empty."""
    sets = sorted(combinations(range(len(GIVES_WAY)), size), key=lambda places: places[::-1])
    bits = np.array([sum(1 << place for place in places) for places in sets])
    every = np.arange(2 ** len(GIVES_WAY))
    within = (every > 0) & (every & ~bits[:, None] == 0)
    return [tuple(GIVES_WAY[place] for place in places) for places in sets], within.astype(np.int64)


def too_few(profile: Profile, minimum: str, count: int, there: int) -> Obstacle:
    """No rule is in the way: not enough SMEs of the kind take part."""
    kind = TRAIT_WORDS.get(minimum, "")
    who = f"SME{'' if there == 1 else 's'} from {kind}" if kind else f"other SME{'' if there == 1 else 's'}"
    number = {0: "no", 1: "only one"}.get(there, f"only {there}")
    register = Way("register", count, kind)
    ways: Ways = (accept_fewer(profile, minimum, count), register) if kind else (register,)
    return Obstacle("too_few", f"{number} {who} could be asked for {profile.name}", ways)

"""Ways out for SMEs whose lists fall short: what the organiser could allow, in words, for one SME or for several."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

TRAIT_WORDS = {"other_city": "another city", "other_sector": "another sector", "creative_growth": "the other group"}
# The minimum that a rule of the policy stands for: both give way alike.
SAME = {"same_city": "other_city", "same_sector": "other_sector"}


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """One change: a rule or minimum that gives way, for so many partners; `place` is the city or sector it is about."""

    kind: str  # a rule, a minimum, 'longer', 'release' or 'register'
    count: int
    place: str = ""
    now: int = 0  # of a longer list: how long it may be now
    also: "Ways" = ()  # what has to change with it


Ways = tuple[Way, ...]  # either of them would do


def in_words(ways: Ways, whom: str, several: bool = False) -> str:
    """The ways out said to the organiser."""
    return ", or ".join(with_others(way, whom, "their" if several else "its") for way in ways)


def with_others(way: Way, whom: str, its: str) -> str:
    """One way out with all that has to change; then a change that can be had in two ways has no comma in it."""
    if not way.also:
        return way_in_words(way, whom, its)
    return ", and ".join(way_in_words(one, whom, its).replace(", or ", " or ") for one in (way, *way.also))


def way_in_words(way: Way, whom: str, its: str) -> str:
    """One change: "allow one partner from Rome's own city for 3 SMEs"."""
    partners = plural(way.count, "partner")
    own = f"{way.place}'s own" if way.place else f"{its} own"
    sector = f" ({way.place})" if way.place else ""
    kind = SAME.get(way.kind, way.kind)
    return {
        "other_city": f"allow {partners} from {own} city for {whom}",
        "other_sector": f"allow {partners} from {its} own sector{sector} for {whom}",
        "creative_growth": f"allow {partners} from {its} own group for {whom}",
        "no_shared_language": f"offer an interpreter for {partners}, or ask {whom} for a further language",
        "nothing_to_match": f"complete the profile of {whom} or of {partners}",
        "known": f"allow {partners} already known to {whom}",
        "same_owner": f"allow {partners} of {its} own company group for {whom}",
        "banned": f"lift the exclusion of {partners} for {whom}",
        "longer": f"allow {way.count} partners on a list instead of {way.now}",
        "release": f"release {plural(way.count, 'pin')} for {whom}",
        "register": f"register {plural(way.count, 'more SME')}{f' from {way.place}' if way.place else ''}",
    }[kind]


def together(found: Iterable[tuple[str, Ways]]) -> tuple[str, ...]:
    """The ways out of all SMEs left short, by (name, ways), each said once; what helps most of them first."""
    named = sorted(found)
    counted = Counter(ways for _, ways in named)
    first = {ways: name for name, ways in reversed(named)}
    ordered = sorted(counted.items(), key=lambda way: (-way[1], first[way[0]]))
    return tuple(in_words(w, first[w] if times == 1 else f"{times} SMEs", times > 1) for w, times in ordered)


def plural(count: int, noun: str) -> str:
    """'one partner', '2 partners'."""
    return f"one {noun}" if count == 1 else f"{count} {noun}s"

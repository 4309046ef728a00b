"""Two match runs compared: who enters or leaves whose list, and why. Pure: it reads what the runs froze."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.domain.pairs import Pair, pair

BARRED = ("ban", "never", "known", "met")
"""What keeps a pair apart, the most telling first."""
TOGETHER = ("pin", "wanted")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run saw and chose."""

    strengths: Mapping[Pair, float]
    versions: Mapping[int, int] = field(default_factory=dict)
    """Of each profile, by the SME's id."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Policy and weights, by (unique) name; also the model's fingerprint."""
    pairs: Mapping[str, frozenset[Pair]] = field(default_factory=dict)
    """What was settled before the build, by kind."""


@dataclass(frozen=True, slots=True)
class Person:
    """An SME as the comparison needs it."""

    name: str
    city: str
    sector: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a partner enters or leaves: a kind to count by, and the values its words are made of."""

    kind: str
    sme: int = 0
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True)
class Change:
    """One partner that enters or leaves a list, with its strength in the run that chose it."""

    partner: int
    strength: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ListChange:
    """How the list of one SME changes."""

    entered: tuple[Change, ...] = ()
    left: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs between two runs."""

    lists: Mapping[int, ListChange]
    """Every list that is not as it was, by its SME; the reasons of each are looked up as it is asked for."""
    entered: int
    left: int
    stayed: int
    new: tuple[int, ...]
    """SMEs that the later run alone saw."""
    gone: tuple[int, ...]
    changed: dict[int, tuple[int, int]]
    """By SME: the version of its profile then and now."""
    settings: dict[str, tuple[Any, Any]]
    rules: tuple[tuple[str, Pair, bool], ...]
    """(kind, pair, whether it came or went) of the organiser's own rules."""


def compare(old: Seen, new: Seen, people: Mapping[int, Person]) -> Comparison:
    """Compare two runs; `people` by id, those that were erased are not among them."""
    came = new.strengths.keys() - old.strengths.keys()
    went = old.strengths.keys() - new.strengths.keys()
    compared = _Compared(old, new, people, came, went)
    return Comparison(
        lists=_Lists(compared),
        entered=len(came),
        left=len(went),
        stayed=len(new.strengths.keys() & old.strengths.keys()),
        new=tuple(sorted(new.versions.keys() - old.versions.keys())) if old.versions else (),
        gone=tuple(sorted(old.versions.keys() - new.versions.keys())) if new.versions else (),
        changed=compared.changed,
        settings=compared.settings,
        rules=_rules(old, new),
    )


def _rules(old: Seen, new: Seen) -> tuple[tuple[str, Pair, bool], ...]:
    return tuple(
        (kind, pair, is_new)
        for kind in ("pin", "ban")
        for pair, is_new in sorted(
            [(pair, True) for pair in _pairs(new, kind) - _pairs(old, kind)]
            + [(pair, False) for pair in _pairs(old, kind) - _pairs(new, kind)]
        )
    )


def _pairs(run: Seen, kind: str) -> frozenset[Pair]:
    return run.pairs.get(kind, frozenset())


class _Compared:
    """The two runs with what each pair's reasons are looked up in."""

    def __init__(self, old: Seen, new: Seen, people: Mapping[int, Person], came: set[Pair], went: set[Pair]) -> None:
        self.old, self.new, self.people = old, new, people
        both = old.versions.keys() & new.versions.keys()
        self.changed = {
            sme: (old.versions[sme], new.versions[sme])
            for sme in sorted(both)
            if old.versions[sme] != new.versions[sme]
        }
        shared = [name for name in old.settings if name in new.settings]
        self.settings = {
            name: (old.settings[name], new.settings[name])
            for name in shared
            if old.settings[name] != new.settings[name]
        }
        self.came, self.went = _by_sme(came, new.strengths), _by_sme(went, old.strengths)

    def change(self, sme: int) -> ListChange:
        """How the list of one SME changes."""
        return ListChange(
            tuple(Change(other, strength, self.why_in(sme, other)) for other, strength in self.came.get(sme, ())),
            tuple(Change(other, strength, self.why_out(sme, other)) for other, strength in self.went.get(sme, ())),
        )

    def why_in(self, sme: int, partner: int) -> tuple[Reason, ...]:
        """What brought a partner onto a list: what is known directly, else whose place it takes."""
        there = self.old.versions or {sme: 0, partner: 0}
        direct = [Reason("new", who) for who in (partner, sme) if who not in there]
        direct += self._settled(pair(sme, partner), TOGETHER, BARRED, self.old, self.new)
        direct += self._policy(sme, partner, was=True) + self._profiles(sme, partner)
        return tuple(direct) or self._instead_of(sme, partner)

    def why_out(self, sme: int, partner: int) -> tuple[Reason, ...]:
        """What took a partner off a list: what is known directly, else who took its place."""
        here = self.new.versions or {sme: 0, partner: 0}
        if gone := tuple(Reason("gone", who) for who in (partner, sme) if who not in here):
            return gone
        direct = self._settled(pair(sme, partner), BARRED, TOGETHER, self.old, self.new)
        direct += self._policy(sme, partner, was=False) + self._profiles(sme, partner)
        return tuple(direct) or self._better_than(sme, partner)

    def _settled(
        self, pair: Pair, arose: tuple[str, ...], ended: tuple[str, ...], old: Seen, new: Seen
    ) -> list[Reason]:
        found = [Reason(kind) for kind in arose if pair in _pairs(new, kind) and pair not in _pairs(old, kind)]
        found += [Reason(f"no {kind}") for kind in ended if pair in _pairs(old, kind) and pair not in _pairs(new, kind)]
        return found[:1]

    def _policy(self, sme: int, partner: int, *, was: bool) -> list[Reason]:
        """A policy that asks, or no longer asks, for what the two do not have."""
        one, other = self.people.get(sme), self.people.get(partner)
        if one is None or other is None:
            return []
        alike = {"require_other_city": one.city == other.city, "require_other_sector": one.sector == other.sector}
        turned = (was, not was)
        return [Reason(name) for name, same in alike.items() if same and self.settings.get(name) == turned]

    def _profiles(self, sme: int, partner: int) -> list[Reason]:
        return [Reason("profile", who, *self.changed[who]) for who in (partner, sme) if who in self.changed]

    def _instead_of(self, sme: int, partner: int) -> tuple[Reason, ...]:
        """The weaker partner (or the one who had to go) of either list whose place it takes."""
        strength = self.new.strengths[pair(sme, partner)]
        for whose in (sme, partner):
            gave_way = self.went.get(whose, ())
            weaker = [(other, s) for other, s in gave_way if s < strength]
            if weaker:
                other, weakest = min(weaker, key=lambda lost: (lost[1], lost[0]))
                return (Reason("better" if whose == sme else "better for them", other, weakest, strength),)
        free = [other for other, _ in self.went.get(sme, ()) if self._had_to_go(sme, other)]
        if free:  # the strongest newcomer takes the first of them, the next one the second
            at = [other for other, _ in self.came[sme]].index(partner)
            return (Reason("place of", free[min(at, len(free) - 1)]),)
        return self._otherwise()

    def _better_than(self, sme: int, partner: int) -> tuple[Reason, ...]:
        """The stronger partner, of either list, that took its place."""
        strength = self.old.strengths[pair(sme, partner)]
        for whose in (sme, partner):
            pinned = [other for other, _ in self.came.get(whose, ()) if pair(whose, other) in _pairs(self.new, "pin")]
            if pinned:
                return (Reason("pinned instead" if whose == sme else "pinned for them", pinned[0]),)
        for whose in (sme, partner):
            stronger = [(other, s) for other, s in self.came.get(whose, ()) if s > strength]
            if stronger:
                other, best = max(stronger, key=lambda found: (found[1], -found[0]))
                return (Reason("better" if whose == sme else "better for them", other, strength, best),)
        return self._otherwise()

    def _had_to_go(self, sme: int, partner: int) -> bool:
        here = self.new.versions or {partner: 0}
        return partner not in here or any(pair(sme, partner) in _pairs(self.new, kind) for kind in BARRED)

    def _otherwise(self) -> tuple[Reason, ...]:
        """Nothing of the two themselves: the settings, or that all lists are chosen together."""
        return (Reason("settings" if self.settings else "together"),)


class _Lists(Mapping[int, ListChange]):
    """The changed lists of SMEs that are still there."""

    def __init__(self, compared: _Compared) -> None:
        self._compared = compared
        self._smes = dict.fromkeys(sorted((compared.came.keys() | compared.went.keys()) & compared.people.keys()))

    def __getitem__(self, sme: int) -> ListChange:
        if sme not in self._smes:
            raise KeyError(sme)
        return self._compared.change(sme)

    def __contains__(self, sme: object) -> bool:
        return sme in self._smes

    def __iter__(self) -> Iterator[int]:
        return iter(self._smes)

    def __len__(self) -> int:
        return len(self._smes)


def _by_sme(pairs: set[Pair], strengths: Mapping[Pair, float]) -> dict[int, list[tuple[int, float]]]:
    """The partners of each SME among the pairs, the strongest first."""
    found: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for a, b in pairs:
        found[a].append((b, strengths[a, b]))
        found[b].append((a, strengths[a, b]))
    return {sme: sorted(partners, key=lambda partner: (-partner[1], partner[0])) for sme, partners in found.items()}

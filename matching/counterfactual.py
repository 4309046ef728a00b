"""Which one change to a profile would help its SME most: every change is tried, and what it would bring is computed.

Working languages and target markets are changed in the facts. What needs or offers would bring depends on what they
say, which nobody knows yet: each peer's own are lent to the SME in turn, and the middle one of the gains counts. How a
peer's statements fit everybody is read once, for all SMEs they are lent to. So the work grows with SMEs times n, and of
large cohorts only the worst off are advised (see `advised`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching import trials
from matching.combination import Reading, Situation, read
from matching.facts import traits
from matching.fits import best_fits
from matching.language import NAMES
from matching.pairs import Mask, Places, with_everybody
from matching.statements import Array
from matching.trials import Outlook, Trial, outlook_of
from matching.ways import TRAIT_WORDS, plural

PEERS = 15  # whose statements are lent: those of the same sector, then others, in the order of their ids
CLEAR = 0.02  # a gain in strength below this is not worth advising
LOOKS = 1_000_000  # pairs looked at for advice: everybody among 1,000 SMEs, the worst-off 100 among 10,000
LENT = ("needs", "offers")


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing most on an SME's list: so many of a minimum."""

    place: int
    minimum: str
    count: int


@dataclass(frozen=True, slots=True)
class Gain:
    """What a change adds: open candidates of the kind that is lacking, and strength of a full list of the best."""

    more: int
    stronger: float


@dataclass(frozen=True, slots=True)
class Ground:
    """What all changes start from: (2, p, n) how well the lenders' needs and offers fit, and the SMEs' own pairs."""

    situation: Situation
    places: Places  # the SMEs, rising
    reading: Reading  # of each with everybody
    peers: dict[tuple[str, int], Places]  # by kind and sector, who lends
    lenders: Places  # all of them, rising
    best: Array


def advised(lacks: Sequence[tuple[int, dict[str, int]]], n: int) -> list[Lack]:
    """Who is advised, by (place, missing): as many as LOOKS allow, those lacking most partners first, then most."""
    worst = sorted(lacks, key=lambda one: (-one[1].get("partners", 0), -sum(one[1].values()), one[0]))
    return [Lack(place, *next(iter(missing.items()))) for place, missing in worst[: LOOKS // max(n, 1)]]


def advice(situation: Situation, lacks: Sequence[Lack], tick: Callable[[int], None]) -> dict[int, str]:
    """By place one sentence on the best single change for each; '' if none would help. Ticks once for each."""
    base, found = ground(situation, lacks), {}
    for done, lack in enumerate(lacks):
        tick(done)
        found[lack.place] = best_change(gains(base, lack), lack)
    return found


def ground(situation: Situation, lacks: Sequence[Lack]) -> Ground:
    """Read the texts of the SMEs and of who lends to them, once."""
    n, sector = len(situation.ids), situation.facts.sector
    places = np.array(sorted(lack.place for lack in lacks), dtype=np.int64)
    peers = {
        (kind, int(of)): lenders(getattr(situation.texts, kind).stated, sector, int(of))
        for kind in LENT
        for of in np.unique(sector[places[~getattr(situation.texts, kind).stated[places]]])
    }
    every = np.unique(np.concatenate([np.zeros(0, np.int64), *peers.values()]))
    best = best_fits(situation.texts, with_everybody(every, n), situation.weights.lexical)
    reading = read(situation, with_everybody(places, n))
    return Ground(situation, places, reading, peers, every, best.reshape(2, len(every), n))


def lenders(stated: Mask, sector: NDArray[np.int64], of: int) -> Places:
    """Who lends to an SME of a sector that states none: SMEs that have some, of that sector first, then by id."""
    able = np.flatnonzero(stated)
    return able[np.argsort((sector[able] != of) | (of < 0), kind="stable")[:PEERS]]


def gains(base: Ground, lack: Lack) -> Iterator[tuple[str, str, Gain]]:
    """Every change that is tried, as kind and value, with what it would bring."""
    situation, n = base.situation, len(base.situation.ids)
    row = int(np.searchsorted(base.places, lack.place))
    outlook = outlook_of(situation, lack.place, base.reading.part(slice(row * n, (row + 1) * n)))
    asked_for = traits(situation.facts, outlook.pairs)[lack.minimum]
    most = situation.policy.most_partners
    tried = {"language": trials.languages(situation, outlook), "market": trials.markets(situation, outlook)}
    for kind, trial in tried.items():
        if trial is not None:
            yield from ((kind, *one) for one in zip(trial.values, gained(trial, asked_for, most), strict=True))
    for kind in LENT:
        if trial := loan(base, outlook, kind):
            yield kind, "", middle(gained(trial, asked_for, most))


def loan(base: Ground, outlook: Outlook, kind: str) -> Trial | None:
    """The statements of the SME's peers lent to it; None if it states its own, or nobody has any to lend."""
    situation = base.situation
    if getattr(situation.texts, kind).stated[outlook.place]:
        return None
    peers = base.peers[kind, int(situation.facts.sector[outlook.place])]
    if not len(peers):
        return None
    row = LENT.index(kind)
    return trials.lent(situation, outlook, row, peers, base.best[row, np.searchsorted(base.lenders, peers)])


def gained(trial: Trial, asked_for: Mask, most: int) -> list[Gain]:
    """What each change of a trial adds; `asked_for` (n,) says who is of the kind that is lacking."""
    more = (trial.possible & asked_for).sum(axis=1) - (trial.before & asked_for).sum(axis=1)
    then, now = best_list(trial.strength, trial.possible, most), best_list(trial.strength_before, trial.before, most)
    return [Gain(int(count), round(float(gain), 5)) for count, gain in zip(more, then - now, strict=True)]


def best_list(strength: NDArray[np.float32], possible: Mask, most: int) -> Array:
    """(t,) the mean strength of a list filled with the best of the possible; an empty place counts 0."""
    best = np.sort(np.where(possible, strength, np.float32(0)), axis=1)[:, ::-1][:, :most]
    return np.asarray(np.round(best.sum(axis=1, dtype=np.float64) / max(most, 1), 5))


def middle(found: list[Gain]) -> Gain:
    """The median gain by strength: what a statement like those of its peers can be hoped to bring."""
    return sorted(found, key=lambda one: (one.stronger, one.more))[(len(found) - 1) // 2]


def best_change(found: Iterator[tuple[str, str, Gain]], lack: Lack) -> str:
    """The change that opens most of what is lacking, then the one that strengthens most; the first of equals."""
    best, words = (0, CLEAR), ""
    for kind, value, gain in found:
        if (worth := (min(gain.more, lack.count), gain.stronger)) > best:
            best, words = worth, sentence(kind, value, gain, lack.minimum)
    return words


def sentence(kind: str, value: str, gain: Gain, minimum: str) -> str:
    """The change and what was computed of it, in words."""
    change = {
        "language": f"With {NAMES.get(value, value)} among its working languages",
        "market": f"With {value} among its target markets",
        "needs": "With needs like those of its peers in the profile",
        "offers": "With offers like those of its peers in the profile",
    }[kind]
    if gain.more <= 0:
        return f"{change}, the best partners it could have would fit it better by {round(100 * gain.stronger)} of 100."
    whose = f" from {TRAIT_WORDS[minimum]}" if minimum in TRAIT_WORDS else ""
    return f"{change}, {plural(gain.more, 'more SME')}{whose} could be asked."

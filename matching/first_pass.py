"""Above a few thousand SMEs: which pairs are worth the exact judgement, found with plain inner products.

A pair's estimate is the largest cosine between a need of one and an offer of the other, both ways, and one inner
product of columns for what the profiles state in fields. Mean statements instead of single ones would be one product
in all, and are not enough: on 1,500 real texts they found .94 of the exact best twenty among 500 candidates, the
largest cosine .994 among 100. What is not a product (shared words, the inverted U, history) is judged afterwards.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching import facts, rules
from matching.combination import Situation
from matching.pairs import Mask, Pairs, Places, pairs_from
from matching.selection import pair_ties, random_words
from matching.statements import Statements
from matching.tiles import block, in_workers, panels

Matrix = NDArray[np.float32]
Words = NDArray[np.uint64]  # see selection.random_words

NEAREST = 128  # candidates per SME; the bench shows how many of the exact best are among them
OF_EACH_TRAIT = 16  # at least so many of every kind a list must have some of
LAYERS = 4  # statements of a kind that are looked at one by one; any further ones as their mean
CELLS = 4_000_000  # of one block of estimates


def candidates(situation: Situation, workers: int | None = None) -> Pairs:
    """The open pairs that are among the best of either SME, and every pinned one; the same for any workers."""
    n = len(situation.ids)
    found = [np.stack(part) for part in nearest(situation, workers)]
    pins = situation.facts.pinned
    one, other = np.concatenate([*found, [pins // max(n, 1), pins % max(n, 1)]], axis=1)
    pairs = pairs_from(one, other, n)
    masks = rules.removed(situation.facts, situation.policy, pairs)
    return pairs.where(rules.allowed(situation.facts, pairs, masks))


def nearest(situation: Situation, workers: int | None) -> list[tuple[Places, Places]]:
    """Block by block: SMEs and their best candidates, as two arrays of places."""
    n = len(situation.ids)
    needs, offers = layers(situation.texts.needs), layers(situation.texts.offers)
    left, right = stated_columns(situation)
    words = random_words(situation.ids, seed=0)  # the seed of a run decides between lists, not what they are made of
    rows = max(1, CELLS // max(n, 1))
    found: list[tuple[Places, Places]] = [(np.zeros(0, np.int64),) * 2] * panels(n, rows)

    def panel(number: int) -> None:
        places = np.arange(n)[block(number, n, rows)]
        estimate = left[places] @ right.T
        estimate += largest(needs, offers, places)
        estimate += largest(offers, needs, places)
        found[number] = best_of_block(situation, places, estimate, words)

    in_workers(panel, panels(n, rows), workers)
    return found


def layers(statements: Statements) -> Matrix:
    """(layers, n, d): the k-th statement of each SME; who has fewer repeats its first, who has none is zero."""
    counts = statements.counts()
    depth = int(min(max(counts.max(initial=0), 1), LAYERS))
    found = np.zeros((depth, len(counts), statements.vectors.shape[1]), np.float32)
    for i in np.flatnonzero(counts):
        own = statements.vectors[statements.bounds[i] : statements.bounds[i + 1]]
        kept = own if len(own) <= depth else np.vstack([own[: depth - 1], own[depth - 1 :].mean(axis=0)])
        found[: len(kept), i], found[len(kept) :, i] = kept, kept[0]
    return found


def largest(asking: Matrix, offering: Matrix, places: Places) -> Matrix:
    """(places, n) the largest cosine between a statement of one kind and one of the other."""
    best = np.full((len(places), offering.shape[1]), -1, np.float32)
    product = np.empty_like(best)
    for layer in asking:
        rows = layer[places]
        for columns in offering:
            np.maximum(best, np.matmul(rows, columns.T, out=product), out=best)
    return best


def stated_columns(situation: Situation) -> tuple[Matrix, Matrix]:
    """Two (n, columns) tables whose product is what the fields add to a pair's strength, as far as it is bilinear."""
    stated = situation.facts
    share = situation.weights.shares(history=situation.history is not None)
    creative, growth = (stated.group == code for code in facts.GROUPS.values())
    home = (stated.country[:, None] == np.arange(len(stated.countries))[None, :]).astype(np.float32)
    wanted, ready = stated.markets & ~home.astype(bool), stated.readiness / 5
    groups = np.column_stack([creative, growth]) * share["creative_growth"]
    markets, ones = share["markets"] / 2, np.ones(len(ready))
    left = [groups, wanted * markets, home * markets, stated.languages * share["languages"] / 4]
    right = [groups[:, ::-1] > 0, home, wanted, stated.languages]
    ready_left, ready_right = [ready * share["readiness"] / 2, ones], [ones, ready * share["readiness"] / 2]
    return (
        np.column_stack([*left, *ready_left]).astype(np.float32),
        np.column_stack([*right, *ready_right]).astype(np.float32),
    )


def best_of_block(situation: Situation, places: Places, estimate: Matrix, words: Words) -> tuple[Places, Places]:
    """The open pairs of each row with the highest estimates, and enough of each trait."""
    n = estimate.shape[1]
    others = np.broadcast_to(np.arange(n), estimate.shape)
    pairs = Pairs(n, np.minimum(others, places[:, None]).ravel(), np.maximum(others, places[:, None]).ravel())
    masks = rules.removed(situation.facts, situation.policy, pairs)
    open_pairs = rules.allowed(situation.facts, pairs, masks) & (pairs.first != pairs.second)
    chosen = best(estimate, open_pairs.reshape(estimate.shape), NEAREST, words[places], words)
    for trait in facts.traits(situation.facts, pairs).values():
        having = (open_pairs & trait).reshape(estimate.shape)
        few = np.flatnonzero((chosen & having).sum(axis=1) < OF_EACH_TRAIT)
        chosen[few] |= best(estimate[few], having[few], OF_EACH_TRAIT, words[places[few]], words)
    rows, columns = np.nonzero(chosen)
    return places[rows], columns


def best(estimate: Matrix, allowed: Mask, count: int, own: Words, others: Words) -> Mask:
    """The `count` allowed entries of each row with the highest estimates; of equals a hash of the two SMEs decides.

    By place, the same few would be everybody's candidates where profiles say little and most estimates are equal. The
    hash is the same for both ends of a pair: who takes whom is taken, and nobody is in many more pairs than others.
    """
    if count >= estimate.shape[1]:
        return allowed
    chosen, least = at_least(estimate, allowed, count)
    over = np.flatnonzero(chosen.sum(axis=1) > count)
    if len(over):
        ties = pair_ties(own[over, None], others[None, :])
        ties[estimate[over] > least[over]] = 2  # more than any tie
        chosen[over] = at_least(ties, chosen[over], count)[0]
    return chosen


def at_least(value: NDArray[Any], allowed: Mask, count: int) -> tuple[Mask, NDArray[Any]]:
    """The allowed entries of each row that are not below its `count`-th, and that one, (rows, 1)."""
    value = np.where(allowed, value, -np.inf)
    least = -np.partition(-value, count - 1, axis=1)[:, count - 1 : count]
    return np.asarray(allowed & (value >= least)), least

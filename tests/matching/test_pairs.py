from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matching.pairs import Pairs, all_pairs, blocks, pairs_from, pairs_of, with_everybody


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def test_every_pair_once_in_order() -> None:
    assert listed(all_pairs(4)) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert [len(all_pairs(n)) for n in (0, 1, 2)] == [0, 0, 1]


def test_the_pairs_of_one_come_in_the_order_of_the_others() -> None:
    assert listed(pairs_of(2, 4)) == [(0, 2), (1, 2), (2, 3)]


def test_pairs_from_arrays_are_made_once_and_nobody_meets_itself() -> None:
    found = pairs_from(np.array([3, 0, 1, 2]), np.array([0, 3, 1, 1]), 4)
    assert listed(found) == [(0, 3), (1, 2)]


def test_some_with_everybody_is_a_table_read_in_few_blocks() -> None:
    table = with_everybody([1, 3], 4)
    assert listed(table) == [(1, 0), (1, 1), (1, 2), (1, 3), (3, 0), (3, 1), (3, 2), (3, 3)]
    assert table.codes().tolist() == [1, 5, 6, 7, 3, 7, 11, 15]
    edges = [0, 6000, 12000, 17000, 20000]
    spans = [block.span for block in blocks(with_everybody(range(0, 900, 45), 1000))]
    assert spans == [slice(start, end) for start, end in pairwise(edges)]


def test_at_how_many_pairs_each_is() -> None:
    pairs = all_pairs(4)
    assert pairs.counts(pairs.second == 3).tolist() == [1, 1, 1, 3]


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=60))
def test_blocks_hold_every_pair_at_its_row_and_column(n: int, ends: list[tuple[int, int]]) -> None:
    inside = np.array([(a, b) for a, b in ends if max(a, b) < n], dtype=np.int64).reshape(-1, 2)
    for pairs in (all_pairs(n), pairs_from(inside[:, 0], inside[:, 1], n)):
        seen = []
        for block in blocks(pairs):
            assert np.array_equal(block.firsts[block.row], pairs.first[block.span])
            assert np.array_equal(block.seconds[block.column], pairs.second[block.span])
            seen.extend(range(len(pairs))[block.span])
        assert seen == list(range(len(pairs)))


def test_the_pairs_of_one_are_two_blocks() -> None:
    assert [block.span for block in blocks(pairs_of(12, 40))] == [slice(0, 12), slice(12, 39)]

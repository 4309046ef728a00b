import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.background import centred
from matching.grams import GRID
from matching.hubness import BLOCK, both_sides, hubness, references

from .conftest import embed

TEXTS = [f"word{i} thing{i % 7}" for i in range(90)]
LANGUAGES = ["en"] * 70 + ["de"] * 20
ROWS = centred([embed(text) for text in TEXTS], LANGUAGES)
FIXED = references(ROWS, TEXTS, LANGUAGES)


def test_a_text_like_many_is_more_of_a_hub_than_one_like_none() -> None:
    hub, stranger = centred([embed("thing1 thing2 thing3"), embed("unlike everything")], ["en"] * 2)
    found = hubness(np.array([hub, stranger]), FIXED)
    assert found[0] > found[1]


def test_too_few_texts_are_no_references_and_correct_nothing() -> None:
    few = references(ROWS[:65], TEXTS[:65], LANGUAGES[:65])
    assert few.shape == (0, 64)
    assert not hubness(ROWS, few).any()
    needs, offers = both_sides(ROWS, few)
    assert np.array_equal(needs @ offers.T, ROWS @ ROWS.T)


def test_references_are_the_same_in_any_order_and_even_over_languages() -> None:
    order = np.random.default_rng(1).permutation(len(TEXTS))
    turned = references(ROWS[order], [TEXTS[i] for i in order], [LANGUAGES[i] for i in order])
    assert np.array_equal(turned, FIXED)
    many = [f"text {i}" for i in range(1000)]
    spoken = ["en"] * 700 + ["de"] * 300
    marked = np.array([[0.5, 0.0]] * 700 + [[0.0, 0.5]] * 300)
    assert references(marked, many, spoken).sum(axis=0, dtype=int).tolist() == [300 * 64, 300 * 64]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_the_hubness_of_a_row_is_the_same_to_the_bit_in_any_block_and_order_of_coordinates(seed: int) -> None:
    draw = np.random.default_rng(seed)
    whole = hubness(ROWS, FIXED)
    rows, columns = draw.permutation(len(ROWS))[: draw.integers(0, 20)], draw.permutation(64)
    assert np.array_equal(hubness(ROWS[rows][:, columns], FIXED[draw.permutation(90)][:, columns]), whole[rows])
    assert np.array_equal(whole * GRID, np.rint(whole * GRID))


def test_more_rows_than_a_block_have_the_same_hubness() -> None:
    many = np.tile(ROWS, (1 + BLOCK // len(ROWS), 1))
    assert len(many) > BLOCK
    assert np.array_equal(hubness(many, FIXED)[-len(ROWS) :], hubness(ROWS, FIXED))


def test_a_text_that_is_a_reference_itself_is_no_hub_for_that() -> None:
    without = np.delete(FIXED, np.flatnonzero((FIXED @ ROWS[:1].T).ravel() > 0.95 * 128), axis=0)
    assert len(without) == len(FIXED) - 1
    assert hubness(ROWS[:1], without)[0] == hubness(ROWS[:1], FIXED)[0]


def test_a_product_of_both_sides_is_the_cosine_less_half_of_either_hubness() -> None:
    needs, offers = both_sides(ROWS, FIXED)
    found = hubness(ROWS, FIXED)
    corrected = ROWS @ ROWS.T - found[:, None] / 2 - found[None, :] / 2
    assert np.array_equal(needs @ offers.T, corrected)
    assert np.array_equal(corrected, corrected.T)
    assert found.any()

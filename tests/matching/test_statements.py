import numpy as np
import pytest

from matching.statements import GRID, centred, gather, languages_of

from .conftest import profile, vectors_of


def test_products_of_vectors_are_exact_in_any_order() -> None:
    draw = np.random.default_rng(1)
    rows = centred(list(draw.standard_normal((40, 384)).astype(np.float32)), ["en"] * 40)
    shuffled = draw.permutation(384)
    assert np.array_equal(rows @ rows.T, rows[:, shuffled] @ rows[:, shuffled].T)
    assert np.array_equal(rows * GRID, np.rint(rows * GRID))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)


def test_the_mean_of_each_language_is_taken_out() -> None:
    draw = np.random.default_rng(2)
    german, english = draw.standard_normal((2, 32))
    raw = [*(3 * german + draw.standard_normal((400, 32))), *(3 * english + draw.standard_normal((400, 32)))]
    rows = centred([row.astype(np.float32) for row in raw], ["de"] * 400 + ["en"] * 400)
    assert abs(np.median(rows[:400] @ rows[:400].T)) < 0.05
    assert abs(np.median(rows[:400] @ rows[400:].T)) < 0.05


def test_a_short_text_takes_the_language_of_its_profile() -> None:
    sme = profile(
        "a", description="Wir bauen leise Glocken für die Bahn und suchen Partner.", offers=("VR demo",), needs=()
    )
    assert set(languages_of([sme]).values()) == {"de"}


def test_a_text_without_vector_is_named() -> None:
    with pytest.raises(ValueError, match="SME a: no vector for the text 'Firm a makes"):
        gather([profile("a")], {})


def test_sentences_of_the_description_stand_in_for_offers() -> None:
    people = [
        profile("a", offers=(), description="We weave linen coats for guides. We dye them ourselves with onions.")
    ]
    found = gather(people, vectors_of(people))
    assert found.offers.texts == ("We weave linen coats for guides.", "We dye them ourselves with onions.")
    assert list(found.offers.stated) == [False]


def test_the_statements_of_some_in_any_order() -> None:
    people = [profile("a", needs=("one", "two")), profile("b", needs=()), profile("c", needs=("three",))]
    needs = gather(people, vectors_of(people)).needs
    some = needs.of([2, 1, 0, 2])
    assert some.texts == ("three", "one", "two", "three")
    assert some.bounds.tolist() == [0, 1, 1, 3, 4]
    assert np.array_equal(some.vectors[1:3], needs.vectors[:2])
    assert needs.of([]).texts == ()

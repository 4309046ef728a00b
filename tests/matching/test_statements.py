import numpy as np
import pytest

from matching.profile import Profile
from matching.statements import GRID, best_per_pair, centred, gather, languages_of

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


def test_the_best_pair_of_statements_counts() -> None:
    people: list[Profile] = [
        profile("a", needs=("one", "two"), offers=("x",)),
        profile("b", needs=(), offers=(), description=""),
        profile("c", needs=("three",), offers=("y", "z")),
    ]
    found = gather(people, vectors_of(people))
    values = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.1], [0.6, 0.7, 0.8]])
    assert best_per_pair(values, found.needs, found.offers).tolist() == [[0.4, 0, 0.5], [0, 0, 0], [0.6, 0, 0.8]]

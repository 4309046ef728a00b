import numpy as np
import pytest

from matching.profile import Profile
from matching.statements import best_per_pair, gather, languages_of

from .conftest import profile, vectors_of


def test_a_short_text_takes_the_language_of_its_profile() -> None:
    sme = profile(
        "a", description="Wir bauen leise Glocken für die Bahn und suchen Partner.", offers=("VR demo",), needs=()
    )
    assert set(languages_of(sme).values()) == {"de"}


def test_a_text_keeps_its_profiles_language_where_another_profile_has_it_too() -> None:
    german = profile("a", description="Wir bauen leise Glocken für die Bahn.", offers=("VR demo",), needs=())
    english = profile("b", description="We build quiet bells for the trains.", offers=("VR demo",), needs=())
    found = gather([german, english], vectors_of([german, english]))
    assert found.offers.languages.tolist() == ["de", "en"]
    assert found.languages.tolist() == ["de", "en"]


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

import numpy as np
import pytest

from matching.statements import gather, languages_of

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


def test_the_statements_of_some_in_any_order() -> None:
    people = [profile("a", needs=("one", "two")), profile("b", needs=()), profile("c", needs=("three",))]
    needs = gather(people, vectors_of(people)).needs
    some = needs.of([2, 1, 0, 2])
    assert some.texts == ("three", "one", "two", "three")
    assert some.bounds.tolist() == [0, 1, 1, 3, 4]
    assert np.array_equal(some.vectors[1:3], needs.vectors[:2])
    assert needs.of([]).texts == ()

from matching import Cohort
from matching.facts import among, codes, equal, equal_values, facts_of, shared_languages, traits
from matching.pairs import all_pairs

from .conftest import profile


def test_equal_values_have_equal_codes_and_an_empty_one_none() -> None:
    assert codes(["b", "", "a", "b"]).tolist() == [1, -1, 0, 1]


def test_unknown_never_equals_unknown() -> None:
    assert equal(codes(["x", "x", "", ""]), all_pairs(4)).tolist() == [True, False, False, False, False, False]
    assert equal_values(["x", "", ""]).tolist() == [[True, False, False], [False] * 3, [False] * 3]


def test_a_pair_is_listed_in_either_order_and_absent_ids_are_ignored() -> None:
    cohort = Cohort(tuple(map(profile, "abc")), banned=frozenset({("c", "a"), ("a", "gone"), ("b", "b")}))
    assert among(all_pairs(3), facts_of(cohort).banned).tolist() == [False, True, False]


def test_languages_in_common_are_counted() -> None:
    spoken = [{"en", "de", "pl"}, {"de", "pl"}, set()]
    people = tuple(profile(str(i), languages=frozenset(s)) for i, s in enumerate(spoken))
    assert shared_languages(facts_of(Cohort(people)), all_pairs(3)).tolist() == [2, 0, 0]


def test_languages_in_common_are_counted_however_many_there_are() -> None:
    every = [f"l{i:03d}" for i in range(150)]
    people = [
        profile(str(i), languages=frozenset(spoken)) for i, spoken in enumerate((every, every[60:140], every[:1]))
    ]
    assert shared_languages(facts_of(Cohort(tuple(people))), all_pairs(3)).tolist() == [80, 1, 0]
    silent = Cohort(tuple(profile(str(i), languages=frozenset()) for i in range(3)))
    assert shared_languages(facts_of(silent), all_pairs(3)).tolist() == [0, 0, 0]


def test_traits_of_a_pair() -> None:
    people = (
        profile("a", city="Rome", sector="Games", group="creative"),
        profile("b", city="ROME", sector="Food", group="growth"),
        profile("c", city="", sector="food", group=""),
    )
    assert {name: mask.tolist() for name, mask in traits(facts_of(Cohort(people)), all_pairs(3)).items()} == {
        "partners": [True, True, True],
        "other_city": [False, True, True],
        "other_sector": [True, True, False],
        "creative_growth": [True, False, False],
    }

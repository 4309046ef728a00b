import pytest

from matching.rules import WORDS
from matching.ways import Way, in_words, together


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (Way("same_city", 1, "Rome"), "allow one partner from Rome's own city for Elm"),
        (Way("other_city", 2), "allow 2 partners from its own city for Elm"),
        (Way("other_sector", 1, "games"), "allow one partner from its own sector (games) for Elm"),
        (Way("known", 2), "allow 2 partners already known to Elm"),
        (Way("longer", 6, now=5), "allow 6 partners on a list instead of 5"),
        (Way("release", 1), "release one pin for Elm"),
        (
            Way("same_city", 2, "Rome", also=(Way("no_shared_language", 2),)),
            (
                "allow 2 partners from Rome's own city for Elm, and offer an interpreter for 2 partners"
                " or ask Elm for a further language"
            ),
        ),
        (Way("register", 1, "another city"), "register one more SME from another city"),
    ],
)
def test_a_way_out_in_words(way: Way, words: str) -> None:
    assert in_words((way,), "Elm") == words


def test_every_rule_has_words_for_giving_way() -> None:
    assert all("Elm" in in_words((Way(rule, 1, ""),), "Elm") for rule in WORDS)


def test_the_same_way_out_is_said_once_and_what_helps_most_comes_first() -> None:
    rome, longer = Way("same_city", 1, "Rome"), Way("longer", 6, now=5)
    found = [("Elm", (longer,)), ("Ash", (rome,)), ("Oak", (rome,)), ("Fir", (Way("creative_growth", 1), longer))]
    assert together(found) == (
        "allow one partner from Rome's own city for 2 SMEs",
        "allow 6 partners on a list instead of 5",
        "allow one partner from its own group for Fir, or allow 6 partners on a list instead of 5",
    )
    assert together(reversed(found)) == together(found)
    assert together([("A", (Way("creative_growth", 1),)), ("B", (Way("creative_growth", 1),))]) == (
        "allow one partner from their own group for 2 SMEs",
    )


def test_two_of_one_name_with_different_ways_out_are_no_error() -> None:
    found = [("Acme", (Way("same_city", 1, "Rome"),)), ("Acme", (Way("longer", 6, now=5),))]
    assert len(together(found)) == 2

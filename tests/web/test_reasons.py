"""The reasons of a changed list are whole sentences with the names and values they are about."""

import pytest

from broker.domain.comparison import Comparison, Person, Reason
from broker.web.reasons import OF_THE_PAIR, in_words, settings_changed

PEOPLE = {1: Person("Ada sp. z o.o.", "warsaw", "games"), 2: Person("Bea", "rome", "health")}


@pytest.mark.parametrize(
    ("reason", "enters", "words"),
    [
        (Reason("new", 2), True, "Bea is new."),
        (Reason("gone", 9), False, "An SME that was erased takes part no more."),
        (Reason("profile", 2, 3, 4), True, "The profile of Bea changed: version 3 → 4."),
        (Reason("place of", 1), True, "Takes the place of Ada sp. z o.o."),
        (Reason("pinned instead", 2), False, "Bea was pinned and takes the place."),
        (Reason("pinned for them", 2), False, "The partner was pinned with Bea, who takes the place."),
        (Reason("better", 2, 0.55, 0.62), True, "Stronger than with Bea: 62\xa0% instead of 55\xa0%."),
        (Reason("better for them", 2, 0.5, 0.6), True, "For the partner, stronger than with Bea: 60\xa0% instead of 50\xa0%."),  # noqa: E501
        (Reason("better", 2, 0.5, 0.6), False, "A better partner appeared, Bea: 60\xa0% instead of 50\xa0%."),
        (Reason("better for them", 2, 0.5, 0.6), False, "The partner found a better one, Bea: 60\xa0% instead of 50\xa0%."),  # noqa: E501
        (Reason("require_other_city"), False, "Only another city is asked for now."),
        (Reason("require_other_sector"), True, "Partners from the same sector are allowed now."),
    ],
)  # fmt: skip
def test_each_reason_has_its_sentence(reason: Reason, enters: bool, words: str) -> None:
    assert in_words(reason, PEOPLE, enters=enters) == words


def test_what_is_settled_about_the_pair_needs_no_name() -> None:
    assert {in_words(Reason(kind), PEOPLE, enters=True) for kind in OF_THE_PAIR} == set(OF_THE_PAIR.values())


def test_settings_have_the_names_people_know() -> None:
    changed = {
        "max_partners": (5, 4),
        "require_other_city": (False, True),
        "dial": (0.5, 0.6),
        "weight fit": (0.6, 0.7),
    }
    found = Comparison({}, 0, 0, 0, (), (), {}, changed, ())
    assert settings_changed(found) == [
        ("Partners, at most", "5", "4"),
        ("Only partners from another city", "no", "yes"),
        ("Deepen or explore", "In between", "0.6"),
        ("Weight of: Needs and offers", "0.6", "0.7"),
    ]

"""What a form says of a field that is not as expected."""

import pytest

from broker.errors import InvalidError
from broker.web.problems import by_field, plain


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Field required", "this cannot be empty"),
        ("String should have at least 1 character", "this cannot be empty"),
        ("String should have at most 200 characters", "at most 200 characters"),
        ("List should have at most 30 items after validation, not 31", "at most 30 of them"),
        ("Value error, one e-mail address such as name@firm.eu", "one e-mail address such as name@firm.eu"),
        ("is not a language we know", "is not a language we know"),
    ],
)
def test_what_was_expected_is_said_in_plain_words(words: str, told: str) -> None:
    assert plain(words) == told


def test_a_message_goes_to_the_field_it_names_and_else_to_the_first() -> None:
    assert by_field(InvalidError("city: String should have at least 1 character"), ("name", "city")) == {
        "city": "This cannot be empty."
    }
    assert by_field(InvalidError("Somebody has it already."), ("name", "city")) == {"name": "Somebody has it already."}

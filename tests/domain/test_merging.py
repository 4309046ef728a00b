"""Two people write one profile."""

import pytest

from broker.domain.merging import BOTH, MINE, MOST_COMPARED, THEIRS, Conflict, Piece, compared, marks, merge

SEEN = marks({"hub": "old", "offers": "a\nb"})


@pytest.mark.parametrize(
    ("stored", "typed", "kept"),
    [
        ("old", "old", "old"),
        ("old", "mine", "mine"),
        ("theirs", "old", "theirs"),
        ("same", "same", "same"),
        ("", "old", ""),
        ("old", "", ""),
    ],
)
def test_what_only_one_of_two_changed_is_kept(stored: str, typed: str, kept: str):
    merged = merge({"hub": stored}, {"hub": typed}, SEEN, {})
    assert (merged.values, merged.conflicts) == ({"hub": kept}, ())


def test_what_both_changed_waits_for_a_choice_with_the_stored_value_in_place():
    merged = merge({"hub": "theirs"}, {"hub": "mine"}, SEEN, {})
    assert merged.values == {"hub": "theirs"}
    assert merged.conflicts == (Conflict("hub", "theirs", "mine"),)


def test_a_form_without_marks_overwrites_nothing():
    merged = merge({"hub": "theirs", "offers": ""}, {"hub": "", "offers": ""}, {}, {})
    assert merged.conflicts == (Conflict("hub", "theirs", ""),)


@pytest.mark.parametrize(
    ("choice", "kept"), [(THEIRS, "a\nc"), (MINE, "a\nb\nd"), (BOTH, "a\nc\nb\nd")], ids=["theirs", "mine", "both"]
)
def test_a_choice_settles_a_field(choice: str, kept: str):
    merged = merge({"offers": "a\nc"}, {"offers": "a\nb\nd"}, marks({"offers": "a\nc"}), {"offers": choice})
    assert (merged.values, merged.conflicts) == ({"offers": kept}, ())


def test_both_is_no_choice_for_a_field_that_is_no_list():
    merged = merge({"hub": "theirs"}, {"hub": "mine"}, {}, {"hub": BOTH})
    assert merged.conflicts == (Conflict("hub", "theirs", "mine"),)


def test_my_choice_does_not_pass_over_what_was_saved_after_it_was_offered():
    merged = merge({"hub": "newer"}, {"hub": "mine"}, marks({"hub": "theirs"}), {"hub": MINE})
    assert merged.conflicts == (Conflict("hub", "newer", "mine"),)


def marked(pieces: list[Piece]) -> str:
    return "|".join(f"[{piece.text}]" if piece.is_only else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("theirs", "mine", "separator", "shown"),
    [
        ("We cast silver.\nIn Pilsen.", "We cast old silver.\nIn Linz.", "", (
            "We cast silver.\nIn|[ Pilsen.]", "We cast|[ old]| silver.\nIn|[ Linz.]",
        )),
        ("a b\nc", "c\nd e", "\n", ("[a b]|c", "c|[d e]")),
        ("one thing", "something else", "", ("one thing", "something else")),
        ("", "new", "", ("", "new")),
        ("", "a, b", ", ", ("", "a|b")),
    ],
)  # fmt: skip
def test_only_what_one_of_two_says_is_marked(theirs: str, mine: str, separator: str, shown: tuple[str, str]):
    found = compared(theirs, mine, separator)
    assert (marked(found[0]), marked(found[1])) == shown


def test_a_very_long_text_is_shown_whole_without_comparing_it():
    long = "word " * (MOST_COMPARED + 1)
    assert compared(long, "word", "") == ([Piece(long, False)], [Piece("word", False)])

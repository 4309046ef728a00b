"""Two people write one profile."""

import pytest

from broker.domain.merging import BOTH, MINE, THEIRS, Conflict, marks, merge

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

"""Cells with lists and remains of web pages."""

import pytest

from broker.domain.texts import plain, statements


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", []),
        ("One need.", ["One need."]),
        ("We build games. We test them, too.", ["We build games. We test them, too."]),
        ("Games; apps;  maps", ["Games", "apps", "maps"]),
        ("- Games\n– apps\n* maps", ["Games", "apps", "maps"]),
        ("• Games • apps", ["Games", "apps"]),
        ("1. Games\n2) apps", ["Games", "apps"]),
        ("Games | apps", ["Games", "apps"]),
        ("3D printing; 24-hour service", ["3D printing", "24-hour service"]),
        ("Games; games; ---; ;", ["Games"]),
        ("Oil &amp; gas; water", ["Oil & gas", "water"]),
        ("Oil &amp\n• Gas companies", ["Oil & Gas companies"]),
        ("<ol><li>Games</li><li>apps</li></ol>", ["Games", "apps"]),
        ("a <b>bold</b> offer", ["a bold offer"]),
        ("5 < 6 and 7 > 6", ["5 < 6 and 7 > 6"]),
    ],
)
def test_a_cell_is_cut_into_statements_and_sentences_stay_whole(cell: str, expected: list[str]):
    assert statements(cell) == expected


def test_a_long_text_is_cut_between_sentences_and_loses_nothing():
    text = " ".join(f"We made {number} things that people like to use every day." for number in range(50))
    pieces = statements(text)
    assert max(map(len, pieces)) <= 1000
    assert " ".join(pieces) == text


def test_paragraphs_of_a_description_stay():
    assert plain("<p>One &amp; two</p><p>Three</p>") == "One & two\n\nThree"

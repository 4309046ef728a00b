import pytest

from matching.sentences import LONGEST, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wir bauen z. B. Spiele für Kliniken. Wir suchen Partner in Polen!", 2),
        ("Firma Pixel Sp. z o.o. tworzy gry dla muzeów. Szukamy partnerów w Berlinie.", 2),
        ("Der Umsatz betrug ca. 3.5 Mio. Euro im letzten Jahr.", 1),
        ("Ateliér Kov s.r.o. vyrábí stroje od r. 2010 v Plzni.", 1),
        ("Wir kamen auf den 3. Platz beim Wettbewerb in Linz.", 1),
        ("The studio was founded in 2012. We now work in nine countries.", 2),
        ("We join science and art. We look for laboratories abroad.", 2),
        ("Cercate un vino del posto? Noi lo vendiamo con gioia da tre generazioni.", 2),
        ("“We mend old trams and buses.” That is what she says to everybody.", 2),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: int) -> None:
    assert len(sentences(text)) == expected


def test_every_sentence_is_a_verbatim_slice_in_order() -> None:
    text = "  Erstens suchen wir Partner.\n\n• Zweitens bieten wir Räume an;  mit zwei Leerzeichen.  "
    assert sentences(text) == (
        "Erstens suchen wir Partner.",
        "• Zweitens bieten wir Räume an;  mit zwei Leerzeichen.",
    )


def test_a_fragment_joins_its_neighbour() -> None:
    assert sentences("Yes. We build quiet trams for old towns.") == ("Yes. We build quiet trams for old towns.",)


def test_an_endless_sentence_is_cut_at_its_pauses() -> None:
    parts = sentences(", ".join(["we repair wooden boats"] * 40))
    assert all(len(part) <= LONGEST for part in parts)
    assert all(part.endswith((",", "boats")) for part in parts)


def test_a_text_without_any_pause_is_cut_by_length() -> None:
    assert [len(part) for part in sentences("x" * (2 * LONGEST + 5))] == [LONGEST, LONGEST, 5]


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_nothing_said_gives_no_sentence(text: str) -> None:
    assert sentences(text) == ()

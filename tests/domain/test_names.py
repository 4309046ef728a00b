"""The key by which two spellings of a firm's name are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.names import MAX_KEY, name_key, unnamed

SAME = [
    ("Übertweek GmbH", "UBERTWEEK"),
    ("Pfefferwerk gGmbH", "Pfefferwerk"),
    ("Karl Sturm GmbH & Co. KG", "Karl Sturm"),
    ("Kiez UG (haftungsbeschränkt)", "Kiez"),
    ("ImPULS e.V.", "Impuls"),
    ("ImPULS e. V.", "Impuls"),
    ("Donau AG", "donau"),
    ("Brum Games Ltd.", "Brum Games Limited"),
    ("Brum Games plc", "Brum Games"),
    ("Gracht B.V.", "Gracht BV"),
    ("Gracht N.V.", "Gracht"),
    ("Piazza S.r.l.", "PIAZZA SRL"),
    ("Piazza S.p.A.", "Piazza"),
    ("Piazza - Società per azioni", "Piazza"),
    ("OÜ Meri", "Meri OÜ"),
    ("AS Meri", "Meri"),
    ("Sowa Sp. z o.o.", "Sowa"),
    ("Sowa Spółka z ograniczoną odpowiedzialnością", "SOWA"),
    ("Sowa S.A.", "Sowa"),
    ("UAB „Saulė“", "Saule"),
    ("Saulė, UAB", "Saulė"),
    ("VšĮ Saulė", "MB Saulė"),
    ("Sjö AB", "sjo"),
    ("Sjö HB", "Sjö"),
    ("Rio, Lda.", "Rio"),
    ("Rio S.A.", "Rio"),
    ("Čáp s.r.o.", "CAP, spol. s r.o."),
    ("Čáp a.s.", "Čáp"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_case_accents_punctuation_and_legal_form_make_no_other_firm(one: str, other: str):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Adcash", "Adcash Media"), ("Limited Edition", "Edition"), ("Studio 1", "Studio 2"), ("Sahara", "Hara")],
)
def test_a_different_name_has_a_different_key(one: str, other: str):
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize("name", ["GmbH", "AG", "S.r.l.", "UAB", "AS", "GmbH & Co. KG"])
def test_a_name_that_is_all_legal_form_keeps_a_key(name: str):
    assert name_key(name) != ""


@given(st.text(max_size=300))
def test_a_key_is_never_empty_nor_too_long_and_is_its_own_key(name: str):
    key = name_key(name)
    assert 0 < len(key) <= MAX_KEY


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("Bo makes bows in Bochum", "Bo", "… makes bows in Bochum"),
        ("from CICHY  MŁYN's hands", "Cichy Młyn", "from …'s hands"),
        ("a.c", "a.c", "…"),
        ("abc", "a.c", "abc"),
        ("nothing hidden", "", "nothing hidden"),
    ],
)
def test_a_text_is_shown_without_the_firms_name(text: str, name: str, shown: str):
    assert unnamed(text, name) == shown

"""What leads to a firm is cut from its sentences, whatever signs it was typed with."""

import pytest

from broker.domain.contact_texts import without_contact


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Call +420\u00a0603\u00a0123\u00a0456 today", "Call [number] today"),
        ("Call 603\u2011123\u2011456 or \uff0b49\u202f30\u202f1234567", "Call [number] or [number]"),
        ("Write to info\uff20firm.example", "Write to [contact]"),
        ("We are medilab(.)cz or info(@)medilab.cz", "We are [contact] or [contact]"),
        ("See firm.paris, firm.london/en and bit.ly/x", "See [contact], [contact] and [contact]"),
        ("12\u00a0500\u00a0m² of roofs\u2011to\u2011let", "12\u00a0500\u00a0m² of roofs\u2011to\u2011let"),
        ("10 000 000 trams", "10 000 000 trams"),
        ("", ""),
    ],
)
def test_addresses_and_numbers_are_cut_however_they_are_spaced(text: str, told: str) -> None:
    assert without_contact(text) == told

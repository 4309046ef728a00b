"""Languages, countries and yes/no as people write them in our ten languages."""

import time

import pytest

from broker.domain import languages
from broker.domain.languages import Reading, find_languages, find_markets, is_yes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Deutsch, Englisch", ["de", "en"]),
        ("Němčina", ["de"]),
        ("DE;EN", ["de", "en"]),
        ("DE EN", ["de", "en"]),
        ("de-DE", ["de"]),
        ("Deutsch (C1) / Englisch fließend", ["de", "en"]),
        ("English and German", ["en", "de"]),
        ("anglicky, německy", ["en", "de"]),
        ("Język angielski", ["en"]),
        ("Inglês e Português", ["en", "pt"]),
        ("italiano, inglese", ["it", "en"]),
        ("Nederlands & Engels", ["nl", "en"]),
        ("svenska och engelska", ["sv", "en"]),
        ("saksa, inglise ja eesti", ["de", "en", "et"]),
        ("lietuvių, anglų", ["lt", "en"]),
        ("German, german, DEUTSCH", ["de"]),
        ("", []),
    ],
)
def test_languages_are_understood_in_our_languages_and_as_codes(text: str, codes: list[str]):
    assert find_languages(text) == Reading(codes, [])


@pytest.mark.parametrize("text", ["Klingon", "EE", "SE", "CZ"])
def test_a_name_or_code_that_could_mean_another_language_is_reported_not_guessed(text: str):
    assert find_languages(f"{text}, English") == Reading(["en"], [text])


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Německo", ["DE"]),
        ("Germany", ["DE"]),
        ("UK", ["GB"]),
        ("Deutschland und Österreich", ["DE", "AT"]),
        ("Niemcy i Czechy", ["DE", "CZ"]),
        ("Rootsi, Soome", ["SE", "FI"]),
        ("the Netherlands; Holland", ["NL"]),
        ("Bosnia and Herzegovina, Czech Republic", ["BA", "CZ"]),
        ("Vokietija ir Lenkija", ["DE", "PL"]),
        ("Alemanha, Reino Unido", ["DE", "GB"]),
        ("DE/AT/CH", ["DE", "AT", "CH"]),
        ("DACH", ["DE", "AT", "CH"]),
        ("Benelux, Polska", ["BE", "NL", "LU", "PL"]),
    ],
)
def test_countries_are_understood_in_our_languages_and_as_codes(text: str, codes: list[str]):
    assert find_markets(text) == Reading(codes, [])


@pytest.mark.parametrize("text", ["Europe", "EU", "worldwide", "Ruritania"])
def test_a_market_that_is_no_country_is_reported(text: str):
    assert find_markets(text) == Reading([], [text])


@pytest.mark.parametrize(
    "text", ["yes", "Ja", "ANO", "tak", "sim", "sì", "si", "ja", "jah", "taip", "x", "true", "1", "wahr"]
)
def test_yes_is_understood(text: str):
    assert is_yes(text) is True


@pytest.mark.parametrize("text", ["no", "Nein", "NE", "nie", "não", "nee", "nej", "ei", "false", "0", "falsch"])
def test_no_is_understood(text: str):
    assert is_yes(text) is False


@pytest.mark.parametrize("text", ["", "maybe", "pending", "2014-03-01"])
def test_what_says_neither_yes_nor_no_is_neither(text: str):
    assert is_yes(text) is None


@pytest.mark.parametrize(
    "text", ["(" * 20_000, "[" * 20_000, "(a" * 10_000, "(" + "(a)" * 6_000, "x" + "\u3000" * 19_998 + "x"]
)
def test_no_cell_takes_long_to_read(text: str):
    started = time.process_time()
    find_languages(text)
    assert time.process_time() - started < 0.2


def test_what_is_hardly_said_twice_is_not_kept():
    languages._read.cache_clear()
    assert find_languages("English, German" + " " * 200).codes == ["en", "de"]
    assert languages._read.cache_info().currsize == 0
    find_languages("English, German")
    assert languages._read.cache_info().currsize == 1


def test_what_stands_in_brackets_is_left_out():
    assert find_languages("German (native (C2)), English [fluent]") == Reading(["de", "en"], [])

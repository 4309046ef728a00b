"""Cities in every spelling, sectors by name and code, and the reference data itself."""

import pytest
from sqlmodel import Session, func, select

from broker.domain import places
from broker.domain.keys import read_table, split_words, text_key
from broker.domain.places import SectorGuess, find_city, find_sector
from broker.models import City, Sector

NAMES = {
    # English, German, Czech, Polish, Portuguese, Italian, Dutch, Swedish, Estonian, Lithuanian
    "birmingham": "Birmingham Birmingham Birmingham Birmingham Birmingham Birmingham Birmingham Birmingham "
    "Birmingham Birmingamas",
    "amsterdam": "Amsterdam Amsterdam Amsterdam Amsterdam Amesterdão Amsterdam Amsterdam Amsterdam "
    "Amsterdam Amsterdamas",
    "rome": "Rome Rom Řím Rzym Roma Roma Rome Rom Rooma Roma",
    "berlin": "Berlin Berlin Berlín Berlin Berlim Berlino Berlijn Berlin Berliin Berlynas",
    "tallinn": "Tallinn Reval Tallinn Tallin Talim Tallinn Tallinn Tallinn Tallinn Talinas",
    "warsaw": "Warsaw Warschau Varšava Warszawa Varsóvia Varsavia Warschau Warszawa Varssavi Varšuva",
    "vilnius": "Vilnius Wilna Vilnius Wilno Vílnius Vilna Vilnius Vilnius Vilnius Vilnius",
    "stockholm": "Stockholm Stockholm Stockholm Sztokholm Estocolmo Stoccolma Stockholm Stockholm Stockholm Stokholmas",
    "linz": "Linz Linz Linec Linz Linz Linz Linz Linz Linz Lincas",
    "lisbon": "Lisbon Lissabon Lisabon Lizbona Lisboa Lisbona Lissabon Lissabon Lissabon Lisabona",
    "pilsen": "Pilsen Pilsen Plzeň Pilzno Pilsen Pilsen Pilsen Plzen Plzeň Pilzenas",
}
ALL_NAMES = [(name, code) for code, names in NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("name", "code"), ALL_NAMES)
def test_a_city_is_found_in_each_of_our_languages_whatever_the_case_and_accents(name: str, code: str):
    without_accents = text_key(name)
    assert {find_city(spelling) for spelling in (name, name.upper(), name.lower(), without_accents)} == {code}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("berlin", "berlin"),
        ("Berlin-Kreuzberg", "berlin"),
        ("Berlin (Mitte)", "berlin"),
        ("Kreuzberg, Berlin", "berlin"),
        ("10115 Berlin", "berlin"),
        ("D-10115 Berlin", "berlin"),
        ("Berlin, DE", "berlin"),
        ("Berlin in Germany", "berlin"),
        ("Roma (RM)", "rome"),
        ("00184 Roma RM", "rome"),
        ("I-00184 Roma", "rome"),
        ("Città di Roma", "rome"),
        ("Linz an der Donau", "linz"),
        ("Linz/Donau", "linz"),
        ("A-4020 Linz", "linz"),
        ("Warszawa, PL", "warsaw"),
        ("m.st. Warszawa", "warsaw"),
        ("00-001 Warszawa", "warsaw"),
        ("B2 4QA Birmingham", "birmingham"),
        ("Birmingham B2 4QA", "birmingham"),
        ("Birmingham, UK", "birmingham"),
        ("1012 AB Amsterdam", "amsterdam"),
        ("111 20 Stockholm, Sverige", "stockholm"),
        ("SE-111 20 Stockholm", "stockholm"),
        ("1100-148 Lisboa", "lisbon"),
        ("LISBOA, Portugal", "lisbon"),
        ("301 00 Plzeň", "pilsen"),
        ("Plzeň, ČR", "pilsen"),
        ("10111 Tallinn, Eesti", "tallinn"),
        ("LT-01103 Vilnius", "vilnius"),
        ("Vilniaus m.", "vilnius"),
    ],
)
def test_a_city_is_found_within_an_address(text: str, code: str):
    assert find_city(text) == code


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "?", "Paris", "Berlingen", "Romford", "Romania", "New Berlin", "Linz am Rhein"),
        *("Via Roma 5, Milano", "Berlin / Warszawa", "Birmingham, AL", "Birmingham, Alabama", "Rome, GA"),
        *("Berlin NH", "Berlin, Connecticut"),
    ],
)
def test_another_place_or_none_or_two_is_no_city(text: str):
    assert find_city(text) is None


def test_every_alias_belongs_to_one_city():
    owners: dict[str, set[str]] = {}
    for row in read_table("cities.csv"):
        for alias in split_words(row["aliases"]):
            owners.setdefault(text_key(alias), set()).add(row["code"])
    assert [alias for alias, codes in owners.items() if len(codes) > 1] == []


REV_2_1 = (
    "01 02 03 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 35 36 37 38 39 "
    "41 42 43 46 47 49 50 51 52 53 55 56 58 59 60 61 62 63 64 65 66 68 69 70 71 72 73 74 75 77 78 79 80 81 82 84 85 "
    "86 87 88 90 91 92 93 94 95 96 97 98 99"
)


def test_every_division_of_nace_rev_2_1_leads_to_a_sector():
    assert [division for division in REV_2_1.split() if find_sector(division).code is None] == []


@pytest.mark.parametrize("text", ["00", "04", "34", "40", "44", "48", "54", "57", "67", "76", "83", "89", "121", "7"])
def test_a_number_that_is_no_division_is_no_sector(text: str):
    assert find_sector(text) == SectorGuess(None, False)


@pytest.mark.parametrize(
    ("code", "sector"),
    [
        ("62.10", "ict"),
        ("62", "ict"),
        ("J62", "ict"),
        ("K 62.1", "ict"),
        ("6210", "ict"),
        ("62.01.Z", "ict"),
        ("62.01.00", "ict"),
        ("PKD 62.01.Z", "ict"),
        ("NACE Rev. 2: 62.01", "ict"),
        ("NACE 2.1 59.11", "audiovisual"),
        ("62 – Software", "ict"),
        ("62.10 Computer programming", "ict"),
        ("62,01", "ict"),
        ("58.21", "games"),
        ("58.29", "ict"),
        ("58.11", "publishing"),
        ("59.20", "music"),
        ("71.11", "architecture"),
        ("74.12", "design"),
        ("73.11", "advertising"),
        ("90.12", "crafts"),
        ("1.11", "food"),
        ("96.99", "public-services"),
    ],
)
def test_a_nace_code_finds_its_sector_by_its_longest_listed_beginning(code: str, sector: str):
    assert find_sector(code) == SectorGuess(sector, True)


@pytest.mark.parametrize("text", ["71", "74", "58", "90.1"])
def test_a_code_that_finer_codes_would_split_is_to_be_confirmed(text: str):
    guess = find_sector(text)
    assert guess.code is not None
    assert not guess.exact


@pytest.mark.parametrize(
    "games", ["Games", "Spiele", "Hry", "Gry", "Jogos", "Giochi", "Spellen", "Spel", "Mängud", "Žaidimai", "GAMES"]
)
def test_a_sector_is_found_by_its_name_in_each_language(games: str):
    assert find_sector(games) == SectorGuess("games", True)


def test_every_sector_has_names_in_other_languages_and_no_word_stands_for_two():
    owners: dict[str, set[str]] = {}
    for row in read_table("sectors.csv"):
        assert len(split_words(row["translations"])) >= 9, row["code"]
        for column in ("code", "name"):
            owners.setdefault(text_key(row[column]), set()).add(row["code"])
        for column in ("words", "synonyms", "translations"):
            for word in split_words(row[column]):
                owners.setdefault(text_key(word), set()).add(row["code"])
    assert {word: codes for word, codes in owners.items() if len(codes) > 1} == {}


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("Film, video and animation", SectorGuess("audiovisual", True)),
        ("Games; Video games", SectorGuess("games", True)),
        ("Games; Design", SectorGuess("games", False)),
        ("marketplace; boats; e-commerce", SectorGuess("retail", False)),
        ("Boat building", SectorGuess(None, False)),
        ("finance; boats; kites", SectorGuess(None, False)),
        ("24 hour delivery", SectorGuess(None, False)),
        ("", SectorGuess(None, False)),
    ],
)
def test_words_are_a_sector_only_as_far_as_they_are_known(text: str, guess: SectorGuess):
    assert find_sector(text) == guess


def test_numbers_can_be_kept_from_counting_as_codes():
    assert find_sector("62.10", codes=False) == SectorGuess(None, False)


def test_reference_data_is_loaded_once_however_often_it_is_asked_for(session: Session):
    city = session.get_one(City, "pilsen")
    city.name = "Somewhere"
    places.load_reference(session)
    places.load_reference(session)
    assert city.name == "Pilsen"
    assert session.exec(select(func.count()).select_from(City)).one() == 11
    sectors = session.exec(select(Sector).order_by(Sector.position)).all()
    assert len(sectors) == 25
    assert sectors[0].code == "games"
    assert {sector.group for sector in sectors} == {"creative", "growth"}


def test_cities_are_listed_by_name(session: Session):
    assert [city.name for city in places.cities(session)] == places.city_names()
    assert places.city_name("rome") == "Rome"

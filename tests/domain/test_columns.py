"""Which column means what, by its header in ten languages."""

import pytest

from broker.domain import columns
from broker.domain.keys import read_table, split_words, text_key
from broker.errors import InvalidError

SHEETS = {
    "en": "Company;City;Sector;Description;Offers;Looking for;Languages;Contact person",
    "de": "Firma;Ort;Branche;Beschreibung;Bietet;Sucht;Sprachen;Ansprechpartner",
    "de too": "Unternehmen;Stadt;Wirtschaftszweig;Kurzbeschreibung;Was bieten Sie?;Was suchen Sie?;Arbeitssprachen;"
    "Kontaktperson",
    "cs": "Název firmy;Město;Obor;Popis;Nabízíme;Hledáme;Jazyky;Kontaktní osoba",
    "pl": "Nazwa firmy;Miasto;Branża;Opis;Oferta;Poszukuje;Języki;Osoba kontaktowa",
    "pt": "Nome da empresa;Cidade;Setor;Descrição;Oferece;Procura;Idiomas;Contacto",
    "it": "Azienda;Città;Settore;Descrizione;Offre;Cerca;Lingue;Referente",
    "nl": "Bedrijfsnaam;Plaats;Bedrijfstak;Omschrijving;Biedt;Zoekt;Talen;Contactpersoon",
    "sv": "Företag;Ort;Bransch;Beskrivning;Erbjuder;Söker;Arbetsspråk;Kontaktperson",
    "et": "Ettevõte;Linn;Valdkond;Kirjeldus;Pakub;Otsib;Keeled;Kontaktisik",
    "lt": "Įmonė;Miestas;Sritis;Aprašymas;Siūlo;Ieško;Kalbos;Kontaktinis asmuo",
}
FIELDS = ["name", "city", "sector", "description", "offers", "needs", "languages", "contact"]


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_the_usual_columns_are_recognised_in_each_language(sheet: str):
    headers = sheet.split(";")
    expected = {field: at for at, field in enumerate(FIELDS)}
    assert columns.guess(headers) == expected
    assert columns.guess([header.upper() for header in headers]) == expected


def test_every_field_is_recognised_by_its_own_name_and_by_its_label():
    fields = list(columns.labels())
    assert columns.guess(fields) == {field: at for at, field in enumerate(fields)}
    assert columns.guess(list(columns.labels().values())) == {field: at for at, field in enumerate(fields)}


def test_no_header_is_the_name_of_two_fields():
    owners: dict[str, set[str]] = {}
    for row in read_table("columns.csv"):
        for name in (row["field"], row["label"], *split_words(row["exact"])):
            owners.setdefault(text_key(name), set()).add(row["field"])
    assert {name: fields for name, fields in owners.items() if len(fields) > 1} == {}


def test_a_known_word_within_a_header_is_enough_and_the_most_telling_one_counts():
    headers = [
        "Company name (legal)",
        "Company website",
        "Contact person, name",
        "Needs / looking for",
        "Sector (NACE)",
    ]
    assert columns.guess(headers) == {"name": 0, "website": 1, "contact": 2, "needs": 3, "sector": 4}


def test_beside_the_company_a_name_is_a_persons():
    assert columns.guess(["Name", "Company", "City"]) == {"contact": 0, "name": 1, "city": 2}
    assert columns.guess(["Name", "City"]) == {"name": 0, "city": 1}


def test_a_header_means_one_thing_only():
    assert columns.guess(["Company", "Firma", "City"]) == {"name": 0, "city": 2}


def test_headers_that_mean_nothing_are_left_alone():
    assert columns.guess(["Founded", "Employees", "Turnover"]) == {}


def test_a_given_column_wins_over_the_guess():
    headers = ["Company", "City", "Notes", "Looking for"]
    assert columns.guess(headers, {"needs": "notes"}) == {"name": 0, "city": 1, "needs": 2}
    assert columns.guess(headers, {"needs": ""}) == {"name": 0, "city": 1}


def test_an_unknown_header_is_told_with_those_there_are():
    with pytest.raises(InvalidError, match=r"There is no column 'Sucht'\. The headers found are: Company, City\."):
        columns.guess(["Company", "City"], {"needs": "Sucht"})


def test_an_unknown_field_is_told_with_those_there_are():
    with pytest.raises(InvalidError, match=r"There is no field 'colour'\. The fields are: name, city, hub"):
        columns.guess(["Company", "City"], {"colour": "City"})


@pytest.mark.parametrize(
    ("headers", "has_city", "message"),
    [
        (["City", "Text"], False, ("No column for the name was recognised. The headers found are: City, Text. "
         "Say which one it is, e.g. name=City.")),
        (["Company", "Text"], False, ("No column for the city was recognised. The headers found are: Company, Text. "
         "Say which one it is, e.g. city=Company, or give one city for the whole file.")),
        (["A", "B"], True, ("No column for the name was recognised. The headers found are: A, B. "
         "Say which one it is, e.g. name=A.")),
    ],
)  # fmt: skip
def test_a_file_without_name_or_city_is_told_how_to_say_it(headers: list[str], has_city: bool, message: str):
    with pytest.raises(InvalidError) as raised:
        columns.require(columns.guess(headers), headers, has_city)
    assert str(raised.value) == message


def test_a_city_given_for_the_file_stands_in_for_its_column():
    columns.require(columns.guess(["Company"]), ["Company"], has_city=True)
    assert columns.guess(["Company"]) == {"name": 0}

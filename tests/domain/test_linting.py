"""What is vague in a statement, in ten languages, and how seldom a clear one is found fault with."""

import csv
import time

import pytest

from broker.config import DATA
from broker.domain.linting import EMAIL, NUMBER, WEB, lint, lint_all
from broker.domain.texts import statements
from broker.models import StatementKind

OFFER, NEED = StatementKind.OFFER, StatementKind.NEED


def rules(text: str, kind: StatementKind = OFFER) -> list[str]:
    return [finding.rule for finding in lint(text, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "innovative solutions",
        "innovative and sustainable digital solutions for companies",
        "We deliver tailor-made, high-quality services to our customers worldwide",
        "innovative Lösungen für Unternehmen",
        "Maßgeschneiderte digitale Dienstleistungen für unsere Kunden",
        "innovatieve oplossingen op maat",
        "duurzame digitale diensten voor bedrijven",
        "innovativa lösningar för företag",
        "hållbara och skräddarsydda tjänster",
        "soluzioni innovative su misura per le aziende",
        "servizi digitali di alta qualità",
        "soluções inovadoras e sustentáveis para empresas",
        "innowacyjne rozwiązania dla firm",
        "kompleksowe usługi najwyższej jakości",
        "inovativní řešení pro firmy",
        "kvalitní služby na míru",
        "inovatyvūs sprendimai įmonėms",
        "aukštos kokybės paslaugos",
        "innovaatilised lahendused ettevõtetele",
        "kvaliteetsed ja paindlikud teenused",
    ],
)
def test_what_fits_every_firm_is_vague_in_each_language(text: str):
    assert rules(text) == ["vague"]


@pytest.mark.parametrize(
    "text", ["new partners and customers abroad", "neue Partner und Kunden", "procuramos parceiros"]
)
def test_a_need_that_anybody_could_have_is_vague(text: str):
    assert rules(text, NEED) == ["vague"]


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("partners", NEED, ["short"]),
        ("game design", OFFER, ["short"]),
        ("WE BUILD GAMES FOR HOSPITALS AND SCHOOLS", OFFER, ["capitals"]),
        ("games for clinics, see www.spielwerk.de", OFFER, ["contact"]),
        ("a hall for rent, write to anna@firm.eu", OFFER, ["contact"]),
        ("a test ride on rails, call +49 30 1234567", OFFER, ["contact"]),
        ("We are a young and dynamic team founded in 2012", OFFER, ["about_self"]),
        ("Wir sind ein junges Team mit zehn Jahren Erfahrung in Berlin", OFFER, ["about_self"]),
        ("investors, distributors, app developers, a lawyer, interns", NEED, ["several"]),
        ("a clinic in Pilsen; a publisher of picture books", NEED, ["several"]),
        ("We look for a clinic. We look for a publisher too.", NEED, ["several"]),
        ("We offer motion capture and look for a game studio", OFFER, ["mixed"]),
        ("we offer a studio in Berlin with two cameras", NEED, ["mixed"]),
        ("Wir suchen eine Klinik für Tests mit Patienten", OFFER, ["mixed"]),
    ],
)
def test_each_rule_finds_its_own(text: str, kind: StatementKind, found: list[str]):
    assert rules(text, kind) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "innovative solutions for hospitals that test games with patients",
        "240 cargo bicycles in daily use for tests from 2012 to 2014",
        "labels, posters and films for producers of wine and honey",
        "Mobiilimängud muuseumidele",
        "a 3D print of up to 1.200 x 800 mm within 2-3 days",
    ],
)
def test_what_says_something_is_left_alone(text: str):
    assert lint(text, OFFER) == []


def test_the_vague_words_are_quoted_and_something_is_asked():
    [finding] = lint("We build Innovative Lösungen, für Unternehmen", OFFER)
    assert (finding.words, finding.asks) == ("“Innovative Lösungen” fits every firm.", "For whom? Doing what?")
    [finding] = lint("new partners and customers", NEED)
    assert finding.asks == "What exactly? Who would have it?"


def test_what_no_profile_can_hold_is_not_read():
    long = "a studio for films with two cameras " * 30
    assert len(long) > 1000
    assert lint(f"{long} www.spielwerk.de", OFFER) == lint(long[:1000], OFFER)
    assert lint_all([*["x@" * 500_000] * 30, *["partners"] * 20_000], NEED)[30:] == [[]] * 20_000


@pytest.mark.parametrize("text", ["x@" * 20_000, "@" * 40_000, "a-" * 20_000, "1(" * 20_000, "1" + "(" * 40_000])
def test_no_pattern_takes_long_on_a_long_text(text: str):
    started = time.process_time()
    for pattern in (EMAIL, WEB, NUMBER):
        pattern.findall(text)
    assert time.process_time() - started < 1


def test_no_statement_of_the_demo_is_found_fault_with():
    with (DATA / "demo" / "smes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    offers = [text for row in rows for text in statements(row[column(rows, "offer")])]
    needs = [text for row in rows for text in statements(row[column(rows, "need")])]
    assert len(offers) + len(needs) == 634
    assert [text for text, found in zip(offers, lint_all(offers, OFFER), strict=True) if found] == []
    assert [text for text, found in zip(needs, lint_all(needs, NEED), strict=True) if found] == []


def column(rows: list[dict[str, str]], word: str) -> str:
    return next(name for name in rows[0] if word in name.lower())


def test_of_two_thousand_reference_texts_in_ten_languages_less_than_one_in_a_hundred_is():
    with (DATA / "background.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file) if 25 < len(row["text"]) < 160]
    found = [text for text in texts if lint(text, OFFER)]
    assert len(texts) > 1_900
    assert len(found) < len(texts) / 100

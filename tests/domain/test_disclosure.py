"""What a broker is told of firms of other cities."""

import time

import pytest
from sqlmodel import Session, select

from broker.db import now
from broker.domain import cards, disclosure
from broker.domain.disclosure import described, without_name
from broker.domain.places import sector_rows
from broker.models import Introduction, Match
from tests import factories


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("Medilab Plzeň runs two clinics.", "Medilab Plzeň", "[name] runs two clinics."),
        ("MEDILAB PLZEN, s.r.o. runs", "Medilab Plzeň s.r.o.", "[name], s.r.o. runs"),
        ("We at medilab-plzeň and MedilabPlzeň", "Medilab Plzeň", "We at [name] and [name]"),
        ("Hakenschlag builds games", "Hakenschlag Spiele UG", "[name] builds games"),
        ("a hakenschlag in their story", "Hakenschlag Spiele UG", "a hakenschlag in their story"),
        ("Solar panels from Solar Łódka", "Solar Łódka", "Solar panels from [name]"),
        ("Bo sits in Bochum", "Bo", "[name] sits in Bochum"),
        ("Games for nurses", "Games & Co", "Games for nurses"),
        ("See www.medilab.cz or ask ada@medilab.cz now", "Anything", "See [name] or ask [name] now"),
        ("See medilab.cz, shop.medilab.co.uk/en?a=1 or MEDILAB.CZ.", "Anything", "See [name], [name] or [name]."),
        ("See hammer.studio, HAMMER.BERLIN/en or hammer.health!", "Any", "See [name], [name] or [name]!"),
        (
            "Write info (at) firm (dot) cz or info[at]firm.cz, find @firm_cz",
            "Any",
            "Write [name] or [name] find [name]",
        ),
        ("Node.js at 20 €, 3 p.m. (at noon) @ home", "Any", "Node.js at 20 €, 3 p.m. (at noon) @ home"),
        ("Call +49 30 123 45 67, (030) 1234567 or 0301234567 now", "Any", "Call [number], ([number] or [number] now"),
        ("We sell.It is good. Since 2012-2014, 1.200 x 800", "Any", "We sell.It is good. Since 2012-2014, 1.200 x 800"),
        ("S Medilabem a u Medilabu, Medilabs Team", "Medilab s.r.o.", "S [name] a u [name], [name] Team"),
        ("Skaidros projektai su Skaidrą", "UAB Skaidra", "[name] projektai su [name]"),
        ("Medilaboratories, a medilabu, Brunos", "Medilab; Bruno", "Medilaboratories, a medilabu, Brunos"),
        ("Furniture and Designers", "Furnitura Design", "Furniture and Designers"),
        ("nothing of it", "Medilab Plzeň", "nothing of it"),
        ("", "Medilab", ""),
    ],
)
def test_a_text_loses_the_name_however_it_is_written(text: str, name: str, told: str) -> None:
    assert without_name(text, name) == told


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "x." * 50_000,
        "www" * 30_000,
        "1(" * 50_000,
        "a-" * 50_000,
        "(at)" * 25_000,
        "a(at)" * 20_000,
        "@" * 100_000,
        "a [at] " * 15_000,
    ],
)
def test_a_long_text_without_spaces_takes_no_longer_than_its_length(text: str) -> None:
    started = time.process_time()
    without_name(text, "Medilab")
    assert time.process_time() - started < 2


def test_a_firm_without_a_name_is_what_it_does() -> None:
    assert (described("games"), described(None), described("alchemy")) == ("A games studio", "A firm", "A firm")


def test_names_of_another_city_are_told_pair_by_pair_once_both_said_yes(session: Session) -> None:
    own = factories.make_sme(session, "Anna")
    other = factories.make_sme(session, "Anna Two")
    partner = factories.make_sme(session, "Bruno", city="rome")
    neighbour = factories.make_sme(session, "Nora")
    event = factories.make_event(session)
    a_id, b_id = sorted((own.id, partner.id))
    before = disclosure.to_city(session, "berlin")
    session.add(Introduction(event_id=event.id, a_id=a_id, b_id=b_id, made_at=now(session)))
    session.flush()

    after = disclosure.to_city(session, "berlin")
    assert not before.names(partner.id, "rome", [own.id])
    assert after.names(partner.id, "rome", [own.id])
    assert not after.names(partner.id, "rome", [other.id])
    assert after.names(neighbour.id, "berlin", [own.id])
    assert disclosure.to_city(session, "rome").names(own.id, "berlin", [partner.id])
    assert not disclosure.to_city(session, "linz").names(partner.id, "rome", [own.id])
    assert disclosure.to_city(session, None).names(partner.id, "rome", [other.id])


def test_a_card_of_another_city_keeps_its_reasons_and_loses_what_leads_to_the_firm(session: Session) -> None:
    own = factories.make_sme(session, "Anna")
    partner = factories.make_sme(session, "Bruno Srl", city="rome", sector="food", website="https://bruno.example")
    event = factories.make_event(session)
    lists = factories.make_shortlists(session, event, (own, partner))
    match = session.exec(select(Match)).one()
    quote = {"need": "we want to meet Bruno", "offer": "Bruno Srl bakes bread", "strength": "good"}
    match.evidence = match.evidence | {"a_to_b": quote}
    session.flush()
    [card] = cards.for_shortlists(session, [lists[own.id]])[own.id]

    told = disclosure.card_for(disclosure.to_city(session, "berlin"), own.id, card)

    assert (told.name, told.city, told.sector, told.hub, told.website) == ("A food company", "Rome", "Food", "", "")
    assert told.you_need is not None
    assert (told.you_need.need, told.you_need.offer) == ("we want to meet [name]", "[name] Srl bakes bread")
    assert "Bruno" not in repr(told)
    assert disclosure.card_for(disclosure.to_city(session, None), own.id, card) == card


def test_every_sector_has_words_for_a_firm_of_it() -> None:
    assert [row["code"] for row in sector_rows() if not row["firm"].startswith(("A ", "An "))] == []

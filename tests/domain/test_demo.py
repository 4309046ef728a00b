"""The demo is the cohort the README promises, loaded once, with nothing that could reach a real person."""

from collections import Counter

import pytest
from sqlmodel import col, select

from broker.db import Database
from broker.domain import accounts, demo, profiles
from broker.models import City, Contact, Event, PastPartner, Registration, Role, Sector, Sme, Statement, StatementKind


@pytest.fixture
def loaded(database: Database) -> Database:
    with database.write() as session:
        assert demo.load(session, database.settings)
    return database


def test_102_smes_of_eleven_cities_half_of_them_creative(loaded: Database) -> None:
    with loaded.read() as session:
        groups = Counter(session.exec(select(Sector.group).join(Sme, col(Sme.sector_code) == Sector.code)))
        cities = set(session.exec(select(Sme.city_code)))
        assert cities == set(session.exec(select(City.code)))
    assert groups == {"creative": 52, "growth": 50}


def test_every_profile_is_complete(loaded: Database) -> None:
    with loaded.read() as session:
        ids = [sme.id for sme in session.exec(select(Sme))]
        assert {sme_id: gaps for sme_id, gaps in profiles.to_complete_many(session, ids).items() if gaps} == {}
        kinds = Counter((row.sme_id, row.kind) for row in session.exec(select(Statement)))
    assert {2 <= kinds[sme_id, kind] <= 4 for sme_id in ids for kind in StatementKind} == {True}


def test_descriptions_have_the_promised_length_and_many_are_in_their_citys_language(loaded: Database) -> None:
    with loaded.read() as session:
        smes = session.exec(select(Sme, City).join(City, col(City.code) == Sme.city_code)).all()
    lengths = [len(sme.description.split()) for sme, _ in smes]
    assert 60 <= min(lengths) <= max(lengths) <= 120
    local = [sme.language for sme, city in smes if sme.language == city.language != "en"]
    assert len(local) >= 30
    assert set(local) == {"de", "nl", "it", "et", "pl", "lt", "sv", "pt", "cs"}


def test_no_address_can_reach_anybody(loaded: Database) -> None:
    with loaded.read() as session:
        addresses = session.exec(select(Contact.email)).all()
        websites = session.exec(select(Sme.website)).all()
    assert len(set(addresses)) == 102
    assert all(address.endswith(".example") for address in addresses)
    assert all(website.endswith(".example") for website in websites)


def test_all_are_registered_for_the_workshop_in_berlin(loaded: Database) -> None:
    with loaded.read() as session:
        event = session.exec(select(Event)).one()
        registered = session.exec(select(Registration.sme_id).where(Registration.event_id == event.id)).all()
        assert len(session.exec(select(PastPartner)).all()) == 8
    assert (event.id, event.city_code, len(set(registered))) == (1, "berlin", 102)
    assert (event.starts_at.month, event.starts_at.day) == (3, 24)


def test_the_sign_ins_it_prints_work(loaded: Database) -> None:
    with loaded.read() as session:
        found = {
            sign_in.email: accounts.authenticate(session, sign_in.email, sign_in.password)
            for sign_in in demo.sign_ins()
        }
    roles = [account.role if account else None for account in found.values()]
    assert roles == [Role.ORGANISER, Role.BROKER, Role.BROKER, Role.ADMIN]


def test_loading_twice_changes_nothing(loaded: Database) -> None:
    with loaded.write() as session:
        assert not demo.load(session, loaded.settings)
        assert len(session.exec(select(Sme)).all()) == 102


def test_a_demo_home_is_marked_so_that_it_may_use_the_known_key(database: Database) -> None:
    assert not database.settings.is_demo
    with database.write() as session:
        demo.load(session, database.settings)
    assert database.settings.is_demo
    database.settings.require_secret()

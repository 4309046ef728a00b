"""The words a profile is found by: kept on every write, and filled in for those from before."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import imports, profiles, sheets
from broker.domain.completeness import missing
from broker.domain.queries import lacking
from broker.domain.records import load_records
from broker.models import Consent, Purpose, Sme, SmeStatus
from tests import factories

LACKING = (
    {},
    {"description": "", "offers": (), "needs": ()},
    {"sector": None},
    {"sector": None, "sector_words": "toys"},
    {"sector_confirmed": False},
    {"languages": [], "markets": ["DE"], "readiness": 1},
    {"email": ""},
    {"consents": ()},
    {"consents": (Purpose.MAILING,), "status": SmeStatus.PAUSED},
)


def words(session: Session) -> str:
    return session.exec(select(Sme.search_text)).one()


def test_every_write_keeps_the_words(session: Session) -> None:
    data = profiles.parse(
        name="Łódka s.r.o.", city_code="warsaw", hub="Przędzalnia", contact="Ewa Żak", sector_code="games",
        sector_words="zabawki", description="Robimy gry.", offers=["AI dla szpitali"], needs=["sklepy"],
    )  # fmt: skip
    sme = profiles.create(session, "test", data)
    assert words(session) == " lodka s r o przedzalnia zabawki robimy gry ewa zak ai dla szpitali sklepy"

    profiles.update(session, "test", sme, data.model_copy(update={"needs": [], "hub": "", "description": "Nic"}))
    assert words(session) == " lodka s r o zabawki nic ewa zak ai dla szpitali"


def test_an_import_keeps_the_words(session: Session) -> None:
    sheet = "Name;City;Needs\nNeuland;Berlin;eine Klinik für Spiele\n".encode()
    imports.apply(session, "test", imports.preview(session, sheets.read("smes.csv", sheet)), source="test")

    assert words(session) == " neuland eine klinik fur spiele"


def test_a_profile_from_before_is_found_by_the_same_words(session: Session, database: Database) -> None:
    data = profiles.parse(name="Über Ä", city_code="berlin", hub="Haus", contact="Ada", needs=["eine Klinik"])
    profiles.create(session, "test", data)
    profiles.create(session, "test", data.model_copy(update={"name": "Ohne", "hub": "", "contact": "", "needs": []}))
    session.commit()
    before = session.exec(select(Sme.name, Sme.search_text)).all()
    session.execute(text("UPDATE sme SET search_text = ''"))
    session.commit()
    config = database._alembic()
    session.close()
    command.downgrade(config, str(ScriptDirectory.from_config(config).get_revision("0006").down_revision))
    database.migrate()

    after = session.exec(select(Sme.name, Sme.search_text)).all()
    assert {name: set(found.split()) for name, found in after} == {name: set(found.split()) for name, found in before}


@pytest.mark.parametrize("fields", LACKING, ids=[" ".join(fields) or "nothing" for fields in LACKING])
def test_the_database_finds_lacking_what_the_facts_lack(session: Session, fields: dict[str, object]) -> None:
    sme = factories.make_sme(session, **fields)  # type: ignore[arg-type]
    conditions = lacking.conditions()
    row = session.execute(select(*conditions.values())).one()

    [record] = load_records(session, Sme.id == sme.id).values()  # type: ignore[arg-type]
    assert [lack for lack, is_lacking in zip(conditions, row, strict=True) if is_lacking] == missing(record.facts)


def test_a_withdrawn_consent_is_lacking(session: Session) -> None:
    sme = factories.make_sme(session)
    consent = session.exec(select(Consent).where(Consent.purpose == Purpose.MAILING)).one()
    consent.withdrawn_at = consent.given_at
    session.flush()

    assert session.exec(select(Sme.id).where(lacking.lacks_consent())).all() == [sme.id]

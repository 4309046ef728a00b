"""Profiles: what may be written, how they change, what they lack."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import profiles
from broker.domain.profiles import ProfileData
from broker.errors import ConflictError, InvalidError
from broker.models import AuditEntry, Consent, Contact, Hub, Purpose, Sme, SmeStatus, Statement, StatementKind
from tests.factories import make_sme
from tests.races import behind

WHOLE: dict[str, Any] = {
    "name": "Adler Games",
    "city_code": "berlin",
    "hub": "Spree Hub",
    "sector_code": "games",
    "sector_confirmed": True,
    "description": "We make games for clinics.\n\nThree people.",
    "language": "en",
    "languages": ["en", "de"],
    "markets": ["DE", "PL"],
    "readiness": 3,
    "website": "https://adler.example",
    "contact": "Ada Adler",
    "email": "ada@adler.example",
    "phone": "+49 30 123456",
    "offers": ["Games for training.", "Prototypes in a week."],
    "needs": ["A clinic that tests with us."],
}


def whole(**changes: Any) -> ProfileData:
    return profiles.parse(**(WHOLE | changes))


def counts(session: Session) -> dict[str, int]:
    return {table.__name__: len(session.exec(select(table)).all()) for table in (Sme, Contact, Hub, Statement)}


def test_a_profile_is_written_whole_and_read_back_the_same(session: Session):
    sme = profiles.create(session, "Berlin broker", whole())
    session.expire_all()
    assert profiles.read(session, sme) == whole()
    assert (sme.version, sme.status, sme.name_key) == (1, SmeStatus.DRAFT, "adler games")
    assert sme.created_at == sme.updated_at
    assert counts(session) == {"Sme": 1, "Contact": 1, "Hub": 1, "Statement": 3}
    entry = session.exec(select(AuditEntry)).one()
    assert (entry.actor, entry.action, entry.subject) == ("Berlin broker", "profile created", f"sme:{sme.id}")


def test_unchanged_data_changes_nothing_at_all(session: Session):
    sme = profiles.create(session, "me", whole())
    before = (sme.version, sme.updated_at, [s.id for s in session.exec(select(Statement))])
    assert profiles.update(session, "me", sme, whole()) is False
    session.expire_all()
    assert (sme.version, sme.updated_at, [s.id for s in session.exec(select(Statement))]) == before
    assert [entry.action for entry in session.exec(select(AuditEntry))] == ["profile created"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Adler Spiele"),
        ("hub", "Other Hub"),
        ("sector_code", "design"),
        ("description", ""),
        ("languages", []),
        ("markets", ["DE"]),
        ("readiness", None),
        ("email", "other@adler.example"),
        ("phone", ""),
        ("offers", ["Only this."]),
        ("needs", []),
    ],
)
def test_a_change_of_any_field_makes_the_next_version(session: Session, field: str, value: object):
    sme = profiles.create(session, "me", whole())
    assert profiles.update(session, "me", sme, whole(**{field: value})) is True
    session.expire_all()
    assert profiles.read(session, sme) == whole(**{field: value})
    assert sme.version == 2
    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "profile updated")).one()
    assert entry.detail == {"fields": [field]}


def test_a_change_of_the_needs_leaves_the_rows_of_the_offers(session: Session):
    sme = profiles.create(session, "me", whole())
    offers = select(Statement.id).where(Statement.kind == StatementKind.OFFER).order_by(Statement.position)
    before = session.exec(offers).all()
    profiles.update(session, "me", sme, whole(needs=["Something else."]))
    assert session.exec(offers).all() == before


def test_two_spellings_of_a_hub_are_one_hub(session: Session):
    first = profiles.create(session, "me", whole())
    second = profiles.create(session, "me", whole(name="Bussard", hub="SPREE hub"))
    elsewhere = profiles.create(session, "me", whole(name="Czapla", city_code="warsaw"))
    assert first.hub_id == second.hub_id != elsewhere.hub_id
    assert [hub.name for hub in session.exec(select(Hub).order_by(Hub.id))] == ["Spree Hub", "Spree Hub"]


def test_the_same_name_twice_in_a_city_is_refused(session: Session):
    profiles.create(session, "me", whole())
    with pytest.raises(ConflictError, match="There is already an SME called 'Adler Games' in this city"):
        profiles.create(session, "me", whole())
    other = profiles.create(session, "me", whole(name="Bussard"))
    with pytest.raises(ConflictError):
        profiles.update(session, "me", other, whole())
    assert profiles.create(session, "me", whole(city_code="linz")).city_code == "linz"


@pytest.mark.parametrize(
    "lacking",
    [
        {"languages": []},
        {"email": ""},
        {"sector_code": None, "sector_confirmed": False},
        {"description": "", "offers": [], "needs": []},
    ],
)
@pytest.mark.parametrize("status", [SmeStatus.IN_REVIEW, SmeStatus.REVIEWED])
def test_a_profile_that_loses_what_matching_needs_is_a_draft_again_until_it_is_reviewed_anew(
    session: Session, status: SmeStatus, lacking: dict[str, Any]
):
    sme = profiles.create(session, "me", whole())
    assert sme.status is SmeStatus.DRAFT
    sme.status = status
    profiles.update(session, "me", sme, whole(description=""))
    assert sme.status is status
    profiles.update(session, "me", sme, whole(**lacking))
    assert sme.status is SmeStatus.DRAFT
    profiles.update(session, "me", sme, whole())
    assert sme.status is SmeStatus.DRAFT


@pytest.mark.parametrize("status", [SmeStatus.PUBLISHED, SmeStatus.PAUSED, SmeStatus.EXPIRED])
def test_an_edit_leaves_what_was_published_paused_or_expired_as_it_is(session: Session, status: SmeStatus):
    sme = profiles.create(session, "me", whole())
    sme.status = status
    profiles.update(session, "me", sme, whole(readiness=5))
    assert sme.status is status


def test_a_published_profile_that_loses_its_address_is_a_draft_again(session: Session):
    sme = profiles.create(session, "me", whole())
    sme.status = SmeStatus.PUBLISHED
    profiles.update(session, "me", sme, whole(email=""))
    assert sme.status is SmeStatus.DRAFT


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", " ", "name: String should have at least 1 character"),
        ("name", "x" * 201, "name: String should have at most 200 characters"),
        ("description", "x" * 20_001, "description: String should have at most 20000 characters"),
        ("description", "a\x00b", "description: text without control characters"),
        ("description", "a\ud800b", "description: "),
        ("offers", ["x"] * 31, "offers: List should have at most 30 items after validation, not 31"),
        ("offers", ["x" * 1001], "offers.0: String should have at most 1000 characters"),
        ("needs", ["fine", "a\x07"], "needs.1: text without control characters"),
        ("readiness", 0, "readiness: Input should be greater than or equal to 1"),
        ("readiness", 6, "readiness: Input should be less than or equal to 5"),
        ("email", "ada@", "email: one e-mail address such as name@firm.eu"),
        ("email", "a@x.example, b@x.example", "email: one e-mail address such as name@firm.eu"),
        (
            "email",
            "jörg@firma.example",
            "email: an e-mail address without ä, é, ř and the like before the @: mail cannot reach it",
        ),
        ("website", "javascript:alert(1)", "website: a web address such as https://firm.eu"),
        ("website", "ftp://adler.example", "website: a web address such as https://firm.eu"),
        ("website", "not a site", "website: a web address such as https://firm.eu"),
        ("website", "https://user:pass@adler.example", "website: a web address such as https://firm.eu"),
        ("colour", "red", "colour: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_was_expected(field: str, value: object, message: str):
    with pytest.raises(InvalidError) as raised:
        whole(**{field: value})
    assert str(raised.value).startswith(message)


def test_addresses_are_kept_in_their_usual_spelling():
    data = whole(email=" mailto:Ada@ADLER.example ", website="www.adler.example")
    assert (data.email, data.website) == ("Ada@adler.example", "https://www.adler.example")
    assert whole(email="info@müller.example").email == "info@xn--mller-kva.example"


def test_an_address_no_mail_can_be_written_to_is_refused():
    """The standard library reads it as an encoded word; one such SME stopped the mails of a whole workshop."""
    with pytest.raises(InvalidError, match="one e-mail address such as"):
        whole(email="=?utf-8?q?a?=@adler.example")


def test_what_a_profile_lacks_is_said_in_plain_words(session: Session):
    bare = profiles.create(session, "me", ProfileData(name="Bare", city_code="rome"))
    full = profiles.create(session, "me", whole())
    guessed = profiles.create(session, "me", whole(name="Guessed", sector_words="kites", sector_confirmed=False))
    for sme in (full, guessed):
        profiles.record_consent(session, sme, Purpose, "me")
    assert profiles.to_complete(session, bare) == [
        *("description", "offers", "needs", "sector", "languages", "contact e-mail", "target markets", "readiness"),
        *("hub", "consent"),
    ]
    assert profiles.to_complete(session, full) == []
    assert profiles.to_complete(session, guessed) == ["confirmation of the sector"]


def test_a_list_is_asked_in_a_fixed_number_of_queries(session: Session):
    smes = [make_sme(session) for _ in range(12)]
    session.commit()
    statements: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *call: statements.append(call[2]))
    answers = profiles.to_complete_many(session, [sme.id for sme in smes if sme.id])
    assert len(statements) == 4
    assert answers == {sme.id: ["target markets", "readiness", "hub"] for sme in smes}


def test_consent_is_recorded_withdrawn_and_given_anew(session: Session):
    sme = profiles.create(session, "me", whole())
    profiles.record_consent(session, sme, [Purpose.MATCHING], "me")
    assert sme.version == 2
    profiles.record_consent(session, sme, [Purpose.MATCHING], "me")
    assert sme.version == 2
    profiles.record_consent(session, sme, list(Purpose), "somebody else")
    assert sme.version == 3
    consents = {consent.purpose: consent for consent in session.exec(select(Consent))}
    assert {purpose: consent.recorded_by for purpose, consent in consents.items()} == {
        Purpose.MATCHING: "me",
        Purpose.MAILING: "somebody else",
    }
    profiles.withdraw_consent(session, sme, [Purpose.MAILING], "the SME")
    assert sme.version == 4
    assert consents[Purpose.MAILING].withdrawn_at is not None
    assert consents[Purpose.MATCHING].withdrawn_at is None
    assert profiles.to_complete(session, sme) == ["consent"]
    profiles.record_consent(session, sme, [Purpose.MAILING], "me")
    assert consents[Purpose.MAILING].withdrawn_at is None
    assert profiles.to_complete(session, sme) == []


def test_the_nearest_sector_is_to_be_confirmed(session: Session):
    words = {"sector_code": None, "sector_words": "kites", "sector_confirmed": False}
    sme = profiles.create(session, "me", whole(**words))
    other = profiles.create(session, "me", whole(name="Bussard", email="", **words))
    profiles.create(session, "me", whole(name="Known"))
    assert profiles.sectors_to_resolve(session) == [sme, other]
    for one in (sme, other):
        profiles.set_nearest_sector(session, one, "games")
    assert (sme.sector_code, sme.sector_words, sme.sector_confirmed, sme.version) == ("games", "kites", False, 2)
    assert (sme.status, other.status) == (SmeStatus.DRAFT, SmeStatus.DRAFT)
    assert profiles.sectors_to_resolve(session) == []


def test_an_unknown_sector_is_refused(session: Session):
    sme = profiles.create(session, "me", whole())
    with pytest.raises(InvalidError, match="There is no sector 'kites'"):
        profiles.set_nearest_sector(session, sme, "kites")


def test_a_sector_chosen_meanwhile_is_not_replaced_by_the_nearest(database: Database):
    words = {"sector_code": None, "sector_words": "kites", "sector_confirmed": False}
    with database.write() as session:
        sme_id = profiles.create(session, "me", whole(**words)).id
    with Session(database.engine, expire_on_commit=False) as session:
        profiles.update(
            session, "broker", session.get_one(Sme, sme_id), whole(sector_code="design", sector_words="kites")
        )

        def resolve(other: Session) -> list[bool]:
            return [profiles.set_nearest_sector(other, sme, "games") for sme in profiles.sectors_to_resolve(other)]

        assert not any(behind(database, session, resolve))
    with database.read() as session:
        sme = session.get_one(Sme, sme_id)
        assert (sme.sector_code, sme.sector_confirmed, sme.version) == ("design", True, 2)


def test_of_two_who_enter_one_name_at_the_same_moment_the_second_is_told(database: Database):
    with Session(database.engine, expire_on_commit=False) as session:
        profiles.create(session, "first", whole())

        def second(other: Session) -> str:
            with pytest.raises(ConflictError) as raised:
                profiles.create(other, "second", whole())
            return str(raised.value) + str(len(other.exec(select(Sme)).all()))

        told = behind(database, session, second)
    assert told in {
        "There is already an SME called 'Adler Games' in this city.1",
        "Somebody entered an SME or hub of the same name at the same moment. Save again.1",
    }


def test_every_problem_of_a_profile_is_told_with_its_field_and_line():
    fields = WHOLE | {"name": "", "email": "nobody", "offers": ["good", "x" * 1001]}
    assert profiles.problems(fields) == [
        ("name", None, "String should have at least 1 character"),
        ("email", None, "one e-mail address such as name@firm.eu"),
        ("offers", 1, "String should have at most 1000 characters"),
    ]
    assert profiles.problems(WHOLE) == []

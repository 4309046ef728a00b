"""Cases: who said yes to whom as the brokers of either city see it, their clocks, notes and who follows up."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import now
from broker.domain import access, cases, erasure
from broker.domain.queries.cases import WATCH, Case, case_page, watched
from broker.errors import InvalidError, NotFoundError
from broker.models import Answer, AuditEntry, CaseNote, Event, Interest, Introduction, NoteKind, Role, Sme
from tests import factories

YES = Answer.INTERESTED


def say(session: Session, event: Event, sme: Sme, partner: Sme, answer: Answer = YES, days: int = 0) -> None:
    """An answer of so many days ago."""
    moment = now(session) - timedelta(days=days)
    session.add(Interest(event_id=event.id, sme_id=sme.id, partner_id=partner.id, answer=answer, answered_at=moment))
    session.flush()


def introduce(session: Session, event: Event, one: Sme, other: Sme, days: int = 0) -> tuple[int, int]:
    """Both said yes; the pair."""
    say(session, event, one, other, days=days + 1)
    say(session, event, other, one, days=days)
    a_id, b_id = sorted((one.id, other.id))
    session.add(
        Introduction(event_id=event.id, a_id=a_id, b_id=b_id, made_at=now(session) - timedelta(days=days, minutes=1))
    )
    session.flush()
    return a_id, b_id


def told(found: list[Case]) -> list[tuple[str, str, str]]:
    """(state, own, other) of each."""
    return [(case.state.value, case.own.name, case.other.name) for case in found]


@pytest.fixture
def event(session: Session) -> Event:
    return factories.make_event(session)


@pytest.fixture
def firms(session: Session) -> dict[str, Sme]:
    cities = {"Anna": "berlin", "Ada": "berlin", "Bruno": "rome", "Carla": "rome", "Dora": "linz"}
    return {name: factories.make_sme(session, name, city=city) for name, city in cities.items()}


def test_each_city_sees_the_same_pair_from_its_own_side(session: Session, event: Event, firms: dict[str, Sme]) -> None:
    say(session, event, firms["Anna"], firms["Bruno"], days=6)

    assert told(case_page(session, "berlin").rows) == [("theirs", "Anna", "A games studio")]
    [case] = case_page(session, "rome").rows
    assert told([case]) == [("yours", "Bruno", "A games studio")]
    assert case.waiting_for == case.own
    assert (now(session) - case.since).days == 6
    assert case.other.city == "Berlin"
    assert (case.other.is_named, case.other.contact, case.other.broker) == (False, None, None)
    assert told(case_page(session, None).rows) == [("yours", "Anna", "Bruno")]
    assert case_page(session, "linz").rows == []


def test_names_contacts_and_brokers_are_told_once_both_said_yes(
    session: Session, event: Event, firms: dict[str, Sme]
) -> None:
    gone = factories.make_account(session, city="rome", active=False)
    broker = factories.make_account(session, city="rome", name="Rita")
    factories.make_account(session, city="rome", name="Later")
    introduce(session, event, firms["Anna"], firms["Bruno"], days=3)

    [case] = case_page(session, "berlin").rows
    assert told([case]) == [("introduced", "Anna", "Bruno")]
    assert case.other.contact is not None
    assert case.other.contact.sme_id == firms["Bruno"].id
    assert case.other.broker == broker != gone
    assert case.waiting_for is None
    assert case.introduced_at is not None
    assert (now(session) - case.introduced_at).days == 3


@pytest.mark.parametrize("answer", [Answer.NOT_NOW, Answer.NEVER, Answer.KNOWN])
def test_a_yes_that_is_not_returned_is_closed_and_names_nobody(
    session: Session, event: Event, firms: dict[str, Sme], answer: Answer
) -> None:
    say(session, event, firms["Anna"], firms["Bruno"])
    say(session, event, firms["Bruno"], firms["Anna"], answer)

    assert told(case_page(session, "berlin").rows) == [("closed", "Anna", "A games studio")]
    assert told(case_page(session, "rome").rows) == [("closed", "Bruno", "A games studio")]


def test_a_yes_is_closed_with_the_answers_and_two_noes_are_no_case(
    session: Session, event: Event, firms: dict[str, Sme]
) -> None:
    say(session, event, firms["Anna"], firms["Bruno"])
    say(session, event, firms["Ada"], firms["Carla"], Answer.NOT_NOW)
    event.answers_until = now(session) - timedelta(hours=1)
    session.flush()

    assert told(case_page(session, "berlin").rows) == [("closed", "Anna", "A games studio")]
    assert watched(session, "rome", now(session), 4) == ([], 0)


def test_an_introduction_stays_one_whatever_is_answered_later(
    session: Session, event: Event, firms: dict[str, Sme]
) -> None:
    introduce(session, event, firms["Anna"], firms["Bruno"])
    for row in session.exec(select(Interest)):
        row.answer = Answer.NEVER
    session.flush()

    assert told(case_page(session, "berlin").rows) == [("introduced", "Anna", "Bruno")]


def test_what_needs_the_broker_comes_first_and_is_counted(
    session: Session, event: Event, firms: dict[str, Sme]
) -> None:
    followed = introduce(session, event, firms["Anna"], firms["Dora"], days=1)
    introduce(session, event, firms["Anna"], firms["Carla"], days=2)
    say(session, event, firms["Bruno"], firms["Anna"], days=8)
    say(session, event, firms["Ada"], firms["Bruno"], days=4)
    say(session, event, firms["Ada"], firms["Anna"], days=9)
    berlin, linz = factories.make_account(session), factories.make_account(session, city="linz")
    cases.follow(session, linz, event.id, followed)

    page = case_page(session, "berlin")
    studio = "A games studio"
    assert told(page.rows) == [
        ("yours", "Anna", "Ada"),
        ("yours", "Anna", studio),
        ("introduced", "Anna", "Carla"),
        ("introduced", "Anna", "Dora"),
        ("theirs", "Ada", studio),
    ]
    assert page.counts == {"yours": 2, "introduced": 2, "theirs": 1, WATCH: 4}
    cases.follow(session, berlin, event.id, followed)
    assert told(case_page(session, "berlin", WATCH).rows) == told(page.rows)[:3]
    assert told(case_page(session, "berlin", "introduced").rows) == told(page.rows)[2:4]
    assert case_page(session, "berlin", "closed").rows == []
    first, count = watched(session, "berlin", now(session), 2)
    assert (told(first), count) == (told(page.rows)[:2], 3)
    assert [case.other.name for case in case_page(session, "linz", WATCH).rows] == []


def test_pages_of_cases(session: Session, event: Event, firms: dict[str, Sme]) -> None:
    for number in range(25):
        say(session, event, factories.make_sme(session, f"Roman {number}", city="rome"), firms["Anna"], days=number)

    second = case_page(session, "berlin", "yours", page=9)
    assert (second.page, second.pages, second.total, len(second.rows)) == (2, 2, 25, 5)


def test_both_brokers_read_a_note_and_who_wrote_it_is_named_with_the_firms(
    session: Session, event: Event, firms: dict[str, Sme]
) -> None:
    berlin = factories.make_account(session, name="Bea")
    rome = factories.make_account(session, city="rome", name="Rita")
    say(session, event, firms["Anna"], firms["Bruno"], days=5)
    pair = access.case(session, rome, event.id, (firms["Bruno"].id, firms["Anna"].id))
    cases.note(session, berlin, event.id, pair, "  They are away until Monday. ")
    assert cases.follow(session, rome, event.id, pair)
    assert not cases.follow(session, rome, event.id, pair)

    [from_rome], [from_berlin] = (case_page(session, city).rows for city in ("rome", "berlin"))
    assert [(note.author, note.text) for note in from_rome.notes] == [
        ("The broker of Berlin", "They are away until Monday.")
    ]
    assert [note.author for note in from_berlin.notes] == ["Bea, Berlin"]
    assert [note.author for note in from_berlin.followers] == ["The broker of Rome"]
    assert from_rome.is_followed_by(rome)
    assert not from_rome.is_followed_by(berlin)
    assert (from_rome.touched_at - from_rome.since).days == 5
    say(session, event, firms["Bruno"], firms["Anna"])
    session.add(Introduction(event_id=event.id, a_id=pair[0], b_id=pair[1], made_at=now(session)))
    session.flush()
    assert [note.author for note in case_page(session, "rome").rows[0].notes] == ["Bea, Berlin"]
    assert cases.leave(session, rome, event.id, pair)
    assert not cases.leave(session, rome, event.id, pair)
    assert case_page(session, "rome").rows[0].followers == []
    assert session.exec(select(AuditEntry.action).order_by(AuditEntry.id)).all() == [  # type: ignore[arg-type]
        "case.note",
        "case.follow",
        "case.leave",
    ]


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\x00b", "\ud800"])
def test_a_note_says_something_that_can_be_kept(
    session: Session, event: Event, firms: dict[str, Sme], text: str
) -> None:
    account = factories.make_account(session)
    with pytest.raises(InvalidError, match="Note"):
        cases.note(session, account, event.id, (firms["Anna"].id, firms["Bruno"].id), text)


def test_a_case_is_of_the_two_cities_and_of_the_administrator(
    session: Session, event: Event, firms: dict[str, Sme]
) -> None:
    pair = (firms["Anna"].id, firms["Bruno"].id)
    people: dict[str, Any] = {
        "berlin": factories.make_account(session),
        "rome": factories.make_account(session, city="rome"),
        "linz": factories.make_account(session, city="linz"),
        "admin": factories.make_account(session, Role.ADMIN),
        "organiser": factories.make_account(session, Role.ORGANISER),
    }

    def may(name: str, *ids: int) -> bool:
        try:
            return access.case(session, people[name], event.id, ids or pair) == tuple(sorted(ids or pair))
        except NotFoundError:
            return False

    assert not any(may(name) for name in people)  # nobody has said yes
    say(session, event, firms["Bruno"], firms["Anna"])
    assert {name: may(name) for name in people} == {
        "berlin": True, "rome": True, "linz": False, "admin": True, "organiser": False,
    }  # fmt: skip
    assert not may("admin", firms["Anna"].id, firms["Anna"].id)
    assert not may("admin", firms["Anna"].id, 4711)
    assert not may("admin", firms["Anna"].id, firms["Carla"].id)


def test_an_erasure_takes_the_notes_of_its_cases_and_its_name_out_of_others(
    session: Session, settings: Settings, event: Event, firms: dict[str, Sme]
) -> None:
    account = factories.make_account(session)
    own = introduce(session, event, firms["Anna"], firms["Bruno"])
    other = introduce(session, event, firms["Ada"], firms["Carla"])
    cases.note(session, account, event.id, own, "They met.")
    cases.follow(session, account, event.id, own)
    cases.note(session, account, event.id, other, "Bruno came along.")
    session.commit()

    erasure.erase(session, "test", firms["Bruno"].id)

    left = session.exec(select(CaseNote.kind, CaseNote.text)).all()
    assert left == [(NoteKind.NOTE, f"{erasure.SOMEBODY} came along.")]

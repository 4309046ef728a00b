"""Who sees which exchange rings: organisers those of the lists in force, brokers those of approved ones."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from broker.db import now
from broker.domain.disclosure import Disclosure, to_city
from broker.domain.queries.rings import rings_of_city, rings_of_event, rings_of_sme
from broker.models import Consent, Event, MatchRun, Purpose, Shortlist, ShortlistStatus, Sme, SmeStatus
from tests import factories

QUOTE = {"need": "a clinic", "offer": "Wir sind eine Klinik.", "strength": "good", "source": "description"}


@pytest.fixture
def firms(session: Session) -> list[Sme]:
    return [
        factories.make_sme(session, name, city=city)
        for name, city in (("Anna", "berlin"), ("Bruno", "rome"), ("Clara", "linz"), ("Dora", "berlin"))
    ]


def make_ring(session: Session, event: Event, *members: Sme) -> MatchRun:
    """Draft shortlists of a run that found one ring: its first step is quoted."""
    lists = factories.make_shortlists(session, event, (members[0], members[1]))
    run = session.get_one(MatchRun, next(iter(lists.values())).run_id)
    ids = [str(sme.id) for sme in members]
    run.report = {"rings": [{"members": ids, "evidence": [QUOTE, *[None] * (len(ids) - 1)]}], "relaxations": []}
    session.flush()
    return run


def approve(session: Session, run: MatchRun) -> None:
    for shortlist in session.exec(select(Shortlist).where(Shortlist.run_id == run.id)):
        shortlist.status = ShortlistStatus.APPROVED
    session.flush()


def names(rings: list[Any]) -> list[list[str]]:
    return [[step.sme.name for step in row.steps] for row in rings]


def test_a_ring_is_told_once_around_with_what_is_quoted(session: Session, firms: list[Sme]) -> None:
    event = factories.make_event(session)
    make_ring(session, event, *firms[:3])

    (row,) = rings_of_event(session, event.id)
    assert row.event == event
    assert [(step.sme.name, step.city, step.partner.name, step.partner_city) for step in row.steps] == [
        ("Anna", "Berlin", "Bruno", "Rome"),
        ("Bruno", "Rome", "Clara", "Linz"),
        ("Clara", "Linz", "Anna", "Berlin"),
    ]
    first, *others = [step.quote for step in row.steps]
    assert first is not None
    assert (first.need, first.offer, first.strength, first.stated) == ("a clinic", QUOTE["offer"], "good", False)
    assert others == [None, None]


def test_drafts_come_before_approved_lists_and_brokers_see_no_draft(session: Session, firms: list[Sme]) -> None:
    event = factories.make_event(session)
    approve(session, make_ring(session, event, *firms[:3]))
    make_ring(session, event, firms[1], firms[2], firms[3])

    assert names(rings_of_event(session, event.id)) == [["Bruno", "Clara", "Dora"]]
    assert names(rings_of_city(session, Disclosure(None))) == [["Anna", "Bruno", "Clara"]]
    assert rings_of_sme(session, firms[3].id, Disclosure(None)) == {}
    assert names(list(rings_of_sme(session, firms[0].id, Disclosure(None)).values())) == [["Anna", "Bruno", "Clara"]]


def test_a_broker_sees_the_rings_of_the_own_city_until_the_event_is_over(session: Session, firms: list[Sme]) -> None:
    event = factories.make_event(session)
    approve(session, make_ring(session, event, *firms[:3]))

    rome, pilsen = to_city(session, "rome"), to_city(session, "pilsen")
    assert names(rings_of_city(session, rome)) == [["A games studio", "Bruno", "A games studio"]]
    assert rings_of_city(session, pilsen) == []
    event.starts_at = event.answers_until = now(session) - timedelta(days=2)
    event.ends_at = now(session) - timedelta(days=1)
    session.flush()
    assert rings_of_city(session, rome) == []


@pytest.mark.parametrize("why", ["erased", "withdrawn", "paused", "expired"])
def test_a_ring_that_lost_a_firm_is_none(session: Session, firms: list[Sme], why: str) -> None:
    event = factories.make_event(session)
    make_ring(session, event, *firms[:3])
    if why == "erased":
        session.delete(firms[2])
    elif why in {"paused", "expired"}:
        firms[2].status = SmeStatus(why)
    else:
        matching = (Consent.sme_id == firms[2].id, Consent.purpose == Purpose.MATCHING)
        session.exec(select(Consent).where(*matching)).one().withdrawn_at = now(session)
    session.flush()

    assert rings_of_event(session, event.id) == []


def test_an_event_without_lists_and_a_run_from_before_rings_have_none(session: Session, firms: list[Sme]) -> None:
    event = factories.make_event(session)
    assert rings_of_event(session, event.id) == []
    make_ring(session, event, *firms[:3]).report = {}
    session.flush()
    assert rings_of_event(session, event.id) == []

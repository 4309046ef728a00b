"""Pins and bans: who may be ruled on, once a pair, and what is settled before a build."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.domain import pairs
from broker.domain.queries import pair_rules
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import Answer, AuditEntry, Event, Interest, Introduction, PairRule, PastPartner, Sme, SmeStatus
from tests.factories import make_event, make_sme, register


@pytest.fixture
def event(session: Session) -> Event:
    """With Ada, Bea and Cyd registered."""
    event = make_event(session)
    register(session, event, make_sme(session, "Ada"), make_sme(session, "Bea", city="rome"), make_sme(session, "Cyd"))
    return event


@pytest.fixture
def ids(session: Session, event: Event) -> dict[str, int]:
    return {name: sme_id for sme_id, name in session.exec(select(Sme.id, Sme.name))}


def test_a_pair_rule_is_kept_once_in_order_with_its_reason_and_can_be_lifted(
    session: Session, event: Event, ids: dict[str, int]
) -> None:
    pairs.rule(session, "ann", event.id, ids["Bea"], ids["Ada"], "pin")
    pairs.rule(session, "ann", event.id, ids["Ada"], ids["Bea"], "ban", " They compete ")
    rule = session.exec(select(PairRule)).one()
    assert (rule.a_id, rule.b_id, rule.kind, rule.reason) == (ids["Ada"], ids["Bea"], "ban", "They compete")
    pairs.lift(session, "ann", event.id, ids["Bea"], ids["Ada"])
    session.flush()
    assert session.exec(select(PairRule)).all() == []
    actions = session.exec(select(AuditEntry.action).where(AuditEntry.actor == "ann")).all()
    assert sorted(actions) == ["pair.ban", "pair.lift", "pair.pin"]
    with pytest.raises(ConflictError, match="no rule on this pair any more"):
        pairs.lift(session, "ann", event.id, ids["Bea"], ids["Ada"])


def test_only_two_different_registered_smes_are_ruled_on(session: Session, event: Event, ids: dict[str, int]) -> None:
    stranger = make_sme(session, "Dan")
    for one, other, kind, told in (
        (ids["Ada"], ids["Ada"], "pin", "two different"),
        (ids["Ada"], stranger.id, "pin", "registered"),
        (ids["Ada"], ids["Bea"], "like", "must meet or must not meet"),
    ):
        with pytest.raises(InvalidError, match=told):
            pairs.rule(session, "ann", event.id, one, other, kind)
    with pytest.raises(InvalidError, match="200 characters"):
        pairs.rule(session, "ann", event.id, ids["Ada"], ids["Bea"], "pin", "x" * 201)
    assert session.exec(select(PairRule)).all() == []


def test_an_sme_is_found_by_its_name_alone_or_with_its_city(
    session: Session, event: Event, ids: dict[str, int]
) -> None:
    assert pairs.named(session, event.id, "Bea, Rome") == pairs.named(session, event.id, " bea ") == ids["Bea"]
    twin = make_sme(session, "Ada", city="linz")
    register(session, event, twin)
    assert pairs.named(session, event.id, "Ada, Linz") == twin.id
    with pytest.raises(NotFoundError, match="add its city"):
        pairs.named(session, event.id, "Ada")
    with pytest.raises(NotFoundError, match="No registered SME is called “Nobody”"):
        pairs.named(session, event.id, "Nobody")


def test_the_beginning_of_a_name_is_enough_where_only_one_begins_so(
    session: Session, event: Event, ids: dict[str, int]
) -> None:
    adam = make_sme(session, "Ádám Games", city="linz")
    register(session, event, adam)
    assert pairs.named(session, event.id, "adam") == adam.id
    assert pairs.named(session, event.id, "Ada") == ids["Ada"]
    with pytest.raises(NotFoundError, match=r"begins with “ad”. Which one: Ada, Berlin; Ádám Games, Linz[?]$"):
        pairs.named(session, event.id, "ad")
    register(session, event, *(make_sme(session, f"Adele {number}") for number in range(5)))
    with pytest.raises(NotFoundError, match=r"Adele 3, Berlin; and 2 more[?]$"):
        pairs.named(session, event.id, "AD")
    with pytest.raises(NotFoundError, match="No registered SME"):
        pairs.named(session, event.id, " – ")


def test_what_is_settled_comes_from_rules_answers_and_the_past(
    session: Session, event: Event, ids: dict[str, int]
) -> None:
    ada, bea, cyd = ids["Ada"], ids["Bea"], ids["Cyd"]
    over = make_event(session, "Over", starts_at=event.created_at - timedelta(days=9),
                      ends_at=event.created_at - timedelta(days=8))  # fmt: skip
    coming = make_event(session, "Coming")
    dan, eve = make_sme(session, "Dan").id, make_sme(session, "Eve").id
    pairs.rule(session, "ann", event.id, ada, bea, "pin", "Promised")
    pairs.rule(session, "ann", event.id, ada, cyd, "ban")
    session.add(PastPartner(a_id=bea, b_id=cyd, source="test"))
    for where, one, other, answer in (
        (event, bea, ada, Answer.INTERESTED),
        (event, dan, eve, Answer.INTERESTED),
        (event, eve, dan, Answer.NOT_NOW),
        (coming, dan, ada, Answer.NEVER),
        (coming, bea, cyd, Answer.KNOWN),
        (coming, dan, bea, Answer.KNOWN),
    ):
        session.add(
            Interest(event_id=where.id, sme_id=one, partner_id=other, answer=answer, answered_at=event.created_at)
        )
    session.add(Introduction(event_id=over.id, a_id=ada, b_id=eve, made_at=event.created_at))
    session.add(Introduction(event_id=coming.id, a_id=cyd, b_id=eve, made_at=event.created_at))
    session.flush()

    found = pairs.standing(session, event.id)

    assert found == pairs.Standing(
        pin=frozenset({(ada, bea)}),
        ban=frozenset({(ada, cyd)}),
        wanted=frozenset({(ada, bea)}),
        never=frozenset({(ada, dan)}),
        known=frozenset({(bea, dan), (cyd, eve)}),
        met=frozenset({(bea, cyd), (ada, eve)}),
        reasons={(ada, bea): "Promised"},
    )
    assert found.among({ada, bea, cyd}) == {
        "pin": [(ada, bea)],
        "ban": [(ada, cyd)],
        "wanted": [(ada, bea)],
        "never": [],
        "known": [],
        "met": [(bea, cyd)],
    }


def test_a_pin_that_cannot_be_met_is_told_why(session: Session, event: Event, ids: dict[str, int]) -> None:
    ada, bea, cyd = ids["Ada"], ids["Bea"], ids["Cyd"]
    for one, other in ((ada, bea), (ada, cyd), (bea, cyd)):
        pairs.rule(session, "ann", event.id, one, other, "pin")
    session.add(PastPartner(a_id=ada, b_id=bea, source="test"))
    session.add(
        Interest(event_id=event.id, sme_id=cyd, partner_id=ada, answer=Answer.NEVER, answered_at=event.created_at)
    )
    session.flush()

    told = {(row.one.name, row.other.name): row.hindrance for row in pair_rules.desk(session, event.id).rules}
    assert told == {
        ("Ada", "Bea"): "They know each other already.",
        ("Ada", "Cyd"): "One of the two said never.",
        ("Bea", "Cyd"): "",
    }

    session.get_one(Sme, bea).status = SmeStatus.PAUSED
    session.flush()
    desk = pair_rules.desk(session, event.id)
    assert {row.hindrance for row in desk.rules if "Bea" in (row.one.name, row.other.name)} == {
        "Bea takes no part: not registered, paused, or without consent."
    }
    assert [firm.label for firm in desk.firms] == ["Ada, Berlin", "Cyd, Berlin"]

"""What an SME's page is made of: progress, who left, who is gone, whom to ask; and its data, without anybody else's."""

import json
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import now
from broker.domain import approvals, erasure, interests, proposals, reports
from broker.domain.queries.own_data import own_data
from broker.domain.queries.sme_pages import own_page, seen_by_others
from broker.models import Answer, Contact, Email, EmailStatus, Event, PastPartner, Registration, Role, Sme, SmeStatus
from tests.factories import make_account, make_event, make_shortlists, make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough")


@pytest.fixture
def four(session: Session) -> list[Registration]:
    """Ada with Bea, Cyd and Dan on its approved list."""
    organiser = make_account(session, Role.ORGANISER)
    make_account(session, city="berlin", name="Berta")
    event = make_event(session, organiser_id=organiser.id)
    smes = [make_sme(session, name, city=city) for name, city in zip(("Ada", "Bea", "Cyd", "Dan"), CITIES, strict=True)]
    rows = register(session, event, *smes)
    make_shortlists(session, event, *((smes[0], other) for other in smes[1:]))
    approvals.approve(session, SETTINGS, "ann", event.id)
    return rows


CITIES = ("berlin", "rome", "rome", "rome")


def express(session: Session, one: Registration, other: Registration, answer: Answer = Answer.INTERESTED) -> None:
    interests.express(session, SETTINGS, one, other.sme_id, answer, "a reason")


def test_progress_counts_answers_and_leads_to_the_next_card_without_one(
    session: Session, four: list[Registration]
) -> None:
    ada, bea, cyd, dan = four
    page = own_page(session, ada)
    assert (page.answered, page.to_answer, page.can_answer) == (0, 3, True)
    assert page.next_after(0) is page.cards[0]
    express(session, ada, cyd)
    page = own_page(session, ada)
    assert (page.answered, page.to_answer) == (1, 3)
    following = page.next_after(cyd.sme_id)
    assert following is not None
    assert following.partner_id == dan.sme_id
    first = page.next_after(dan.sme_id)
    assert first is not None
    assert first.partner_id == bea.sme_id
    for other in (bea, dan):
        express(session, ada, other, Answer.NEVER)
    assert own_page(session, ada).next_after(0) is None


def test_who_left_is_not_counted_unless_it_was_answered(session: Session, four: list[Registration]) -> None:
    express(session, four[0], four[1])
    for other in four[1:3]:
        session.get_one(Sme, other.sme_id).status = SmeStatus.PAUSED
    session.flush()
    page = own_page(session, four[0])
    assert page.left == {four[1].sme_id, four[2].sme_id}
    assert (page.answered, page.to_answer, page.gone) == (1, 2, 0)


def test_who_was_erased_is_missed(session: Session, four: list[Registration]) -> None:
    erasure.erase(session, "ann", four[1].sme_id)
    session.expire_all()
    page = own_page(session, four[0])
    assert (len(page.cards), page.gone) == (2, 1)


def test_whom_to_ask_is_the_citys_broker_or_else_the_organiser(session: Session, four: list[Registration]) -> None:
    own, other = own_page(session, four[0]), own_page(session, four[1])
    assert own.broker is not None
    assert own.broker.name == "Berta"
    assert other.broker is None
    assert other.organiser is not None


def test_partners_are_new_whom_no_mailed_list_named_before(session: Session, four: list[Registration]) -> None:
    ada, bea, *_ = four
    assert own_page(session, ada).new == frozenset()
    for mail in session.exec(select(Email)):
        mail.status = EmailStatus.SENT
    event, smes = session.get_one(Event, ada.event_id), {row.sme_id: session.get_one(Sme, row.sme_id) for row in four}
    eve = make_sme(session, "Eve", city="rome")
    [row] = register(session, event, eve)
    make_shortlists(session, event, (smes[ada.sme_id], smes[bea.sme_id]), (smes[ada.sme_id], eve))
    approvals.approve(session, SETTINGS, "ann", event.id)
    assert [own_page(session, one).new for one in (ada, bea, row)] == [frozenset({eve.id}), frozenset(), frozenset()]


def test_after_the_deadline_nothing_is_left(session: Session, four: list[Registration]) -> None:
    session.get_one(Event, four[0].event_id).answers_until = now(session) - timedelta(seconds=5)
    session.flush()
    page = own_page(session, four[0])
    assert not page.can_answer


def test_others_see_no_contact_and_no_website(session: Session, four: list[Registration]) -> None:
    seen = seen_by_others(session, session.get_one(Sme, four[0].sme_id))
    assert set(seen.facts) == {"hub", "description", "language", "languages", "markets", "offers", "needs"}


def test_the_data_is_complete_and_holds_nobody_elses(session: Session, four: list[Registration]) -> None:
    ada, bea, cyd, _ = four
    express(session, ada, bea)
    express(session, bea, ada)
    express(session, cyd, ada, Answer.NEVER)
    reports.log_export(session, "ann", ada.event_id, "matches", "csv", reports.table(session, ada.event_id, "matches"))
    sme = session.get_one(Sme, ada.sme_id)
    proposals.propose(session, sme, {"website": "new.example"})
    session.add(PastPartner(a_id=sme.id, b_id=cyd.sme_id, source="test"))
    session.flush()

    data = own_data(session, sme)

    contact = session.exec(select(Contact).where(Contact.sme_id == sme.id)).one()
    assert data["contact"] == {"name": contact.name, "email": contact.email, "phone": ""}
    assert data["profile"]["offers"] == ["We build serious games for training nurses."]
    assert {row["purpose"] for row in data["consents"]} == {"matching", "mailing"}
    assert [(row["about"], row["answer"], row["reason"]) for row in data["answers"]] == [
        ("Bea", "interested", "a reason")
    ]
    assert [row["partner"] for row in data["introductions"]] == ["Bea"]
    assert data["known_partners"] == ["Cyd"]
    assert [partner["name"] for partner in data["shortlists"][0]["partners"]] == ["Bea", "Cyd", "Dan"]
    assert [(row["status"], row["after"]) for row in data["proposals"]] == [
        ("open", {"website": "https://new.example"})
    ]
    assert [(row["what"], row["by"]) for row in data["exports"]] == [("matches", "ann")]
    assert len(data["mails"]) == 2
    assert [row["action"] for row in data["changes"]] == ["proposal.make"]
    assert len(data["workshops"]) == 1
    text = json.dumps(data, default=str)
    others = session.exec(select(Contact).where(Contact.sme_id != sme.id)).all()
    assert [row.email for row in others if row.email in text or row.name in text.replace(contact.name, "")] == []
    assert "never" not in text


def test_a_draft_nobody_approved_and_exports_from_before_it_came_are_not_told(session: Session) -> None:
    event, ada, bea = make_event(session), make_sme(session, "Ada"), make_sme(session, "Bea")
    reports.log_export(
        session, "ann", event.id, "participants", "csv", reports.table(session, event.id, "participants")
    )
    [registration, _] = register(session, event, ada, bea)
    registration.registered_at = now(session) + timedelta(seconds=1)
    make_shortlists(session, event, (ada, bea))
    data = own_data(session, ada)
    assert (data["shortlists"], data["exports"]) == ([], [])

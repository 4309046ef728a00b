"""Answers are changeable until the deadline; two yeses make one introduction, whatever the order."""

import hashlib
import threading
from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer
from sqlmodel import Session, select

from broker.config import Settings
from broker.db import Database, now
from broker.domain import approvals, cards, consents, interests, reports
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    Answer,
    AuditEntry,
    Contact,
    Email,
    Event,
    Interest,
    Introduction,
    Purpose,
    Registration,
    Sme,
    SmeStatus,
)
from tests.factories import make_event, make_shortlists, make_sme, register

SECRET = "a secret of this test only, long enough"
SETTINGS = Settings(secret_key=SECRET)


@pytest.fixture(autouse=True)
def own_secret(database: Database) -> None:
    database.settings.secret_key = SECRET


@pytest.fixture
def pair(session: Session) -> list[Registration]:
    """Two SMEs on each other's approved shortlist."""
    event, a, b = make_event(session), make_sme(session, "Ada"), make_sme(session, "Bea", city="rome")
    registrations = register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    approvals.approve(session, SETTINGS, "ann", event.id)
    session.commit()
    return registrations


def answer(session: Session, who: Registration, partner: Registration, what: Answer) -> Introduction | None:
    return interests.express(session, SETTINGS, who, partner.sme_id, what)


def test_a_link_opens_its_own_registration_and_no_other(session: Session, pair: list[Registration]) -> None:
    for registration in pair:
        token = interests.link(SETTINGS, registration).rpartition("/")[2]
        assert interests.open_link(session, SETTINGS, token).id == registration.id


@pytest.mark.parametrize(
    "forge", ["flip", "flip inside", "other secret", "other purpose", "other key", "id alone", "text", "empty"]
)
def test_a_forged_link_is_not_found(session: Session, pair: list[Registration], forge: str) -> None:
    token = interests.link(SETTINGS, pair[0]).rpartition("/")[2]
    forged = {
        "flip": token[:-1] + chr(ord(token[-1]) ^ 1),  # the last letter has bits that decoding ignores
        "flip inside": token[:9] + ("A" if token[9] != "A" else "B") + token[10:],
        "other secret": signed("another secret altogether", "shortlist page", [pair[0].id, pair[0].link_key]),
        "other purpose": signed(SECRET, "something else", [pair[0].id, pair[0].link_key]),
        "other key": signed(SECRET, "shortlist page", [pair[0].id, pair[1].link_key]),
        "id alone": signed(SECRET, "shortlist page", pair[0].id),
        "text": "not-a-token",
        "empty": "",
    }[forge]
    with pytest.raises(NotFoundError, match="does not work any more"):
        interests.open_link(session, SETTINGS, forged)


def signed(secret: str, salt: str, content: object) -> str:
    """A token made the way the service makes its own."""
    token = URLSafeSerializer(secret, salt=salt, signer_kwargs={"digest_method": hashlib.sha256}).dumps(content)
    return token if isinstance(token, str) else token.decode()


def test_what_the_forgeries_imitate_is_the_real_thing(session: Session, pair: list[Registration]) -> None:
    token = signed(SECRET, "shortlist page", [pair[0].id, pair[0].link_key])
    assert interests.open_link(session, SETTINGS, token).id == pair[0].id


def test_a_new_key_revokes_the_link(session: Session, pair: list[Registration]) -> None:
    token = interests.link(SETTINGS, pair[0]).rpartition("/")[2]
    session.get_one(Registration, pair[0].id).link_key = "another"
    with pytest.raises(NotFoundError):
        interests.open_link(session, SETTINGS, token)


def test_a_link_ends_with_its_event(session: Session, pair: list[Registration]) -> None:
    token = interests.link(SETTINGS, pair[0]).rpartition("/")[2]
    session.get_one(Event, pair[0].event_id).ends_at = now(session) - timedelta(seconds=1)
    with pytest.raises(NotFoundError):
        interests.open_link(session, SETTINGS, token)


def test_an_answer_can_be_changed_and_is_kept_once(session: Session, pair: list[Registration]) -> None:
    for what in (Answer.INTERESTED, Answer.NOT_NOW, Answer.NOT_NOW, Answer.KNOWN):
        assert answer(session, pair[0], pair[1], what) is None
    assert [row.answer for row in session.exec(select(Interest))] == [Answer.KNOWN]
    changes = session.exec(select(AuditEntry).where(AuditEntry.action == "interest.express")).all()
    assert [entry.detail["answer"] for entry in changes] == ["interested", "not_now", "known"]


def test_a_firm_that_is_not_on_the_shortlist_cannot_be_answered(session: Session, pair: list[Registration]) -> None:
    stranger = make_sme(session)
    with pytest.raises(NotFoundError, match="not on your shortlist"):
        interests.express(session, SETTINGS, pair[0], stranger.id, Answer.INTERESTED)


def test_a_draft_shortlist_cannot_be_answered(session: Session) -> None:
    event, a, b = make_event(session), make_sme(session), make_sme(session)
    registration, _ = register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    with pytest.raises(NotFoundError):
        interests.express(session, SETTINGS, registration, b.id, Answer.INTERESTED)


def test_after_the_deadline_nothing_changes(session: Session, pair: list[Registration]) -> None:
    session.get_one(Event, pair[0].event_id).answers_until = now(session) - timedelta(seconds=1)
    session.flush()
    with pytest.raises(ConflictError, match="closed"):
        answer(session, pair[0], pair[1], Answer.INTERESTED)
    assert session.exec(select(Interest)).all() == []


def test_two_yeses_make_one_introduction_and_one_mail_to_each(session: Session, pair: list[Registration]) -> None:
    assert answer(session, pair[0], pair[1], Answer.INTERESTED) is None
    introduction = answer(session, pair[1], pair[0], Answer.INTERESTED)
    assert introduction is not None
    assert (introduction.a_id, introduction.b_id) == (pair[0].sme_id, pair[1].sme_id)
    mails = session.exec(select(Email).where(Email.kind == "introduction").order_by(Email.sme_id)).all()
    assert [mail.sme_id for mail in mails] == [pair[0].sme_id, pair[1].sme_id]
    assert [mail.subject for mail in mails] == ["Ada, meet Bea", "Bea, meet Ada"]


def test_changing_ones_mind_back_and_forth_introduces_once(session: Session, pair: list[Registration]) -> None:
    answer(session, pair[0], pair[1], Answer.INTERESTED)
    answer(session, pair[1], pair[0], Answer.INTERESTED)
    answer(session, pair[1], pair[0], Answer.NOT_NOW)
    assert answer(session, pair[1], pair[0], Answer.INTERESTED) is None
    assert len(session.exec(select(Introduction)).all()) == 1
    assert len(session.exec(select(Email).where(Email.kind == "introduction")).all()) == 2


def test_contact_and_website_are_on_the_card_only_after_both_said_yes(
    session: Session, pair: list[Registration]
) -> None:
    session.get_one(Sme, pair[1].sme_id).website = "https://bea.example"
    address = session.exec(select(Contact.email).where(Contact.sme_id == pair[1].sme_id)).one()

    def shown_of_bea() -> tuple[str | None, str]:
        lists = [row for row in reports.current(session, pair[0].event_id) if row.sme_id == pair[0].sme_id]
        (card,) = cards.for_shortlists(session, lists)[pair[0].sme_id]
        return card.contact.email if card.contact else None, card.website

    assert shown_of_bea() == (None, "")
    answer(session, pair[0], pair[1], Answer.INTERESTED)
    assert shown_of_bea() == (None, "")
    answer(session, pair[1], pair[0], Answer.INTERESTED)
    assert shown_of_bea() == (address, "https://bea.example")


def test_two_yeses_at_the_same_moment_introduce_exactly_once(
    database: Database, session: Session, pair: list[Registration]
) -> None:
    barrier = threading.Barrier(2)

    def say_yes(who: Registration, partner: Registration) -> None:
        barrier.wait()
        with database.write() as own:
            interests.express(own, database.settings, who, partner.sme_id, Answer.INTERESTED)

    threads = [threading.Thread(target=say_yes, args=args) for args in ((pair[0], pair[1]), (pair[1], pair[0]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as reader:
        assert len(reader.exec(select(Introduction)).all()) == 1
        assert len(reader.exec(select(Email).where(Email.kind == "introduction")).all()) == 2


def explain(session: Session, pair: list[Registration], what: Answer, reason: str | None) -> str:
    interests.express(session, SETTINGS, pair[0], pair[1].sme_id, what, reason)
    return session.exec(select(Interest.reason)).one()


def test_a_reason_is_kept_with_its_answer_and_not_with_another(session: Session, pair: list[Registration]) -> None:
    assert explain(session, pair, Answer.NEVER, "  a direct\r\n competitor ") == "a direct competitor"
    assert explain(session, pair, Answer.NEVER, None) == "a direct competitor"
    assert explain(session, pair, Answer.NEVER, "of ours") == "of ours"
    assert explain(session, pair, Answer.NEVER, "") == ""
    assert explain(session, pair, Answer.NOT_NOW, None) == ""
    assert explain(session, pair, Answer.NOT_NOW, "in May") == "in May"
    assert explain(session, pair, Answer.INTERESTED, None) == ""


def test_a_reason_that_comes_after_another_answer_takes_nothing_back(
    session: Session, pair: list[Registration]
) -> None:
    one, other = pair
    answer(session, other, one, Answer.INTERESTED)
    answer(session, one, other, Answer.NEVER)

    late = interests.express(session, SETTINGS, one, other.sme_id, Answer.INTERESTED, "we met in Rome")

    assert late is None
    assert session.exec(select(Introduction)).all() == []
    mine = session.exec(select(Interest).where(Interest.sme_id == one.sme_id)).one()
    assert (mine.answer, mine.reason) == (Answer.NEVER, "")


def test_a_reason_is_bounded_and_its_words_are_not_in_the_record(session: Session, pair: list[Registration]) -> None:
    with pytest.raises(InvalidError, match="301 letters"):
        explain(session, pair, Answer.NEVER, "x" * 301)
    assert session.exec(select(Interest)).all() == []
    explain(session, pair, Answer.NEVER, "competitor " * 27)
    details = [
        entry.detail for entry in session.exec(select(AuditEntry).where(AuditEntry.action == "interest.express"))
    ]
    assert details == [{"partner": pair[1].sme_id, "answer": "never"}]


def test_a_reason_is_told_to_the_organiser_and_on_the_own_card_but_never_on_the_partners(
    session: Session, pair: list[Registration]
) -> None:
    explain(session, pair, Answer.NEVER, "a competitor")
    rows = reports.table(session, pair[0].event_id, "answers")
    assert (rows.columns[-1], [row[-1] for row in rows.rows]) == ("reason", ["a competitor"])
    shown = cards.for_shortlists(session, reports.current(session, pair[0].event_id))
    assert shown[pair[0].sme_id][0].reason == "a competitor"
    assert shown[pair[1].sme_id][0].reason == ""


@pytest.mark.parametrize("how", ["paused", "expired", "consent", "registration"])
def test_who_left_cannot_be_answered(session: Session, pair: list[Registration], how: str) -> None:
    partner = session.get_one(Sme, pair[1].sme_id)
    assert interests.who_left(session, pair[0].event_id, [partner.id]) == set()
    if how == "consent":
        consents.withdraw_consent(session, partner, [Purpose.MATCHING], "ann")
    elif how == "registration":
        session.delete(pair[1])
    else:
        partner.status = SmeStatus(how)
    session.flush()
    assert interests.who_left(session, pair[0].event_id, [partner.id, pair[0].sme_id]) == {partner.id}
    with pytest.raises(ConflictError, match="does not take part any more"):
        answer(session, pair[0], pair[1], Answer.INTERESTED)
    assert session.exec(select(Interest)).all() == []


def test_an_answer_changed_after_the_introduction_takes_nothing_back_and_makes_no_second_one(
    session: Session, pair: list[Registration]
) -> None:
    answer(session, pair[0], pair[1], Answer.INTERESTED)
    answer(session, pair[1], pair[0], Answer.INTERESTED)
    answer(session, pair[0], pair[1], Answer.NEVER)
    assert answer(session, pair[0], pair[1], Answer.INTERESTED) is None
    assert len(session.exec(select(Introduction)).all()) == 1
    [card] = cards.for_shortlists(session, reports.current(session, pair[0].event_id))[pair[1].sme_id]
    assert card.contact is not None

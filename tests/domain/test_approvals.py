"""An approval mails each SME its shortlist once, and nobody what they did not agree to."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import approvals, events, interests, reports
from broker.errors import ConflictError, InvalidError
from broker.models import Consent, Contact, Email, EmailStatus, Event, Purpose, Registration, Shortlist, Sme, SmeStatus
from tests.factories import make_event, make_shortlists, make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough")


def test_approving_writes_one_mail_per_sme_once(session: Session) -> None:
    event, a, b, c = make_event(session), make_sme(session), make_sme(session), make_sme(session)
    register(session, event, a, b, c)
    make_shortlists(session, event, (a, b), (a, c))
    approved = approvals.approve(session, SETTINGS, "ann", event.id)
    assert (approved.mails, approved.unchanged, approved.not_mailed) == (3, 0, {})
    with pytest.raises(ConflictError, match="no draft shortlists"):
        approvals.approve(session, SETTINGS, "ann", event.id)
    assert sorted(row.sme_id or 0 for row in session.exec(select(Email))) == [a.id, b.id, c.id]


def test_who_cannot_be_mailed_is_named_with_the_reason(session: Session) -> None:
    event, a = make_event(session), make_sme(session, "Ada")
    silent = make_sme(session, "No Address", email="")
    private = make_sme(session, "No Consent", consents=(Purpose.MATCHING,))
    register(session, event, a, silent, private)
    make_shortlists(session, event, (a, silent), (a, private))
    approved = approvals.approve(session, SETTINGS, "ann", event.id)
    assert approved.mails == 1
    assert approved.not_mailed == {
        "No Address": "no e-mail address",
        "No Consent": "has not agreed to be mailed",
    }


def test_a_later_approval_mails_only_those_whose_partners_changed(session: Session) -> None:
    event, a, b, c, d = make_event(session), *(make_sme(session) for _ in range(4))
    register(session, event, a, b, c, d)
    make_shortlists(session, event, (a, b), (c, d))
    approvals.approve(session, SETTINGS, "ann", event.id)
    make_shortlists(session, event, (a, b), (c, d), (b, c))
    again = approvals.approve(session, SETTINGS, "ann", event.id)
    assert (again.mails, again.unchanged) == (2, 2)
    assert len(reports.current(session, event.id)) == 4
    mails = [row.sme_id for row in session.exec(select(Email).order_by(col(Email.id)))]
    assert mails == [a.id, b.id, c.id, d.id, b.id, c.id]


def test_a_second_shortlist_says_that_it_takes_the_place_of_the_first(session: Session) -> None:
    event, a, b, c = make_event(session), *(make_sme(session, name) for name in ("Ada", "Bo", "Cy"))
    register(session, event, a, b, c)
    make_shortlists(session, event, (a, b))
    approvals.approve(session, SETTINGS, "ann", event.id)
    for mail in session.exec(select(Email)):
        mail.status = EmailStatus.SENT
    make_shortlists(session, event, (a, b), (a, c))

    approvals.approve(session, SETTINGS, "ann", event.id)

    new = session.exec(select(Email).where(Email.status == EmailStatus.QUEUED).order_by(col(Email.sme_id))).all()
    assert [(mail.sme_id, mail.subject) for mail in new] == [
        (a.id, "Your shortlist has changed: 2 partners for Ada in Berlin"),
        (c.id, "One partner for Cy in Berlin"),
    ]
    assert [b"takes the place of the" in mail.message for mail in new] == [True, False]
    to_ada, to_cy = (message_from_bytes(mail.message, policy=default) for mail in new)
    for kind, before, after in (("plain", "1. Bo (", "2. Cy ("), ("html", ">Bo</h2>", ">Cy</h2>")):
        known, _, unknown = to_ada.get_body((kind,)).get_content().partition(before)[2].partition(after)
        assert ("New on your list" in known, "New on your list" in unknown) == (False, True)
        assert "New on your list" not in to_cy.get_body((kind,)).get_content()


def test_links_are_not_signed_with_the_key_everybody_knows(session: Session) -> None:
    event, a, b = make_event(session), make_sme(session), make_sme(session)
    register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    with pytest.raises(InvalidError, match="BROKER_SECRET_KEY is not set"):
        approvals.approve(session, Settings(), "ann", event.id)


def test_the_mailed_link_opens_the_smes_own_page(session: Session) -> None:
    event, a, b = make_event(session), make_sme(session), make_sme(session)
    register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    approvals.approve(session, SETTINGS, "ann", event.id)
    registration = session.exec(select(Registration).where(Registration.sme_id == a.id)).one()
    message = session.exec(select(Email.message).where(Email.sme_id == a.id)).one()
    token = interests.link(SETTINGS, registration).rpartition("/")[2]
    assert token.encode() in message.replace(b"=\r\n", b"")


def two_with_drafts(session: Session) -> tuple[Event, Sme, Sme]:
    event, a, b = make_event(session), make_sme(session, "Ada"), make_sme(session, "Bea")
    register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    return event, a, b


def test_what_is_foretold_is_what_is_done(session: Session) -> None:
    event, _, _ = two_with_drafts(session)
    foretold = approvals.foretell(session, event.id)
    assert (foretold.lists, foretold.mails) == (2, 2)
    assert approvals.approve(session, SETTINGS, "ann", event.id, foretold.run_id) == foretold


def test_drafts_built_again_since_they_were_seen_are_not_approved(session: Session) -> None:
    event, a, b = two_with_drafts(session)
    seen = approvals.foretell(session, event.id).run_id
    for shortlist in session.exec(select(Shortlist)).all():
        session.delete(shortlist)
    make_shortlists(session, event, (a, b))
    with pytest.raises(ConflictError, match="built again since you looked"):
        approvals.approve(session, SETTINGS, "ann", event.id, seen)
    assert session.exec(select(Email)).all() == []


def test_an_address_added_after_the_first_approval_gets_its_mail_at_the_next(session: Session) -> None:
    event, a, b = make_event(session), make_sme(session, "Ada"), make_sme(session, "Bea", email="")
    register(session, event, a, b)
    make_shortlists(session, event, (a, b))
    assert approvals.approve(session, SETTINGS, "ann", event.id).not_mailed == {"Bea": "no e-mail address"}
    session.add(Contact(sme_id=b.id, name="Bea", email="bea@firm.example"))
    make_shortlists(session, event, (a, b))
    again = approvals.approve(session, SETTINGS, "ann", event.id)
    assert (again.mailed, again.unchanged) == (frozenset({b.id}), 1)


@pytest.mark.parametrize(
    ("status", "mails"),
    [(EmailStatus.SENT, 0), (EmailStatus.QUEUED, 0), (EmailStatus.FAILED, 2), (EmailStatus.SUPPRESSED, 2)],
)
def test_an_unchanged_list_is_mailed_again_only_if_the_first_mail_never_went_out(
    session: Session, status: EmailStatus, mails: int
) -> None:
    event, a, b = two_with_drafts(session)
    approvals.approve(session, SETTINGS, "ann", event.id)
    for email in session.exec(select(Email)):
        email.status = status
    make_shortlists(session, event, (a, b))
    assert approvals.approve(session, SETTINGS, "ann", event.id).mails == mails


def test_a_list_that_changed_and_changed_back_is_told(session: Session) -> None:
    event, a, b = two_with_drafts(session)
    c = make_sme(session, "Cem")
    register(session, event, c)
    approvals.approve(session, SETTINGS, "ann", event.id)
    for pairs in (((a, c), (b, c)), ((a, b),)):
        make_shortlists(session, event, *pairs)
        approvals.approve(session, SETTINGS, "ann", event.id)
    told = [email.sme_id for email in session.exec(select(Email).order_by(col(Email.id)))]
    assert told == [a.id, b.id, a.id, b.id, c.id, a.id, b.id]


@pytest.mark.parametrize("how", ["paused", "consent withdrawn", "consent deleted", "withdrawn"])
def test_nobody_who_left_since_the_build_is_shown_to_others(session: Session, how: str) -> None:
    event, _, b = two_with_drafts(session)
    consent = session.exec(select(Consent).where(Consent.sme_id == b.id, Consent.purpose == Purpose.MATCHING)).one()
    if how == "paused":
        b.status = SmeStatus.PAUSED
    elif how == "withdrawn":
        events.withdraw(session, "ann", event.id, b.id)
    elif how == "consent withdrawn":
        consent.withdrawn_at = now(session)
    else:
        session.delete(consent)
    session.flush()
    with pytest.raises(ConflictError, match="no longer taking part since the last build: Bea"):
        approvals.approve(session, SETTINGS, "ann", event.id)


def test_nothing_is_mailed_once_nobody_could_answer(session: Session) -> None:
    event, _, _ = two_with_drafts(session)
    event.answers_until = now(session) - timedelta(seconds=1)
    session.flush()
    with pytest.raises(ConflictError, match="has begun"):
        approvals.approve(session, SETTINGS, "ann", event.id)
    assert session.exec(select(Email)).all() == []


def test_it_is_foretold_who_cannot_be_mailed_and_again_the_next_time(session: Session) -> None:
    event, a = make_event(session), make_sme(session, "Ada")
    silent, private = make_sme(session, "Bea", email=""), make_sme(session, "Cem", consents=(Purpose.MATCHING,))
    register(session, event, a, silent, private)
    for mails, unchanged in ((1, 0), (0, 1)):
        make_shortlists(session, event, (a, silent), (a, private))
        foretold = approvals.foretell(session, event.id)
        assert (foretold.lists, foretold.mails, foretold.unchanged) == (3, mails, unchanged)
        assert list(foretold.not_mailed) == ["Bea", "Cem"]
        approvals.approve(session, SETTINGS, "ann", event.id)

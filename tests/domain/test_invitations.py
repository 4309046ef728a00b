"""SMEs are invited once, by hub, only where they may be mailed; what they say registers them or takes them off."""

from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy.orm import make_transient
from sqlmodel import Session, col, select

from broker.config import Settings
from broker.db import now
from broker.domain import erasure, events, invitation_letters, invitations, suppressions, withdrawals
from broker.domain.queries import invitations as queries
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import (
    AuditEntry,
    Consent,
    Contact,
    Email,
    EmailStatus,
    Event,
    Hub,
    Invitation,
    Purpose,
    Registration,
    Role,
    Sme,
    SmeStatus,
)
from tests import factories


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a key of its own: links are signed with it."""
    return settings.model_copy(update={"secret_key": "k" * 43})


def test_only_those_who_may_be_mailed_and_are_not_there_yet_can_be_invited(session: Session) -> None:
    event, hub = _event_and_hub(session)
    _sme(session, "Could", hub)
    _sme(session, "Homeless", None)
    _sme(session, "No address", hub, email="")
    _sme(session, "No consent", hub, consents=(Purpose.MATCHING,))
    suppressions.suppress(session, "gone@firm.example", suppressions.BOUNCED)
    _sme(session, "Bounced", hub, email="Gone@firm.example")
    _sme(session, "Paused", hub, status=SmeStatus.PAUSED)
    left = _sme(session, "Left", hub)
    session.exec(
        select(Consent).where(Consent.sme_id == left.id, Consent.purpose == Purpose.MATCHING)
    ).one().withdrawn_at = now(session)
    factories.register(session, event, _sme(session, "There", hub))
    _sme(session, "Elsewhere", None, city="rome")
    session.flush()

    view = queries.city_view(session, event, "berlin", [hub.id, 12345])

    assert [(row.name, row.states) for row in view.rows] == [
        ("Betahaus", Counter(could=1, unreachable=3, registered=1)),
        ("", Counter(could=1)),
    ]
    assert (view.chosen, view.would, view.totals["could"]) == (frozenset({hub.id}), 1, 2)


def test_an_organiser_invites_no_more_than_a_days_number_over_all_events(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 3)
    event, hub = _event_and_hub(session)
    organiser, other = (factories.make_account(session, Role.ORGANISER) for _ in range(2))
    event.organiser_id = organiser.id
    second, others = (factories.make_event(session, organiser_id=one.id) for one in (organiser, other))
    for name in ("One", "Two"):
        _sme(session, name, hub)
    session.flush()

    assert invitations.invite(session, "ann", event.id, "berlin", [hub.id]) == 2
    with pytest.raises(ConflictError, match="These are 2 SMEs, and 2 were invited in the last 24 hours: at most 3 can"):
        invitations.invite(session, "ann", second.id, "berlin", [hub.id])
    assert invitations.invite(session, "ann", others.id, "berlin", [hub.id]) == 2
    for row in session.exec(select(Invitation)):
        row.invited_at -= timedelta(days=1)
    session.flush()
    assert invitations.invite(session, "ann", second.id, "berlin", [hub.id]) == 2


def test_each_is_invited_once_with_one_mail_and_one_audit_entry(session: Session, settings: Settings) -> None:
    event, hub = _event_and_hub(session)
    sme = _sme(session, "Spielwerk", hub)
    _sme(session, "Homeless", None)
    invitations.set_words(session, "ann", event.id, "Do come!\r\nIt is free.")

    assert invitations.invite(session, "ann", event.id, "berlin", [hub.id]) == 1
    assert invitations.invite(session, "ann", event.id, "berlin", [hub.id]) == 0
    assert session.info["wakes"] == [("invitations.write", None)]
    assert invitation_letters.write_due(session, settings)[0] == 1
    assert invitation_letters.write_due(session, settings)[0] == 0

    email = session.exec(select(Email)).one()
    assert (email.key, email.kind, email.status) == (
        f"invitation:{event.id}:{sme.id}",
        "invitation",
        EmailStatus.QUEUED,
    )
    assert (email.deadline, email.zone, email.opens) == (event.starts_at, "Europe/Berlin", event.opens)
    text = _text(email)
    assert "Do come!\nIt is free." in text
    assert invitations.link(settings, session.exec(select(Invitation)).one()) in text
    assert email.subject == "Spielwerk: do you take part in Workshop?"
    entries = session.exec(select(AuditEntry).where(AuditEntry.action == "event.invite")).all()
    assert [entry.detail for entry in entries] == [{"city": "berlin", "hubs": ["Betahaus"], "count": 1}]


def test_the_words_sent_are_those_there_were_when_it_was_invited(session: Session, settings: Settings) -> None:
    event, hub = _event_and_hub(session)
    _sme(session, "Spielwerk", hub)
    invitations.set_words(session, "ann", event.id, "First words")
    invitations.invite(session, "ann", event.id, "berlin", [hub.id])
    invitations.set_words(session, "ann", event.id, "Second words")
    invitation_letters.write_due(session, settings)

    assert "First words" in _text(session.exec(select(Email)).one())
    preview = queries.preview(session, settings, event)
    assert "Second words" in str(preview.get_body(("plain",)))
    with pytest.raises(InvalidError, match="at most 1000 letters, not 1001"):
        invitations.set_words(session, "ann", event.id, "x" * 1001)


def test_consent_taken_back_or_a_registration_before_the_mail_is_written_means_no_mail(
    session: Session, settings: Settings
) -> None:
    event, hub = _event_and_hub(session)
    sme = _sme(session, "Spielwerk", hub)
    invitations.invite(session, "ann", event.id, "berlin", [hub.id])
    session.exec(
        select(Consent).where(Consent.sme_id == sme.id, Consent.purpose == Purpose.MAILING)
    ).one().withdrawn_at = now(session)
    session.flush()
    other = _sme(session, "Otherwise registered", hub)
    invitations.invite(session, "ann", event.id, "berlin", [hub.id])
    factories.register(session, event, other)

    assert invitation_letters.write_due(session, settings)[0] == 0


def test_a_mail_that_cannot_be_written_keeps_no_other_from_being_so(session: Session, settings: Settings) -> None:
    event, hub = _event_and_hub(session)
    for name in ("Broken", "Whole"):
        _sme(session, name, hub)
    invitations.invite(session, "ann", event.id, "berlin", [hub.id])
    broken = session.exec(select(Contact).order_by(col(Contact.id))).first()
    assert broken is not None
    broken.email = "ä@firm.example"
    session.flush()

    assert invitation_letters.write_due(session, settings)[0] == 1


def test_a_whole_turn_of_mails_that_cannot_be_written_keeps_no_other_from_being_so(
    session: Session, settings: Settings
) -> None:
    event, hub = _event_and_hub(session)
    smes = [_sme(session, name, hub) for name in ("Broken", "Broken too", "Whole")]
    invitations.invite(session, "ann", event.id, "berlin", [hub.id])
    for contact in session.exec(select(Contact).where(col(Contact.sme_id).in_([sme.id for sme in smes[:2]]))):
        contact.email = "ä@firm.example"
    session.flush()

    written, last = invitation_letters.write_due(session, settings, limit=2)
    assert (written, last is None) == (0, False)
    assert invitation_letters.write_due(session, settings, last or 0, limit=2) == (1, None)


def test_yes_registers_no_takes_off_and_the_newest_word_counts(session: Session, settings: Settings) -> None:
    event, invitation = _invited(session)
    for takes_part in (True, True, False, True):
        invitations.answer(session, invitation, takes_part)
        assert _is_registered(session, event) == takes_part
        assert invitations.standing(session, invitation) is takes_part
    said = session.exec(select(AuditEntry).where(AuditEntry.action == "invitation.answer").order_by(col(AuditEntry.id)))
    assert [entry.detail["takes_part"] for entry in said] == [True, False, True]
    assert queries.city_view(session, event, "berlin", ()).totals == Counter(yes=1)


def test_no_is_counted_and_who_was_withdrawn_after_a_yes_takes_no_part(session: Session) -> None:
    event, invitation = _invited(session)
    assert invitations.standing(session, invitation) is None
    assert queries.city_view(session, event, "berlin", ()).totals == Counter(asked=1)
    invitations.answer(session, invitation, False)
    assert queries.city_view(session, event, "berlin", ()).totals == Counter(no=1)

    invitations.answer(session, invitation, True)
    assert events.withdraw(session, "ann", event.id, invitation.sme_id) is not None
    assert events.withdraw(session, "ann", event.id, invitation.sme_id) is None
    assert invitations.standing(session, invitation) is False
    assert queries.city_view(session, event, "berlin", ()).totals == Counter(no=1)


@pytest.mark.parametrize("said_yes", [True, False])
def test_who_was_taken_off_does_not_come_back_by_the_old_link(session: Session, said_yes: bool) -> None:
    event, invitation = _invited(session)
    if said_yes:
        invitations.answer(session, invitation, True)
    else:
        events.register(session, "ann", event.id, [invitation.sme_id])
    assert not invitations.is_taken_off(session, invitation)
    row = events.withdraw(session, "ann", event.id, invitation.sme_id)
    assert row is not None
    for _ in range(2):
        with pytest.raises(ConflictError, match="The organiser has taken your firm off this workshop"):
            invitations.answer(session, invitation, True)
        invitations.answer(session, invitation, False)
    assert not _is_registered(session, event)

    make_transient(row)
    withdrawals.undo(session, Settings(), "ann", row)
    for takes_part in (False, True):
        invitations.answer(session, invitation, takes_part)
    assert _is_registered(session, event)


def test_who_was_taken_off_before_it_was_invited_may_come(session: Session) -> None:
    event, hub = _event_and_hub(session)
    sme = _sme(session, "Spielwerk", hub)
    factories.register(session, event, sme)
    events.withdraw(session, "ann", event.id, sme.id)
    session.exec(select(AuditEntry).where(AuditEntry.action == "event.withdraw")).one().at -= timedelta(minutes=1)
    invitations.answer(session, _invite(session, event, sme), True)
    assert _is_registered(session, event)


def test_after_the_deadline_nothing_is_sent_or_answered(session: Session) -> None:
    event, invitation = _invited(session)
    event.register_until = now(session) - timedelta(minutes=1)
    session.flush()

    with pytest.raises(ConflictError, match="Registration for this workshop is closed"):
        invitations.answer(session, invitation, True)
    with pytest.raises(ConflictError, match="who is invited now could not say yes"):
        invitations.invite(session, "ann", event.id, "berlin", [0])


def test_to_take_part_is_to_be_matched_but_a_link_gives_no_consent_anew(session: Session) -> None:
    event, hub = _event_and_hub(session)
    sme = _sme(session, "Spielwerk", hub, consents=(Purpose.MAILING,))
    invitation = _invite(session, event, sme)
    invitations.answer(session, invitation, True)
    consent = session.exec(select(Consent).where(Consent.purpose == Purpose.MATCHING)).one()
    assert consent.recorded_by == f"sme {sme.id}"

    invitations.answer(session, invitation, False)
    consent.withdrawn_at = now(session)
    session.flush()
    with pytest.raises(ConflictError, match="took its consent to be matched back"):
        invitations.answer(session, invitation, True)


def test_a_link_opens_its_own_invitation_until_the_event_is_over(session: Session, settings: Settings) -> None:
    event, invitation = _invited(session)
    token = invitations.link(settings, invitation).rpartition("/")[2]
    assert invitations.open_link(session, settings, token) == invitation
    for wrong in ("", "x", token + "x", token[:-1], "ä" + token):
        with pytest.raises(NotFoundError):
            invitations.open_link(session, settings, wrong)
    invitation.link_key = "another"
    session.flush()
    with pytest.raises(NotFoundError):
        invitations.open_link(session, settings, token)

    event.starts_at = event.ends_at = now(session) - timedelta(minutes=1)
    session.flush()
    with pytest.raises(NotFoundError):
        invitations.open_link(session, settings, invitations.link(settings, invitation).rpartition("/")[2])


def test_a_broker_finds_which_of_her_smes_were_invited(session: Session) -> None:
    event, invitation = _invited(session)
    over = factories.make_event(session, ends_at=now(session) - timedelta(days=1))
    session.add(Invitation(event_id=over.id, sme_id=invitation.sme_id, invited_at=now(session)))
    session.flush()

    assert [(row.name, sme.name, asked.id) for row, sme, asked in invitations.of_city(session, "berlin")] == [
        (event.name, "Spielwerk", invitation.id)
    ]
    assert invitations.of_city(session, "rome") == []


def test_an_erased_sme_leaves_no_invitation_and_no_mail(session: Session, settings: Settings) -> None:
    event, hub = _event_and_hub(session)
    sme = _sme(session, "Spielwerk", hub)
    invitations.invite(session, "ann", event.id, "berlin", [hub.id])
    invitation_letters.write_due(session, settings)
    session.commit()

    erasure.erase(session, "ann", sme.id)

    assert session.exec(select(Invitation)).all() == []
    assert session.exec(select(Email)).all() == []


def _event_and_hub(session: Session) -> tuple[Event, Hub]:
    hub = Hub(city_code="berlin", name="Betahaus")
    session.add(hub)
    session.flush()
    return factories.make_event(session), hub


def _sme(session: Session, name: str, hub: Hub | None, **fields: object) -> Sme:
    return factories.make_sme(session, name, hub_id=hub.id if hub else None, **fields)  # type: ignore[arg-type]


def _invited(session: Session) -> tuple[Event, Invitation]:
    event, hub = _event_and_hub(session)
    return event, _invite(session, event, _sme(session, "Spielwerk", hub))


def _invite(session: Session, event: Event, sme: Sme) -> Invitation:
    assert invitations.invite(session, "ann", event.id, "berlin", [sme.hub_id or 0]) == 1
    return session.exec(select(Invitation)).one()


def _is_registered(session: Session, event: Event) -> bool:
    return session.exec(select(Registration).where(Registration.event_id == event.id)).first() is not None


def _text(email: Email) -> str:
    body = message_from_bytes(email.message, policy=default).get_body(("plain",))  # type: ignore[attr-defined]
    return str(body.get_content()).replace("\r\n", "\n")

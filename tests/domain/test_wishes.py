"""An SME pauses itself and takes up again, and asks to be erased; what its broker paused it cannot undo."""

import pytest
from sqlmodel import Session, select

from broker.domain import events, profiles, wishes
from broker.errors import ConflictError
from broker.models import AuditEntry, Sme, SmeStatus
from tests.factories import make_sme


@pytest.fixture
def ada(session: Session) -> Sme:
    return make_sme(session, "Ada")


def actions(session: Session) -> list[tuple[str, str]]:
    return [(entry.actor, entry.action) for entry in session.exec(select(AuditEntry))]


@pytest.mark.parametrize("status", [SmeStatus.REVIEWED, SmeStatus.PUBLISHED])
def test_it_goes_back_to_what_it_was(session: Session, ada: Sme, status: SmeStatus) -> None:
    ada.status, version = status, ada.version

    wishes.pause(session, ada)
    wishes.pause(session, ada)

    assert (ada.status, ada.version, wishes.paused_itself(ada)) == (SmeStatus.PAUSED, version + 1, True)
    assert events.can_register(session) == []
    wishes.resume(session, ada)
    wishes.resume(session, ada)
    assert (ada.status, ada.paused_from, ada.version) == (status, None, version + 2)
    assert events.can_register(session) == [ada.id]
    assert actions(session) == [(f"sme {ada.id}", "sme.pause"), (f"sme {ada.id}", "sme.resume")]


def test_a_profile_that_lost_something_meanwhile_comes_back_as_a_draft(session: Session, ada: Sme) -> None:
    wishes.pause(session, ada)
    held = profiles.read(session, ada)
    profiles.update(session, "ann", ada, held.model_copy(update={"languages": []}))
    wishes.resume(session, ada)
    assert ada.status is SmeStatus.DRAFT


@pytest.mark.parametrize("status", [SmeStatus.PAUSED, SmeStatus.EXPIRED])
def test_what_others_paused_or_what_expired_is_the_brokers_to_take_up(
    session: Session, ada: Sme, status: SmeStatus
) -> None:
    ada.status = status
    wishes.pause(session, ada)
    with pytest.raises(ConflictError, match="Your broker can"):
        wishes.resume(session, ada)
    assert (ada.status, actions(session)) == (status, [])


def test_an_erasure_is_asked_for_once_and_taken_back_once(session: Session, ada: Sme) -> None:
    wishes.ask_erasure(session, ada)
    asked_at = ada.erasure_asked_at
    wishes.ask_erasure(session, ada)
    assert ada.erasure_asked_at == asked_at
    assert asked_at is not None
    for _ in range(2):
        wishes.take_back_erasure(session, "ann", ada)
    assert ada.erasure_asked_at is None
    assert actions(session) == [(f"sme {ada.id}", "erasure.ask"), ("ann", "erasure.take_back")]

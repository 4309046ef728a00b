"""One action on many SMEs."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import access, bulk, changes, lifecycle, reviews, wishes
from broker.domain.bulk import BulkAction, BulkOutcome
from broker.domain.queries import todo
from broker.errors import InvalidError, NotFoundError
from broker.models import AuditEntry, ChangeSet, ProfileChange, Review, ReviewOutcome, Sme, SmeStatus
from tests import factories

DRAFT, IN_REVIEW, REVIEWED, PUBLISHED, PAUSED, EXPIRED = SmeStatus


@pytest.mark.parametrize(
    ("action", "after"),
    [
        (BulkAction.ASK, [IN_REVIEW, IN_REVIEW, REVIEWED, PUBLISHED, PAUSED, EXPIRED]),
        (BulkAction.RENEW, [DRAFT, IN_REVIEW, REVIEWED, PUBLISHED, PAUSED, PUBLISHED]),
        (BulkAction.PUBLISH, [DRAFT, IN_REVIEW, PUBLISHED, PUBLISHED, PAUSED, EXPIRED]),
        (BulkAction.PAUSE, [DRAFT, IN_REVIEW, REVIEWED, PAUSED, PAUSED, EXPIRED]),
        (BulkAction.RESUME, [DRAFT, IN_REVIEW, REVIEWED, PUBLISHED, PUBLISHED, EXPIRED]),
    ],
)
def test_an_action_changes_what_it_means_anything_for_and_an_undo_takes_it_back(
    session: Session, action: BulkAction, after: list[SmeStatus]
) -> None:
    account = factories.make_account(session)
    ended = now(session) - timedelta(days=1)
    smes = [factories.make_sme(session, status=status) for status in SmeStatus]
    smes[-1].expires_at = ended
    session.flush()
    touched = [sme for sme, status in zip(smes, after, strict=True) if sme.status is not status]

    outcome = bulk.act(session, account, action, smes)

    assert [sme.status for sme in smes] == after
    assert outcome.changed == len(touched)
    assert sum(outcome.left.values()) == len(smes) - len(touched)
    assert [sme.version for sme in smes] == [2 if sme in touched else 1 for sme in smes]
    [entry] = session.exec(select(AuditEntry)).all()
    assert (entry.action, entry.subject) == (f"profiles: {action}", f"change:{outcome.set_id}")
    assert entry.detail == {"smes": [sme.id for sme in touched], "left": len(smes) - len(touched)}
    changes.undo(session, account, outcome.set_id or 0)
    assert [sme.status for sme in smes] == list(SmeStatus)
    assert smes[-1].expires_at == ended


def test_drafts_with_nothing_left_to_finish_are_put_before_a_second_broker(session: Session) -> None:
    account, other = factories.make_account(session), factories.make_account(session, city="rome")
    whole, lacking = factories.make_sme(session, status=DRAFT), factories.make_sme(session, status=DRAFT, email="")
    outcome = bulk.act(session, account, BulkAction.ASK, [whole, lacking])
    assert (outcome.changed, outcome.left, lacking.status) == (1, {DRAFT: 1}, DRAFT)
    assert [(row.sme, row.asked_by) for row in reviews.waiting(session, "rome")] == [(whole, account)]
    reviews.confirm(session, other, whole, str(whole.version))
    assert whole.status is REVIEWED


def test_an_undo_of_asking_takes_the_profiles_out_of_the_queue(session: Session) -> None:
    account, sme = factories.make_account(session), factories.make_sme(session, status=DRAFT)
    outcome = bulk.act(session, account, BulkAction.ASK, [sme])
    changes.undo(session, account, outcome.set_id or 0)
    assert (sme.status, reviews.waiting(session, None)) == (DRAFT, [])


def test_an_undo_of_asking_finds_what_the_second_broker_wrote_before(session: Session) -> None:
    account, other = factories.make_account(session), factories.make_account(session, city="rome")
    sme = factories.make_sme(session, status=DRAFT)
    reviews.ask(session, account, sme)
    reviews.send_back(session, other, sme, str(sme.version), "For whom?")
    outcome = bulk.act(session, account, BulkAction.ASK, [sme])

    changes.undo(session, account, outcome.set_id or 0)

    last = reviews.last(session, sme)
    assert last is not None
    assert (last[0].outcome, last[0].note, last[1]) == (ReviewOutcome.SENT_BACK, "For whom?", other)
    assert session.exec(select(Sme.id).where(todo.sent_back())).all() == [sme.id]


def test_an_undo_of_asking_leaves_the_review_of_what_it_leaves_alone(session: Session) -> None:
    account = factories.make_account(session)
    changed, same = factories.make_sme(session, status=DRAFT), factories.make_sme(session, status=DRAFT)
    outcome = bulk.act(session, account, BulkAction.ASK, [changed, same])
    changed.version += 1
    session.flush()

    undone = changes.undo(session, account, outcome.set_id or 0)

    assert undone.left == {str(changed.id): changes.CHANGED}
    assert session.exec(select(Review.sme_id)).all() == [changed.id]


def test_asking_for_many_sends_as_many_statements_as_for_few(session: Session) -> None:
    account = factories.make_account(session)
    statements: list[str] = []
    few = [factories.make_sme(session, status=DRAFT) for _ in range(2)]
    many = [factories.make_sme(session, status=DRAFT) for _ in range(40)]
    event.listen(session.connection(), "before_cursor_execute", lambda *call: statements.append(call[2]))

    def count(smes: list[Sme]) -> int:
        statements.clear()
        assert bulk.act(session, account, BulkAction.ASK, smes).changed == len(smes)
        session.flush()
        return len(statements)

    assert count(few) == count(many)


def test_only_what_ends_soon_and_lacks_nothing_is_renewed_and_an_undo_gives_back_its_end(session: Session) -> None:
    account, moment = factories.make_account(session), now(session)
    soon, told = moment + timedelta(days=3), moment - timedelta(days=20)
    due = factories.make_sme(session, expires_at=soon, reminded_at=told)
    fresh = factories.make_sme(session, expires_at=moment + timedelta(days=200))
    lacking = factories.make_sme(session, status=EXPIRED, expires_at=told, needs=())
    outcome = bulk.act(session, account, BulkAction.RENEW, [due, fresh, lacking])
    assert (outcome.changed, outcome.left) == (1, {PUBLISHED: 1, EXPIRED: 1})
    assert due.expires_at is not None
    assert (due.expires_at > moment + timedelta(days=364), due.reminded_at) == (True, None)
    changes.undo(session, account, outcome.set_id or 0)
    assert (due.status, due.expires_at, due.reminded_at) == (PUBLISHED, soon, told)


def test_an_sme_that_lacks_something_comes_back_as_a_draft(session: Session) -> None:
    sme = factories.make_sme(session, status=PAUSED, email="")
    bulk.act(session, factories.make_account(session), BulkAction.RESUME, [sme])
    assert sme.status is DRAFT


def test_an_sme_that_had_paused_itself_is_what_it_was_before(session: Session) -> None:
    sme = factories.make_sme(session, status=PAUSED, paused_from=REVIEWED)
    bulk.act(session, factories.make_account(session), BulkAction.RESUME, [sme])
    assert (sme.status, sme.paused_from) == (REVIEWED, None)


def test_an_undo_of_ending_a_pause_leaves_the_sme_paused_by_itself_from_what_it_was(session: Session) -> None:
    account, sme = factories.make_account(session), factories.make_sme(session, status=DRAFT)
    wishes.pause(session, sme)
    first = bulk.act(session, account, BulkAction.RESUME, [sme])
    changes.undo(session, account, first.set_id or 0)
    assert (sme.status, sme.paused_from, wishes.paused_itself(sme)) == (PAUSED, DRAFT, True)

    bulk.act(session, account, BulkAction.RESUME, [sme])

    assert (sme.status, sme.paused_from) == (DRAFT, None)


def test_an_undo_of_a_pause_leaves_no_pause_behind(session: Session) -> None:
    account, sme = factories.make_account(session), factories.make_sme(session)
    outcome = bulk.act(session, account, BulkAction.PAUSE, [sme])
    changes.undo(session, account, outcome.set_id or 0)
    assert (sme.status, sme.paused_from) == (PUBLISHED, None)


@pytest.mark.parametrize("status", [DRAFT, IN_REVIEW, REVIEWED, PUBLISHED])
def test_what_paused_itself_and_expired_is_what_it_was_when_it_is_renewed(session: Session, status: SmeStatus) -> None:
    account, moment = factories.make_account(session), now(session)
    sme = factories.make_sme(session, status=status, expires_at=moment - timedelta(days=1))
    wishes.pause(session, sme)
    assert lifecycle.expire_due(session) == 1
    assert (sme.status, sme.paused_from) == (EXPIRED, status)

    outcome = bulk.act(session, account, BulkAction.RENEW, [sme])

    assert (sme.status, sme.paused_from) == (status, None)
    changes.undo(session, account, outcome.set_id or 0)
    assert (sme.status, sme.paused_from) == (EXPIRED, status)


def test_where_nothing_changes_nothing_is_written(session: Session) -> None:
    sme = factories.make_sme(session)
    outcome = bulk.act(session, factories.make_account(session), BulkAction.PUBLISH, [sme])
    assert outcome == BulkOutcome(0, {PUBLISHED: 1}, None)
    assert session.exec(select(AuditEntry)).all() == session.exec(select(ChangeSet)).all() == []


def test_somebody_has_to_be_ticked(session: Session) -> None:
    with pytest.raises(InvalidError, match="Tick the SMEs first"):
        bulk.act(session, factories.make_account(session), BulkAction.PUBLISH, [])


def test_a_change_of_status_keeps_nothing_but_that(session: Session) -> None:
    sme = factories.make_sme(session, status=REVIEWED)
    bulk.act(session, factories.make_account(session), BulkAction.PUBLISH, [sme])
    assert session.exec(select(ProfileChange)).one().before == {"status": "reviewed", "paused_from": None}


def test_one_sme_of_another_city_makes_all_of_them_nobodys(session: Session) -> None:
    account = factories.make_account(session)
    own, foreign = factories.make_sme(session), factories.make_sme(session, city="rome")
    assert access.smes(session, account, [own.id, own.id]) == [own]
    for ids in ([own.id, foreign.id], [own.id, 99_999]):
        with pytest.raises(NotFoundError):
            access.smes(session, account, ids)


def test_erasing_an_sme_takes_what_was_kept_to_undo_with_it(session: Session) -> None:
    sme, other = factories.make_sme(session, status=REVIEWED), factories.make_sme(session, status=REVIEWED)
    account = factories.make_account(session)
    outcome = bulk.act(session, account, BulkAction.PUBLISH, [sme, other])
    session.delete(sme)
    session.flush()
    assert [change.sme_id for change in session.exec(select(ProfileChange))] == [other.id]
    assert changes.undo(session, account, outcome.set_id or 0).restored == 1
    assert session.exec(select(Sme.status).where(col(Sme.id) == other.id)).one() is REVIEWED

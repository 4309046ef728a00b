"""Review by a second broker."""

import pytest
from sqlmodel import Session, select

from broker.domain import access, accounts, changes, profiles, reviews
from broker.errors import ConflictError, InvalidError, NotAllowedError, NotFoundError
from broker.models import Account, Review, ReviewOutcome, Sme, SmeStatus
from tests.factories import make_account, make_sme


@pytest.fixture
def ann(session: Session) -> Account:
    return make_account(session, city="berlin", name="Ann")


@pytest.fixture
def bea(session: Session) -> Account:
    return make_account(session, city="pilsen", name="Bea")


@pytest.fixture
def draft(session: Session) -> Sme:
    return make_sme(session, "Adler", status=SmeStatus.DRAFT)


def test_a_profile_goes_from_draft_to_reviewed_by_somebody_else(
    session: Session, ann: Account, bea: Account, draft: Sme
):
    reviews.ask(session, ann, draft)
    assert draft.status is SmeStatus.IN_REVIEW
    [row] = reviews.waiting(session, "pilsen")
    assert row.review.outcome is None
    assert (row.sme.id, row.city.name, row.asked_by.name, row.is_own) == (draft.id, "Berlin", "Ann", False)
    assert [row.is_own for city in ("berlin", None) for row in reviews.waiting(session, city)] == [True, True]

    reviews.confirm(session, bea, draft, str(draft.version), "Good.")

    assert draft.status is SmeStatus.REVIEWED
    assert reviews.waiting(session, None) == []
    decided = reviews.last(session, draft)
    assert decided is not None
    assert (decided[0].outcome, decided[0].note, decided[1].name) == (ReviewOutcome.CONFIRMED, "Good.", "Bea")


def test_it_is_sent_back_with_a_note_and_asked_for_again(session: Session, ann: Account, bea: Account, draft: Sme):
    reviews.ask(session, ann, draft)
    with pytest.raises(InvalidError, match="Write what is to be changed"):
        reviews.send_back(session, bea, draft, str(draft.version), "  ")
    reviews.send_back(session, bea, draft, str(draft.version), "For whom?")
    assert draft.status is SmeStatus.DRAFT
    reviews.ask(session, ann, draft)
    outcomes = [row.outcome for row in session.exec(select(Review).order_by(Review.id))]  # type: ignore[arg-type]
    assert outcomes == [ReviewOutcome.SENT_BACK, None]


def test_its_author_may_not_review_it(session: Session, ann: Account, bea: Account, draft: Sme):
    profiles.update(
        session, accounts.actor(bea), draft, profiles.read(session, draft).model_copy(update={"hub": "New"})
    )
    reviews.ask(session, ann, draft)
    for author in (ann, bea):
        with pytest.raises(NotAllowedError, match="somebody else has to read it"):
            reviews.confirm(session, author, draft, str(draft.version))
        with pytest.raises(NotAllowedError):
            reviews.send_back(session, author, draft, str(draft.version), "no")
    assert draft.status is SmeStatus.IN_REVIEW
    cyd = make_account(session, city="berlin", name="Cyd")
    reviews.confirm(session, cyd, draft, str(draft.version))
    assert draft.status is SmeStatus.REVIEWED


def test_its_author_stays_its_author_under_another_name_and_nobody_else_becomes_it(
    session: Session, ann: Account, bea: Account, draft: Sme
):
    profiles.update(
        session, accounts.actor(bea), draft, profiles.read(session, draft).model_copy(update={"hub": "New"})
    )
    accounts.rename(session, bea, "Bea_Berg")
    assert reviews.is_author(session, bea, draft)
    other = make_account(session, city="pilsen", name="Other")
    assert not reviews.is_author(session, other, draft)


def test_who_imported_it_is_its_author(session: Session, ann: Account, bea: Account, draft: Sme):
    changes.keep(session, bea, "import", {draft.id: None})
    changes.keep(session, ann, "pause", {draft.id: {"status": SmeStatus.DRAFT}})
    assert reviews.is_author(session, bea, draft)
    assert not reviews.is_author(session, ann, draft)


def test_what_was_changed_while_it_was_read_is_not_confirmed(session: Session, ann: Account, bea: Account, draft: Sme):
    reviews.ask(session, ann, draft)
    read = str(draft.version)
    profiles.update(session, "Ann", draft, profiles.read(session, draft).model_copy(update={"hub": "New"}))
    with pytest.raises(ConflictError, match="changed while you read it"):
        reviews.confirm(session, bea, draft, read)
    assert draft.status is SmeStatus.IN_REVIEW


def test_nobody_is_asked_before_it_is_finished(session: Session, ann: Account):
    unfinished = make_sme(session, status=SmeStatus.DRAFT, needs=[], email="", consents=())
    with pytest.raises(InvalidError, match="Finish this first: needs, contact e-mail, consent"):
        reviews.ask(session, ann, unfinished)
    with pytest.raises(ConflictError):
        reviews.ask(session, ann, make_sme(session, status=SmeStatus.PUBLISHED))


def test_it_can_be_taken_back_and_one_that_fell_back_to_draft_leaves_the_queue(
    session: Session, ann: Account, draft: Sme
):
    reviews.ask(session, ann, draft)
    reviews.withdraw(session, ann, draft)
    assert (draft.status, reviews.waiting(session, None)) == (SmeStatus.DRAFT, [])
    reviews.ask(session, ann, draft)
    profiles.update(session, "Ann", draft, profiles.read(session, draft).model_copy(update={"email": ""}))
    assert (draft.status, reviews.waiting(session, None)) == (SmeStatus.DRAFT, [])
    profiles.update(session, "Ann", draft, profiles.read(session, draft).model_copy(update={"email": "a@b.example"}))
    reviews.ask(session, ann, draft)
    assert len(reviews.waiting(session, None)) == 1


def test_only_what_is_in_review_is_open_to_brokers_of_other_cities(
    session: Session, ann: Account, bea: Account, draft: Sme
):
    with pytest.raises(NotFoundError):
        access.review(session, bea, draft.id)
    reviews.ask(session, ann, draft)
    assert access.review(session, bea, draft.id) is draft
    with pytest.raises(NotFoundError):
        access.sme(session, bea, draft.id)

"""An SME proposes, its broker decides: nothing changes before, and only what was chosen after."""

import pytest
from sqlmodel import Session, select

from broker.db import Database
from broker.domain import profiles, proposals
from broker.domain.queries import requests
from broker.errors import ConflictError, InvalidError, NotFoundError
from broker.models import AuditEntry, Proposal, ProposalStatus, Sme
from tests.factories import make_sme
from tests.races import behind

WISHED = {"needs": ["a hospital in Łódź"], "languages": ["en", "pl"], "website": "new.example"}


@pytest.fixture
def ada(session: Session) -> Sme:
    return make_sme(session, "Ada", website="https://old.example")


def actions(session: Session) -> list[str]:
    return [entry.action for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]  # type: ignore[arg-type]


def test_a_proposal_keeps_what_was_and_what_is_wished_and_changes_nothing(session: Session, ada: Sme) -> None:
    before, version = profiles.read(session, ada), ada.version

    proposal = proposals.propose(session, ada, WISHED | {"offers": before.offers})

    assert proposal.before == {"needs": before.needs, "languages": ["en"], "website": "https://old.example"}
    assert proposal.after == WISHED | {"website": "https://new.example"}
    assert (proposal.version, proposal.status) == (version, ProposalStatus.OPEN)
    assert (profiles.read(session, ada), ada.version) == (before, version)
    assert actions(session) == ["proposal.make"]


def test_two_at_once_make_one(database: Database) -> None:
    """A double click: the second waits for the first, and finds it open."""
    with database.write() as session:
        sme_id = make_sme(session, "Ada").id

    def propose(session: Session) -> str:
        sme = session.get_one(Sme, sme_id, with_for_update=True)
        try:
            proposals.propose(session, sme, WISHED)
        except ConflictError as error:
            return str(error)
        return "made"

    with Session(database.engine) as first:
        assert propose(first) == "made"
        assert "still waits" in behind(database, first, propose)
    with database.read() as session:
        assert len(session.exec(select(Proposal)).all()) == 1


def test_only_one_is_open_at_a_time_and_it_can_be_taken_back(session: Session, ada: Sme) -> None:
    proposals.propose(session, ada, WISHED)
    with pytest.raises(ConflictError, match="still waits"):
        proposals.propose(session, ada, {"website": "x.example"})

    proposals.withdraw(session, ada)

    assert proposals.open_of(session, ada) is None
    with pytest.raises(NotFoundError):
        proposals.withdraw(session, ada)
    second = proposals.propose(session, ada, {"website": "x.example"})
    assert proposals.latest(session, ada) is second
    assert actions(session) == ["proposal.make", "proposal.withdrawn", "proposal.make"]


@pytest.mark.parametrize(
    ("wished", "told"),
    [
        ({}, "Nothing is different"),
        ({"website": "https://old.example"}, "Nothing is different"),
        ({"website": "no address"}, "website: a web address"),
        ({"needs": ["x" * 1001]}, r"needs\.0"),
        ({"offers": ["x"] * 31}, "offers"),
        ({"description": "bad\x07"}, "description: text without control characters"),
    ],
)
def test_what_no_profile_can_hold_is_not_proposed(
    session: Session, ada: Sme, wished: dict[str, object], told: str
) -> None:
    with pytest.raises(InvalidError, match=told):
        proposals.propose(session, ada, wished)
    assert session.exec(select(Proposal)).all() == []


def test_what_an_sme_may_not_ask_to_change_is_passed_over(session: Session, ada: Sme) -> None:
    with pytest.raises(InvalidError, match="Nothing is different"):
        proposals.propose(session, ada, {"name": "Other", "email": "x@y.example", "sector_code": "health"})


def test_all_of_it_is_taken_over(session: Session, ada: Sme) -> None:
    proposal = proposals.propose(session, ada, WISHED)

    taken = proposals.accept(session, "ann", ada, proposal, list(WISHED), ada.version, "Thank you.")

    held = profiles.read(session, ada)
    assert taken == ["needs", "languages", "website"]
    assert (held.needs, held.languages, held.website) == (["a hospital in Łódź"], ["en", "pl"], "https://new.example")
    assert (proposal.status, proposal.accepted, proposal.note) == (ProposalStatus.ACCEPTED, taken, "Thank you.")
    assert actions(session) == ["proposal.make", "profile updated", "proposal.accepted"]


def test_some_of_it_is_taken_over_and_the_rest_stays_as_it_was(session: Session, ada: Sme) -> None:
    proposal = proposals.propose(session, ada, WISHED)

    assert proposals.accept(session, "ann", ada, proposal, ["languages", "email"], ada.version) == ["languages"]

    held = profiles.read(session, ada)
    assert (held.languages, held.website, held.needs) == (["en", "pl"], "https://old.example", proposal.before["needs"])


def test_what_the_broker_changed_elsewhere_is_kept_when_a_proposal_is_accepted(session: Session, ada: Sme) -> None:
    proposal = proposals.propose(session, ada, WISHED)
    data = profiles.read(session, ada)
    profiles.update(session, "ann", ada, data.model_copy(update={"phone": "+48 1 234567", "website": "https://b.eu"}))

    [needs, languages, website] = requests.of_sme(session, ada).differences
    assert (needs.changed_since, languages.changed_since, website.changed_since) == (False, False, True)
    assert (website.before, website.now, website.after) == (
        "https://old.example",
        "https://b.eu",
        "https://new.example",
    )
    proposals.accept(session, "ann", ada, proposal, ["needs"], ada.version)

    held = profiles.read(session, ada)
    assert (held.phone, held.website, held.needs) == ("+48 1 234567", "https://b.eu", ["a hospital in Łódź"])


def test_a_profile_that_changed_while_it_was_compared_is_looked_at_again(session: Session, ada: Sme) -> None:
    proposal = proposals.propose(session, ada, WISHED)
    data, seen = profiles.read(session, ada), ada.version
    profiles.update(session, "bob", ada, data.model_copy(update={"website": "https://b.eu"}))

    with pytest.raises(ConflictError, match="look again"):
        proposals.accept(session, "ann", ada, proposal, ["website"], seen)
    assert profiles.read(session, ada).website == "https://b.eu"


def test_nothing_ticked_is_no_acceptance(session: Session, ada: Sme) -> None:
    proposal = proposals.propose(session, ada, WISHED)
    with pytest.raises(InvalidError, match="Tick"):
        proposals.accept(session, "ann", ada, proposal, ["offers"], ada.version)


def test_a_declined_one_changes_nothing_and_says_why(session: Session, ada: Sme) -> None:
    proposal, before = proposals.propose(session, ada, WISHED), profiles.read(session, ada)

    proposals.decline(session, "ann", proposal, " Which hospital?\r\n")

    assert (proposal.status, proposal.note) == (ProposalStatus.DECLINED, "Which hospital?")
    assert profiles.read(session, ada) == before
    for answer in (
        lambda: proposals.decline(session, "ann", proposal),
        lambda: proposals.accept(session, "ann", ada, proposal, ["needs"], ada.version),
    ):
        with pytest.raises(ConflictError, match="answered or taken back"):
            answer()


def test_a_note_is_bounded(session: Session, ada: Sme) -> None:
    proposal = proposals.propose(session, ada, WISHED)
    with pytest.raises(InvalidError, match="1001 letters"):
        proposals.decline(session, "ann", proposal, "x" * 1001)


def test_what_the_profile_says_by_now_is_no_difference_any_more(session: Session, ada: Sme) -> None:
    proposals.propose(session, ada, {"website": "new.example"})
    data = profiles.read(session, ada)
    profiles.update(session, "ann", ada, data.model_copy(update={"website": "https://new.example"}))
    assert requests.of_sme(session, ada).differences == []

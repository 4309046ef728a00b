"""Who would see an SME with the statements its broker is just typing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete
from sqlmodel import Session, select

from broker.db import Database, Wake, now
from broker.domain import drafts, lifecycle, profiles
from broker.domain.embeddings import TextEncoder
from broker.domain.lifecycle import Step
from broker.domain.shortlists import onlookers
from broker.models import Account, Answer, Draft, Embedding, Interest, PastPartner, Purpose, Sme, StatementKind
from matching.bundled_model import FINGERPRINT
from tests.factories import make_account, make_event, make_sme


@dataclass(eq=False)
class NotingEncoder:
    """The real encoder, under a name of the test's choice; remembers what it was given."""

    inner: TextEncoder
    fingerprint: str = ""
    encoded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fingerprint = self.fingerprint or self.inner.fingerprint

    def encode(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        self.encoded += texts
        return self.inner.encode(texts, progress)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test is a worker that has seen nothing yet."""
    onlookers._field = None
    yield
    onlookers._field = None


@dataclass
class Desk:
    """A broker of Berlin, the SME she writes, and firms it could meet."""

    database: Database
    account: Account
    sme: Sme
    firms: dict[str, Sme]
    wakes: list[Wake]
    encoder: NotingEncoder

    def ask(self, *offers: str) -> Draft:
        with self.database.write() as session:
            drafts.ask(session, self.account, self.sme, StatementKind.OFFER, list(offers))
            draft = drafts.find(session, self.account, self.sme)
        assert draft is not None
        return draft

    def look(self, *offers: str) -> dict[str, Any]:
        draft = self.ask(*offers)
        assert onlookers.look(self.database, draft.id, self.encoder)
        with self.database.read() as session:
            result = session.get_one(Draft, draft.id).result
        assert result is not None
        return result

    def cities(self, *offers: str) -> list[str]:
        return [row["city"] for row in self.look(*offers)["onlookers"]]


FIRMS = {
    "Klinika": ("pilsen", "health", "stroke clinic patients", "an exercise game for stroke patients"),
    "Vinho": ("lisbon", "food", "red wine in bottles", "paper labels for wine bottles"),
    "Busse": ("linz", "mobility", "eleven silent buses", "a warning sound for silent buses"),
    "Nachbar": ("berlin", "health", "a clinic next door", "an exercise game for stroke patients"),
    "Spiele": ("rome", "games", "game tests", "an exercise game for stroke patients"),
}


@pytest.fixture
def desk(database: Database, encoder: TextEncoder) -> Desk:
    wakes: list[Wake] = []
    database.publish = wakes.append
    with database.write() as session:
        account = make_account(session, city="berlin")
        sme = make_sme(session, "Spielwerk", needs=["stroke clinic patients for a pilot"], offers=["nothing yet"])
        firms = {
            name: make_sme(session, name, city=city, sector=sector, offers=[offer], needs=[need])
            for name, (city, sector, offer, need) in FIRMS.items()
        }
    found = Desk(database, account, sme, firms, wakes, NotingEncoder(encoder))
    onlookers.read_texts(database, found.encoder)
    return found


def test_the_nearest_firm_of_another_city_and_sector_comes_first_with_both_quotes(desk: Desk):
    result = desk.look("an exercise game for stroke patients")

    first = result["onlookers"][0]
    assert (first["city"], first["sector"]) == ("pilsen", "health")
    assert first["they_need"]["need"] == "an exercise game for stroke patients"
    assert first["they_need"]["offer"] == "an exercise game for stroke patients"
    assert first["you_need"]["offer"] == "stroke clinic patients"
    assert {row["city"] for row in result["onlookers"]} == {"pilsen", "lisbon", "linz"}
    assert result["unread"] == 0
    met = {row["city"]: row for row in desk.look("paper labels for wine bottles")["onlookers"]}
    assert met["lisbon"]["they_need"]["offer"] == "paper labels for wine bottles"
    assert met["pilsen"]["they_need"] is None


def test_no_name_of_another_firm_is_kept(desk: Desk):
    with desk.database.write() as session:
        data = profiles.read(session, session.get_one(Sme, desk.firms["Klinika"].id))
        needs = ["Klinika wants an exercise game for stroke patients of KLINIKA"]
        sme = session.get_one(Sme, desk.firms["Klinika"].id)
        profiles.update(session, "me", sme, data.model_copy(update={"needs": needs}))
    onlookers.read_texts(desk.database, desk.encoder)

    result = desk.look("an exercise game for stroke patients")

    assert "klinika" not in str(result).lower()
    assert result["onlookers"][0]["they_need"]["need"] == "[name] wants an exercise game for stroke patients of [name]"


def test_two_workers_find_the_same_and_the_second_writes_nothing(desk: Desk):
    first = desk.look("an exercise game for stroke patients")
    onlookers._field = None
    again = desk.look("an exercise game for stroke patients")
    assert again == first
    draft = desk.ask("an exercise game")
    assert onlookers.look(desk.database, draft.id, desk.encoder) is True
    assert onlookers.look(desk.database, draft.id, desk.encoder) is False
    assert onlookers.look(desk.database, 99_999, desk.encoder) is False


def test_an_answer_to_what_was_typed_before_is_dropped(desk: Desk):
    old = desk.ask("an exercise game")
    new = desk.ask("paper labels")
    with desk.database.write() as session:
        assert drafts.answer(session, old, {"onlookers": [], "unread": 0}) is False
        assert drafts.answer(session, new, {"onlookers": [], "unread": 0}) is True
        assert drafts.answer(session, new, {"failed": "late"}) is False


def test_an_answer_to_a_draft_that_is_gone_reaches_no_other_brokers_draft(desk: Desk):
    old = desk.ask("an old text")
    with desk.database.write() as session:
        session.connection().execute(delete(Draft))
        desk.account = make_account(session, city="rome")
    desk.ask("what another broker types")
    with desk.database.write() as session:
        assert drafts.answer(session, old, {"onlookers": [], "unread": 0}) is False
        assert session.exec(select(Draft)).one().result is None


def test_only_texts_that_are_new_are_encoded_and_each_by_itself(desk: Desk):
    desk.encoder.encoded.clear()
    desk.look("an exercise game", "paper labels")
    assert desk.encoder.encoded == ["an exercise game", "paper labels"]
    desk.look("an exercise game", "paper labels for wine")
    assert desk.encoder.encoded == ["an exercise game", "paper labels", "paper labels for wine"]


def test_who_pauses_withdraws_or_is_known_is_seen_no_more(desk: Desk):
    offer = "an exercise game for stroke patients"
    assert desk.cities(offer)[0] == "pilsen"
    with desk.database.write() as session:
        lifecycle.move(session, "me", session.get_one(Sme, desk.firms["Klinika"].id), Step.PAUSE)
    assert set(desk.cities(offer)) == {"lisbon", "linz"}
    with desk.database.write() as session:
        profiles.withdraw_consent(session, session.get_one(Sme, desk.firms["Vinho"].id), [Purpose.MATCHING], "me")
    assert desk.cities(offer) == ["linz"]
    with desk.database.write() as session:
        a_id, b_id = sorted((desk.sme.id, desk.firms["Busse"].id))
        session.add(PastPartner(a_id=a_id, b_id=b_id, source="test"))
    assert desk.cities(offer) == []


def test_whoever_said_never_is_not_shown(desk: Desk):
    with desk.database.write() as session:
        event = make_event(session)
        said = {"event_id": event.id, "sme_id": desk.firms["Klinika"].id, "partner_id": desk.sme.id}
        session.add(Interest(**said, answer=Answer.NEVER, answered_at=now(session), first_at=now(session)))
    assert "pilsen" not in desk.cities("an exercise game for stroke patients")


def test_a_firm_whose_texts_nobody_read_yet_is_counted_and_read_in_the_background(desk: Desk):
    with desk.database.write() as session:
        make_sme(session, "New", city="vilnius", sector="education", needs=["a wooden abacus for pupils"])
    desk.wakes.clear()

    result = desk.look("a wooden abacus for pupils")

    assert result["unread"] == 1
    assert "vilnius" not in {row["city"] for row in result["onlookers"]}
    assert ("drafts.read_texts", None) in desk.wakes
    assert onlookers.read_texts(desk.database, desk.encoder) == 1
    result = desk.look("a wooden abacus for pupils")
    assert (result["unread"], "vilnius" in {row["city"] for row in result["onlookers"]}) == (0, True)


@pytest.mark.parametrize("model", [f"{FINGERPRINT}/other/1", "another-model/fp32/1"])
def test_vectors_of_another_model_are_not_compared(desk: Desk, model: str):
    desk.look("an exercise game")
    desk.encoder = NotingEncoder(desk.encoder.inner, model)

    result = desk.look("an exercise game for stroke patients")

    assert (result["onlookers"], result["unread"]) == ([], 6)
    onlookers.read_texts(desk.database, desk.encoder)
    with desk.database.read() as session:
        assert {row.model for row in session.exec(select(Embedding))} == {model}
    assert desk.cities("an exercise game for stroke patients")[0] == "pilsen"


def test_a_fault_is_told_in_the_row_and_not_tried_for_ever(desk: Desk, caplog: pytest.LogCaptureFixture):
    class Broken(NotingEncoder):
        def encode(self, texts: Sequence[str], progress: Any = None) -> NDArray[np.float32]:
            raise RuntimeError("no memory")

    draft = desk.ask("something that nobody has encoded yet")
    assert onlookers.look(desk.database, draft.id, Broken(desk.encoder.inner))
    with desk.database.read() as session:
        assert session.get_one(Draft, draft.id).result == {"failed": "RuntimeError"}
        assert drafts.view(session, desk.account, desk.sme).state == "failed"
    assert "could not be looked at" in caplog.text


def test_a_draft_is_one_row_that_the_sweep_wakes_and_drops(desk: Desk):
    first, second = desk.ask("one offer of ours"), desk.ask("another offer of ours")
    assert (first.id, second.turn) == (second.id, first.turn + 1)
    desk.wakes.clear()

    def sweep(age: timedelta) -> list[Wake]:
        with desk.database.write() as session:
            for draft in session.exec(select(Draft)):
                draft.asked_at = now(session) - age
            session.flush()
            drafts.sweep(session)
        woken, desk.wakes[:] = list(desk.wakes), []
        return woken

    assert sweep(timedelta(seconds=5)) == []
    assert sweep(timedelta(minutes=1)) == [("drafts.look", first.id)]
    assert sweep(timedelta(minutes=10)) == []
    assert sweep(timedelta(minutes=61)) == []
    with desk.database.read() as session:
        assert session.exec(select(Draft)).all() == []
        assert drafts.view(session, desk.account, desk.sme).state == "none"


def test_the_page_is_told_how_long_it_takes(desk: Desk, session: Session):
    desk.ask("one offer of ours")
    draft = session.exec(select(Draft)).one()
    states = []
    for age in (0, 30, 400):
        draft.asked_at = now(session) - timedelta(seconds=age)
        session.flush()
        states.append(drafts.view(session, desk.account, desk.sme).state)
    assert states == ["waiting", "slow", "given_up"]

"""From registered SMEs to approved shortlists: frozen, repeatable, cancellable, and never half done."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlmodel import col, select

import matching
from broker.config import Settings
from broker.db import Database, now
from broker.domain import embeddings, runs, shortlists
from broker.domain.approvals import approve
from broker.domain.embeddings import TextEncoder
from broker.domain.shortlists.gather import digest
from broker.domain.shortlists.keep import keep
from broker.models import (
    Answer,
    Consent,
    Embedding,
    Event,
    Interest,
    Introduction,
    Match,
    MatchRun,
    PairRule,
    PastPartner,
    Purpose,
    RunStatus,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
    Sme,
    SmeStatus,
    Statement,
)
from matching import background
from matching.bundled_model import FINGERPRINT
from tests.factories import make_event, make_sme, register

SETTINGS = Settings(secret_key="a secret of this test only, long enough")
FIRMS = [
    ("Reha Spiel", "berlin", "games", "games that make arm exercises fun", "a clinic with patients for a pilot study"),
    ("Klinika", "pilsen", "health", "a clinic with stroke patients for pilot studies", "a game for arm exercises"),
    ("Bottega Suono", "rome", "music", "warning sounds for quiet vehicles", "an electric bus to test sounds on"),
    ("Stille Busse", "linz", "mobility", "eleven silent electric buses for tests", "a warning sound for silent buses"),
    ("Papierhaus", "vilnius", "publishing", "drawn manuals for machines", "a factory whose manuals nobody reads"),
    ("Press Works", "birmingham", "manufacturing", "machines with long manuals", "manuals that people understand"),
    ("Vinho Verde", "lisbon", "food", "wine in need of a label", "a designer for bottle labels"),
    ("Tryckeri", "stockholm", "design", "labels and packaging for bottles", "a wine maker who dares a new label"),
]


class CountingEncoder:
    """The real encoder; remembers how many texts it was given."""

    def __init__(self, inner: TextEncoder, fingerprint: str | None = None) -> None:
        self.inner, self.texts = inner, 0
        self.fingerprint = fingerprint or inner.fingerprint

    def encode(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        self.texts += len(texts)
        return self.inner.encode(texts, progress)


@pytest.fixture
def counting(encoder: TextEncoder) -> CountingEncoder:
    return CountingEncoder(encoder)


@pytest.fixture
def event(database: Database) -> Event:
    with database.write() as session:
        event = make_event(session)
        for name, city, sector, offer, need in FIRMS:
            sme = make_sme(session, name, city=city, sector=sector, offers=[offer], needs=[need], description="")
            register(session, event, sme)
    return event


def build(database: Database, event: Event, encoder: TextEncoder, seed: int = 1) -> MatchRun:
    with database.write() as session:
        run = runs.request(session, "ann", event.id, seed)
    assert shortlists.build(database, run.id, owner="worker", encoder=encoder)
    with database.read() as session:
        return runs.get(session, run.id)


def partners(database: Database, run: MatchRun) -> dict[int, set[int]]:
    with database.read() as session:
        rows = session.exec(
            select(Shortlist.sme_id, ShortlistEntry.partner_id)
            .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
            .where(Shortlist.run_id == run.id)
        ).all()
    lists: dict[int, set[int]] = {}
    for sme_id, partner_id in rows:
        lists.setdefault(sme_id, set()).add(partner_id)
    return lists


def test_a_build_leaves_drafts_in_which_every_match_is_on_both_lists(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    run = build(database, event, counting)
    assert (run.status, run.error) == (RunStatus.DONE, "")
    lists = partners(database, run)
    assert all(3 <= len(of_sme) <= 5 for of_sme in lists.values())
    assert {(one, other) for one in lists for other in lists[one]} == {
        (other, one) for one in lists for other in lists[one]
    }
    with database.read() as session:
        assert {row.status for row in session.exec(select(Shortlist))} == {ShortlistStatus.DRAFT}
        assert len(lists) == len(FIRMS)


def test_the_best_partner_is_the_one_whose_words_answer(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    run = build(database, event, counting)
    with database.read() as session:
        names = {sme.id: sme.name for sme in session.exec(select(Sme))}
        best = {
            names[row.sme_id]: names[row.partner_id]
            for row in session.exec(
                select(Shortlist.sme_id, ShortlistEntry.partner_id)
                .join(ShortlistEntry, col(ShortlistEntry.shortlist_id) == Shortlist.id)
                .where(Shortlist.run_id == run.id, ShortlistEntry.rank == 1)
            )
        }
        match = session.exec(select(Match).order_by(col(Match.strength).desc())).first()
    assert best["Reha Spiel"] == "Klinika"
    assert best["Klinika"] == "Reha Spiel"
    assert best["Tryckeri"] == "Vinho Verde"
    assert best["Stille Busse"] == "Bottega Suono"
    assert match is not None
    statements = {text for firm in FIRMS for text in firm[3:]}
    for side in ("a_to_b", "b_to_a"):
        assert {match.evidence[side]["need"], match.evidence[side]["offer"]} <= statements


def test_the_same_inputs_and_seed_give_the_same_result_and_encode_nothing_again(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    first = build(database, event, counting)
    encoded = counting.texts
    second = build(database, event, counting)
    assert second.result_hash == first.result_hash
    assert second.frozen == first.frozen
    assert (encoded > 0, counting.texts) == (True, encoded)


def test_a_run_freezes_which_background_it_compared_against(
    database: Database, event: Event, encoder: TextEncoder
) -> None:
    shipped = background.load(FINGERPRINT)
    assert shipped is not None
    assert build(database, event, CountingEncoder(encoder)).frozen["background"] == background.digest(shipped)
    other = CountingEncoder(encoder, "another model/fp32/1")
    assert build(database, event, other).frozen["background"] == "the cohort's own"


def test_only_what_changed_is_encoded_again(database: Database, event: Event, counting: CountingEncoder) -> None:
    before = build(database, event, counting)
    encoded = counting.texts
    with database.write() as session:
        statement = session.exec(select(Statement)).first()
        assert statement is not None
        statement.text = "a new offer nobody made before"
    after = build(database, event, counting)
    assert counting.texts - encoded == 1
    assert after.frozen["inputs"] != before.frozen["inputs"]
    with database.read() as session:
        hashes = set(session.exec(select(Embedding.text_hash)))
        texts = set(session.exec(select(Statement.text)))
    assert hashes == {embeddings.text_hash(text) for text in texts}


def test_another_model_encodes_everything_and_keeps_no_vector_of_the_old_one(
    database: Database, event: Event, encoder: TextEncoder
) -> None:
    build(database, event, CountingEncoder(encoder))
    other = CountingEncoder(encoder, fingerprint="another model")
    run = build(database, event, other)
    with database.read() as session:
        vectors = session.exec(select(Embedding)).all()
    assert {row.model for row in vectors} == {"another model"}
    assert other.texts == len({row.text_hash for row in vectors})
    assert run.model == "another model"


def test_a_new_build_replaces_the_drafts_of_the_last(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    build(database, event, counting)
    second = build(database, event, counting)
    with database.read() as session:
        assert set(session.exec(select(Shortlist.run_id))) == {second.id}


def test_a_run_cancelled_midway_leaves_the_earlier_drafts_alone(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    first = build(database, event, counting)
    with database.write() as session:
        run = runs.request(session, "ann", event.id)

    def cancel_at_selection(stage: str, done: int, total: int) -> None:
        if stage == "selection":
            with database.write() as session:
                if not runs.get(session, run.id).cancel_requested:
                    runs.cancel(session, "ann", run.id)

    assert shortlists.build(database, run.id, owner="w", encoder=counting, progress=cancel_at_selection)
    with database.read() as session:
        assert runs.get(session, run.id).status == RunStatus.CANCELLED
        assert set(session.exec(select(Shortlist.run_id))) == {first.id}


def test_a_fault_ends_the_run_with_a_reason_and_no_half_shortlists(
    database: Database, event: Event, encoder: TextEncoder
) -> None:
    class Broken(CountingEncoder):
        def encode(self, *_: object, **__: object) -> NDArray[np.float32]:
            raise MemoryError

    run = build(database, event, Broken(encoder))
    assert run.status == RunStatus.FAILED
    assert run.error == "An unexpected fault stopped it (MemoryError). It is in the log."
    with database.read() as session:
        assert session.exec(select(Shortlist)).all() == []


def test_a_second_worker_leaves_a_claimed_run_alone(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    with database.write() as session:
        run = runs.request(session, "ann", event.id)
        runs.claim(session, run.id, "first")
    assert not shortlists.build(database, run.id, owner="second", encoder=counting)


def test_a_worker_that_lost_its_run_writes_nothing(database: Database, event: Event, counting: CountingEncoder) -> None:
    with database.write() as session:
        run = runs.request(session, "ann", event.id)

    def lose(stage: str, done: int, total: int) -> None:
        if stage == "saving":
            with database.write() as session:
                session.get_one(MatchRun, run.id).owner = "another"

    shortlists.build(database, run.id, owner="w", encoder=counting, progress=lose)
    with database.read() as session:
        assert (runs.get(session, run.id).status, runs.get(session, run.id).owner) == (RunStatus.RUNNING, "another")
        assert session.exec(select(Shortlist)).all() == []


def test_who_did_not_agree_or_is_paused_is_in_no_list(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    with database.write() as session:
        smes = session.exec(select(Sme).order_by(col(Sme.id))).all()
        smes[0].status = SmeStatus.PAUSED
        consent = session.exec(
            select(Consent).where(Consent.sme_id == smes[1].id, Consent.purpose == Purpose.MATCHING)
        ).one()
        session.delete(consent)
        left_out = {smes[0].id, smes[1].id}
    lists = partners(database, build(database, event, counting))
    assert not left_out & (lists.keys() | set().union(*lists.values()))


def test_banned_known_and_refused_pairs_are_not_built_and_pins_are(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    with database.write() as session:
        ids = list(session.exec(select(Sme.id).order_by(col(Sme.id))))
        session.add(PairRule(event_id=event.id, a_id=ids[0], b_id=ids[1], kind="ban"))
        session.add(PairRule(event_id=event.id, a_id=ids[0], b_id=ids[4], kind="pin"))
        session.add(PastPartner(a_id=ids[2], b_id=ids[3], source="test"))
        session.add(
            Interest(
                event_id=event.id,
                sme_id=ids[7],
                partner_id=ids[6],
                answer=Answer.NEVER,
                answered_at=event.created_at,
            )
        )
    lists = partners(database, build(database, event, counting))
    for one, other in ((0, 1), (2, 3), (6, 7)):
        assert ids[other] not in lists[ids[one]]
    assert ids[4] in lists[ids[0]]
    with database.read() as session:
        frozen = session.exec(select(MatchRun.frozen)).one()["pairs"]
    assert frozen == {
        "pin": [[ids[0], ids[4]]],
        "ban": [[ids[0], ids[1]]],
        "wanted": [],
        "never": [[ids[6], ids[7]]],
        "known": [],
        "met": [[ids[2], ids[3]]],
    }


def test_a_policy_of_the_event_is_obeyed(database: Database, event: Event, counting: CountingEncoder) -> None:
    with database.write() as session:
        session.get_one(Event, event.id).policy = {"min_partners": 1, "max_partners": 1, "min_other_city": 1}
    lists = partners(database, build(database, event, counting))
    assert [len(of_sme) for of_sme in lists.values()] == [1] * len(FIRMS)


def test_free_words_for_a_sector_find_the_nearest_to_be_confirmed(
    database: Database, counting: CountingEncoder
) -> None:
    words = {"Krankenpflege und Reha": "health", "studio gier wideo": "games", "wind turbines": "clean-energy"}
    with database.write() as session:
        for text in words:
            make_sme(session, text, sector=None, sector_words=text)
    assert shortlists.resolve_sectors(database, counting) == 3
    with database.read() as session:
        smes = session.exec(select(Sme)).all()
    assert {sme.sector_words: sme.sector_code for sme in smes} == words
    assert not any(sme.sector_confirmed for sme in smes)
    assert shortlists.resolve_sectors(database, counting) == 0


def test_a_new_build_keeps_those_together_of_whom_one_said_yes(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    with database.write() as session:
        session.get_one(Event, event.id).policy = {"min_partners": 1, "max_partners": 1, "min_other_city": 1}
        ids = list(session.exec(select(Sme.id).order_by(col(Sme.id))))
        for sme_id, partner_id, answer in (
            (ids[0], ids[5], Answer.INTERESTED),
            (ids[2], ids[4], Answer.INTERESTED),
            (ids[4], ids[2], Answer.NOT_NOW),
        ):
            session.add(
                Interest(
                    event_id=event.id,
                    sme_id=sme_id,
                    partner_id=partner_id,
                    answer=answer,
                    answered_at=event.created_at,
                )
            )
    lists = partners(database, build(database, event, counting))
    assert lists[ids[0]] == {ids[5]}
    assert lists[ids[2]] != {ids[4]}


def test_who_was_introduced_at_another_event_is_not_matched_again(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    with database.write() as session:
        ids = list(session.exec(select(Sme.id).order_by(col(Sme.id))))
        other = make_event(session)
        session.add(Introduction(event_id=other.id, a_id=ids[0], b_id=ids[1], made_at=event.created_at))
    assert ids[1] not in partners(database, build(database, event, counting))[ids[0]]


def test_history_is_who_worked_together_or_met_also_outside_the_event(database: Database, event: Event) -> None:
    with database.write() as session:
        ids = list(session.exec(select(Sme.id).order_by(col(Sme.id))))
        absent = make_sme(session, "Not at this event").id
        ago = now(session) - timedelta(days=40)
        past = make_event(session, starts_at=ago, ends_at=ago + timedelta(days=1), answers_until=ago)
        coming = make_event(session)
        for a_id, b_id in ((ids[0], absent), (ids[1], absent)):
            session.add(PastPartner(a_id=a_id, b_id=b_id, source="test"))
        for at, a_id, b_id in ((past, ids[2], ids[3]), (coming, ids[2], ids[4]), (event, ids[2], ids[5])):
            session.add(Introduction(event_id=at.id, a_id=a_id, b_id=b_id, made_at=at.created_at))
        for at, partner, answer in ((event, ids[6], Answer.KNOWN), (past, ids[5], Answer.NOT_NOW)):
            session.add(
                Interest(event_id=at.id, sme_id=ids[7], partner_id=partner, answer=answer, answered_at=at.created_at)
            )

    with database.read() as session:
        cohort = shortlists.gather(session, event.id).cohort

    pairs = [(ids[0], absent), (ids[1], absent), (ids[2], ids[3])]
    assert cohort.history == {matching.pair(str(a), str(b)) for a, b in pairs}
    assert cohort.known == {matching.pair(str(ids[2]), str(ids[4])), matching.pair(str(ids[7]), str(ids[6]))}
    assert str(absent) not in {profile.id for profile in cohort.profiles}


def test_partners_both_had_speak_for_a_pair_and_are_among_the_frozen_inputs(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    before = build(database, event, counting)
    with database.write() as session:
        ids = list(session.exec(select(Sme.id).order_by(col(Sme.id))))
        absent = make_sme(session, "Not at this event").id
        for a_id in (ids[0], ids[1]):
            session.add(PastPartner(a_id=a_id, b_id=absent, source="test"))
        gathered = shortlists.gather(session, event.id)
    after = build(database, event, counting)

    assert after.frozen["inputs"] == digest(gathered) != before.frozen["inputs"]
    with database.read() as session:
        found = session.exec(select(Match).where(Match.a_id == ids[0], Match.b_id == ids[1])).all()
    plain, shared = sorted(found, key=lambda match: match.run_id)
    assert "history" not in plain.evidence["shares"]
    assert shared.criteria["history"] == 1
    assert shared.evidence["shares"]["history"] == pytest.approx(0.1 / 1.1, abs=1e-4)
    for match in found:
        assert sum(match.evidence["shares"].values()) == pytest.approx(match.strength, abs=1e-4)


def test_rings_relaxations_and_advice_are_kept_with_the_run(database: Database, event: Event) -> None:
    quote = matching.Evidence("a clinic", "two clinics", "good", 0.6, "offer")
    short = matching.Shortfall({"partners": 1}, "full", "all lists are full", "allow 6", {}, "With English 14 more.")
    with database.write() as session:
        one, two, three = (str(sme_id) for sme_id in session.exec(select(Sme.id).order_by(col(Sme.id)).limit(3)))
        result = matching.Result(
            matches=(),
            lists={one: ()},
            short={one: short},
            gap=0.0,
            refused={},
            rings=(matching.Ring((one, two, three), (quote, None, None)),),
            relaxations=("allow one partner from Rome's own city for 3 SMEs",),
        )
        run = runs.request(session, "ann", event.id)
        keep(session, run, result, "model", {})
    with database.read() as session:
        assert runs.get(session, run.id).report == {
            "rings": [{"members": [one, two, three], "evidence": [asdict(quote), None, None]}],
            "relaxations": ["allow one partner from Rome's own city for 3 SMEs"],
        }
        assert session.exec(select(Shortlist.shortfall)).one()["advice"] == "With English 14 more."


def test_learned_weights_are_used_and_frozen(
    database: Database, event: Event, counting: CountingEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "learned.toml"
    path.write_text("[weights]\nfit = 1.0\ncloseness = 0.0\n")
    database.settings.weights = str(path)

    run = build(database, event, counting)

    assert run.frozen["weights"] == asdict(matching.Weights(fit=1, closeness=0))
    with database.read() as session:
        assert {match.evidence["shares"]["closeness"] for match in session.exec(select(Match))} == {0}


def test_a_wrong_file_of_weights_fails_the_run_with_one_line(
    database: Database, event: Event, counting: CountingEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "learned.toml"
    path.write_text("[weights]\nfitt = 1.0\n")
    database.settings.weights = str(path)

    run = build(database, event, counting)

    assert run.status == RunStatus.FAILED
    assert run.error.startswith(f"BROKER_WEIGHTS: {path}: unknown setting 'fitt'; expected one of fit, ")
    assert counting.texts == 0


def test_drafts_approved_while_a_new_build_saves_are_kept(
    database: Database, event: Event, counting: CountingEncoder
) -> None:
    """The build replaces drafts; those that somebody approves at that moment are none any more."""
    first = build(database, event, counting)
    with database.write() as session:
        run = runs.request(session, "ann", event.id)
    approving = threading.Event()

    def approve_slowly() -> None:
        with database.write() as session:
            approve(session, SETTINGS, "ann", event.id)
            approving.set()
            time.sleep(0.5)  # long enough for the build to come to the rows this transaction holds

    def approve_at_saving(stage: str, done: int, total: int) -> None:
        if stage == "saving" and not approving.is_set():
            thread.start()
            approving.wait()

    thread = threading.Thread(target=approve_slowly)
    shortlists.build(database, run.id, owner="w", encoder=counting, progress=approve_at_saving)
    thread.join()
    with database.read() as session:
        statuses = {row.run_id: row.status for row in session.exec(select(Shortlist))}
    assert statuses == {first.id: ShortlistStatus.APPROVED, run.id: ShortlistStatus.DRAFT}

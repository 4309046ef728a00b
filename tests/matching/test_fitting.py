from dataclasses import asdict, replace
from itertools import permutations

import numpy as np
import pytest

from matching.combination import Weights, assess
from matching.engine import situation_of
from matching.evaluation import Task, evaluate, task_of
from matching.fitting import Fitted, Labels, criteria_of, fit_answers, fit_partners, likeness, strengths
from matching.pairs import pairs_from
from matching.profile import Cohort, Pair, Policy, Profile
from matching.ranking import RankingWeights, statements_of
from matching.tables import InputError, Table

from .conftest import THEMES, embed, profile, vectors_of

SHIPPED = Weights()
NAMES = list(SHIPPED.shares())
RANDOM = np.random.default_rng(11)
PEOPLE = tuple(
    profile(
        f"{i:02d}",
        country=("DE", "SE", "IT", "PL")[RANDOM.integers(4)],
        group=("creative", "growth")[RANDOM.integers(2)],
        offers=(f"{THEMES[RANDOM.integers(6)]} by hand",),
        needs=(f"somebody with a {THEMES[RANDOM.integers(6)]}",),
        languages=frozenset({"en", *RANDOM.choice(["de", "sv", "it", "pl"], 2)}),
        markets=frozenset(RANDOM.choice(["DE", "SE", "IT", "PL"], 2)),
        readiness=int(RANDOM.integers(1, 6)),
        description=f"We make the {THEMES[RANDOM.integers(6)]} and {i} more things.",
    )
    for i in range(30)
)
VECTORS = vectors_of(PEOPLE)
EVERY = list(permutations(range(len(PEOPLE)), 2))
CRITERIA = criteria_of(situation_of(Cohort(PEOPLE), VECTORS, Policy(), SHIPPED), np.array(EVERY))


def answered(planted: dict[str, float], steepness: float, each: int) -> dict[Pair, bool]:
    """`each` answers of every SME: likelier yes the better the pair is by the planted weights."""
    random = np.random.default_rng(1)
    strength = CRITERIA @ [planted.get(name, 0.0) for name in NAMES]
    yes = random.random(len(EVERY)) < 1 / (1 + np.exp(-steepness * (strength - np.median(strength)) / strength.std()))
    shown = np.argsort(random.random((len(PEOPLE), len(PEOPLE) - 1)), axis=1) < each
    return {
        (PEOPLE[a].id, PEOPLE[b].id): bool(answer)
        for (a, b), answer, chosen in zip(EVERY, yes, shown.ravel(), strict=True)
        if chosen
    }


def fitted(answers: dict[Pair, bool], people: tuple[Profile, ...] = PEOPLE, weights: Weights = SHIPPED):  # type: ignore[no-untyped-def]
    return fit_answers(people, answers, VECTORS, Policy(), weights, frozenset(), seed=1)


def test_answers_that_go_by_markets_raise_their_weight() -> None:
    found = fitted(answered({"markets": 0.6, "readiness": 0.4}, 4.0, each=8))
    assert found.objections == []
    assert found.weights == found.learned
    assert found.learned["markets"] > 2 * SHIPPED.markets
    assert found.learned["readiness"] > 2 * SHIPPED.readiness
    assert min(found.learned.values()) >= 0
    assert sum(found.learned.values()) == pytest.approx(sum(found.prior.values()), abs=1e-3)
    assert found.over_shipped["auc"]["low"] > 0
    assert found.over_tfidf["auc"]["low"] > 0
    assert (found.seen.labels, found.seen.queries) == (240, 30)
    assert found.verdict.startswith("the learned weights are used; cross-validated lead over the shipped ones: auc +0.")


def test_where_learning_hurts_the_shipped_weights_stay_and_it_is_said() -> None:
    found = fitted(answered(asdict(SHIPPED), 1.0, each=5))
    assert found.over_shipped["auc"]["mean"] < 0
    assert found.learned != found.prior
    assert found.weights == found.prior == {name: getattr(SHIPPED, name) for name in NAMES}
    assert found.verdict.startswith("the shipped weights stay: the learned ones are worse at auc than the shipped")
    assert "\n" not in found.verdict
    assert found.record()["used"] == "shipped"


def test_shipped_weights_that_are_worse_than_tf_idf_are_said_to_be() -> None:
    asked = [(PEOPLE[a].id, PEOPLE[b].id) for a, b in EVERY if (a + b) % 3 == 0]
    alike = likeness(PEOPLE, np.array([(int(a), int(b)) for a, b in asked]))
    found = fitted(dict(zip(asked, (alike > np.median(alike)).tolist(), strict=True)))
    assert found.shipped_over_tfidf["auc"]["mean"] < 0
    assert found.weights == found.prior
    assert "The shipped weights themselves are worse at auc than TF-IDF (-0." in found.verdict


def test_the_order_of_profiles_and_answers_changes_nothing() -> None:
    answers = answered({"markets": 1.0}, 2.0, each=4)
    assert fitted(answers) == fitted(dict(reversed(answers.items())), people=PEOPLE[::-1])


def test_the_settled_criteria_sum_to_the_strength() -> None:
    portions = list(SHIPPED.shares().values())
    assert CRITERIA.min() >= 0
    assert CRITERIA.max() <= 1
    doubled = replace(SHIPPED, unknown=0.9)
    silent = (*PEOPLE[:2], replace(PEOPLE[2], readiness=None))
    found = criteria_of(situation_of(Cohort(silent), VECTORS, Policy(), doubled), np.array([(0, 1), (0, 2)]))
    assert found[1, NAMES.index("readiness")] == pytest.approx(0.9)
    assert 0 < (found @ portions).max() < 1


def test_learned_weights_are_judged_by_the_strength_the_engine_would_give() -> None:
    history = frozenset({(PEOPLE[0].id, "elsewhere"), (PEOPLE[1].id, "elsewhere")})
    weights = replace(SHIPPED, history=0.5)
    situation = situation_of(Cohort(PEOPLE, history=history), VECTORS, Policy(), weights)
    sides = np.array([(0, 1), (0, 2), (3, 4)])
    features = criteria_of(situation, sides)
    given = np.array([getattr(weights, name) for name in weights.shares(history=True)])
    asked = pairs_from(*sides.T, len(PEOPLE))
    assert features[0, -1] > 0
    assert strengths(features, given) == pytest.approx(assess(situation, asked).strength, abs=1e-5)
    assert strengths(features, np.tile(given, (3, 1))) == pytest.approx(strengths(features, given))


def test_weights_that_leave_nothing_but_history_are_not_used() -> None:
    lead = {"auc": {"mean": 0.1, "low": 0.0, "high": 0.2}}
    nothing = {**dict.fromkeys(NAMES, 0.0), "history": 1.0}
    found = Fitted(Labels(20, 20, 20), {"fit": 1.0}, nothing, {}, lead, lead, lead, lead)
    assert found.weights == {"fit": 1.0}
    assert found.verdict.startswith("the shipped weights stay: the learned ones are worse at the rest: nothing but")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "too little to learn from: 0 labels, at least 20 are needed"),
        ({(p.id, "00"): True for p in PEOPLE[1:]}, "all answers are the same"),
        ({("00", p.id): p.id < "09" for p in PEOPLE[1:]}, "labels of 1 SMEs, at least 5 are needed"),
    ],
)
def test_too_little_to_learn_from_is_told(answers: dict[Pair, bool], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fitted(answers)


TABLE = Table(PEOPLE, {p.id: float(int(p.id) % 4) for p in PEOPLE})
HISTORY = frozenset((p.id, f"x{int(p.id) % 7}") for p in PEOPLE)
STATEMENTS = {text: embed(text) for p in PEOPLE for text in statements_of(p)}


def partners_by_attention() -> dict[str, frozenset[str]]:
    """Everyone teamed up with two of the busiest."""
    busiest = [p.id for p in PEOPLE if TABLE.activity[p.id] == 3]
    return {p.id: frozenset([b for b in busiest if b != p.id][i % 5 : i % 5 + 2]) for i, p in enumerate(PEOPLE)}


def task() -> Task:
    return task_of(TABLE, partners_by_attention(), HISTORY, STATEMENTS, None, 1)


def test_partnerships_that_follow_attention_raise_its_weight() -> None:
    found = fit_partners(task(), RankingWeights())
    assert found.objections == []
    assert found.learned["attention"] > 2 * RankingWeights().attention
    assert (found.seen.labels, found.seen.queries, found.seen.rows) == (60, 30, 30 * 29)
    assert list(found.over_shipped) == ["hit@10", "recall@50", "mrr", "ndcg@10"]
    assert found.over_shipped["mrr"]["low"] > 0
    assert found.over_tfidf["mrr"]["low"] > 0


def test_what_the_file_says_of_the_set_is_what_evaluate_shows() -> None:
    found = fit_partners(task(), RankingWeights())
    weights = RankingWeights(**found.weights)
    shown = evaluate(TABLE, partners_by_attention(), HISTORY, STATEMENTS, None, 1, weights)
    rankers = shown["rankers"]
    assert isinstance(rankers, dict)
    assert list(rankers)[-2:] == ["matcher", "fitted"]
    assert shown["fitted_minus_tfidf"] == found.on_the_set_over_tfidf
    for name in ("hit@10", "mrr"):
        assert rankers["matcher"][name]["mean"] == found.measured["shipped"][name]
    assert shown["fitted_weights"] == found.weights


def test_too_few_partners_among_the_candidates_are_told() -> None:
    few = replace(task(), true=[t[:0] for t in task().true[1:]] + [task().true[0]])
    with pytest.raises(InputError, match="2 labels, at least 20 are needed"):
        fit_partners(few, RankingWeights())

"""The readiness questionnaire and its rule."""

import pytest
from sqlmodel import Session, select

from broker.domain import readiness
from broker.domain.readiness import QUESTIONS, SCORED, level_of, outlook, points_of
from broker.models import AuditEntry
from tests.factories import make_sme

NONE = {question.code: "none" for question in SCORED}
SOME = {question.code: "some" for question in SCORED}
FULL = {question.code: "full" for question in SCORED}


def test_there_are_ten_questions_nine_of_which_earn_twenty_points():
    assert (len(QUESTIONS), len(SCORED), points_of(FULL)) == (10, 9, 20)


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({}, None),
        (dict(list(FULL.items())[:5]), None),
        (dict(list(FULL.items())[:6]), 4),
        (NONE, 1),
        (SOME, 3),
        (FULL, 5),
        (FULL | {"exports": "none"}, 3),
        (FULL | {"exports": "some"}, 4),
        (NONE | {"exports": "full"}, 2),
        (NONE | {"blocking": "money"}, 1),
        (FULL | {"exports": "nonsense"}, 3),
    ],
)
def test_the_level_follows_the_rule(answers: dict[str, str], level: int | None):
    assert level_of(answers) == level


def test_more_is_never_worth_less():
    answers = dict(NONE)
    levels = [level_of(answers)]
    for question in SCORED:
        for choice in question.choices[1:]:
            answers[question.code] = choice.code
            levels.append(level_of(answers))
    assert levels == sorted(levels)  # type: ignore[type-var]
    assert levels[-1] == 5


def test_what_would_raise_it_is_told_most_first():
    found = outlook(SOME | {"documents": "none"})
    assert (found.level, found.points, found.needs, found.unanswered) == (3, 9, 3, 0)
    assert [step.points for step in found.steps] == [2, 2, 1, 1, 1, 1, 1, 1, 1]
    assert outlook(FULL).steps == ()
    assert outlook(FULL | {"exports": "none"}).condition == "Level 4 also asks for a first sale abroad."
    assert outlook(FULL | {"exports": "some"}).condition == "Level 5 also asks for regular sales abroad."


def test_every_questionnaire_is_kept_and_the_newest_counts(session: Session):
    sme = make_sme(session)
    assert readiness.last(session, sme) is None
    readiness.record(session, "ann", sme, SOME | {"nonsense": "1"}, None, "not kept without a judgement")
    check = readiness.record(session, "bea", sme, FULL, 2, "they stopped")
    newest = readiness.last(session, sme)
    assert newest == check
    assert (check.level, check.override, check.reason, check.taken_by) == (5, 2, "they stopped", "bea")
    entries = session.exec(select(AuditEntry).where(AuditEntry.action == "readiness asked")).all()
    assert [entry.detail for entry in entries] == [{"level": 3}, {"level": 5, "override": 2}]

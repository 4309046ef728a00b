"""How ready an SME is for partners abroad: ten short questions a broker goes through with it, and the level they give.

The rule (docs/readiness.md): nine answers earn points, 20 at most; every four points are a level, from 1 to 5. Level 4
is for those who have sold abroad at least once, level 5 for those who do it regularly, whatever else they earned. With
fewer than six answers there is no level yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from broker.db import now
from broker.domain import audit
from broker.models import ReadinessCheck, Sme

POINTS_PER_LEVEL = 4
FEWEST_ANSWERS = 6
LEVELS = {
    1: "curious",
    2: "first ideas",
    3: "preparing",
    4: "first customers abroad",
    5: "already exporting",
}


class Choice(NamedTuple):
    """One possible answer and what it earns."""

    code: str
    words: str
    points: int = 0


class Question(NamedTuple):
    """One question; `raises` says what the SME would do to earn more. Without points it is only noted."""

    code: str
    words: str
    choices: tuple[Choice, ...]
    raises: str = ""


def _steps(none: str, some: str, full: str) -> tuple[Choice, ...]:
    return Choice("none", none, 0), Choice("some", some, 1), Choice("full", full, 2)


EXPORTS = "exports"
QUESTIONS = (
    Question(
        EXPORTS,
        "Has it sold to customers abroad so far?",
        (Choice("none", "not yet", 0), Choice("some", "once or twice", 2), Choice("full", "regularly", 4)),
        "win a first, then a regular customer abroad",
    ),
    Question(
        "market",
        "Does it know where it wants to go?",
        _steps("not yet", "it names a country", "it has spoken with customers there"),
        "name a country, and speak with three possible customers there",
    ),
    Question(
        "web",
        "In which languages is its website?",
        _steps("only its own", "also English", "English and the language of a target market"),
        "put the website into English, then into the language of the target market",
    ),
    Question(
        "documents",
        "Is its product or service described in English?",
        _steps("no", "in part", "all that a partner asks for"),
        "describe the product in English: two pages and a price list are enough to begin with",
    ),
    Question(
        "travel",
        "Who can travel to partners?",
        _steps("nobody at the moment", "the founder, now and then", "somebody with the time for it"),
        "name who travels, and keep four days a quarter free for it",
    ),
    Question(
        "partners",
        "Has it worked with partners abroad?",
        _steps("no", "in one project", "in several"),
        "try a small joint project with a partner abroad",
    ),
    Question(
        "capacity",
        "Could it serve a customer abroad in the next quarter?",
        _steps("no", "with some notice", "yes"),
        "plan who delivers when an order comes from abroad",
    ),
    Question(
        "rights",
        "Are contracts and rights (trade mark, design, patent, code) in order for abroad?",
        _steps("not thought of yet", "it knows what is to be done", "yes"),
        "have contracts and rights looked through for the target market",
    ),
    Question(
        "money",
        "Is there money for the first steps abroad?",
        _steps("no", "applied for", "yes"),
        "set a budget aside, or apply for export support",
    ),
    Question(
        "blocking",
        "What holds it back most?",
        (
            Choice("nothing", "nothing in particular"),
            Choice("time", "time"),
            Choice("money", "money"),
            Choice("language", "language"),
            Choice("contacts", "it knows nobody there"),
            Choice("law", "law, tax, customs"),
            Choice("product", "the product is not ready"),
        ),
    ),
)
SCORED = tuple(question for question in QUESTIONS if question.raises)
Answers = Mapping[str, str]
"""By the question's code, the code of the choice; an unanswered question is empty or absent."""


class Step(NamedTuple):
    """What would earn more points."""

    words: str
    points: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the answers come to, and what would raise it. `needs`: points to the next level; `steps`: most first."""

    level: int | None
    points: int
    unanswered: int
    needs: int
    condition: str
    steps: tuple[Step, ...]


def known(answers: Answers) -> dict[str, str]:
    """Those answers that are one of their question's choices; others are as if not given."""
    return {
        question.code: answers[question.code]
        for question in QUESTIONS
        if answers.get(question.code) in {choice.code for choice in question.choices}
    }


def level_of(answers: Answers) -> int | None:
    """The level by the rule; None while too few questions are answered."""
    given = known(answers)
    if sum(question.code in given for question in SCORED) < FEWEST_ANSWERS:
        return None
    most = {"none": 3, "some": 4, "full": 5}[given.get(EXPORTS, "none")]
    return min(1 + points_of(given) // POINTS_PER_LEVEL, most)


def points_of(answers: Answers) -> int:
    """What the answers earn together."""
    return sum(_points(question, answers) for question in SCORED)


def _points(question: Question, answers: Answers) -> int:
    return next((choice.points for choice in question.choices if choice.code == answers.get(question.code)), 0)


def outlook(answers: Answers) -> Outlook:
    """The level, and what would raise it."""
    given = known(answers)
    level, points = level_of(given), points_of(given)
    gains = [
        Step(question.raises, question.choices[-1].points - _points(question, given))
        for question in SCORED
        if question.code in given
    ]
    return Outlook(
        level=level,
        points=points,
        unanswered=sum(question.code not in given for question in SCORED),
        needs=max(0, (level or 0) * POINTS_PER_LEVEL - points) if level and level < 5 else 0,
        condition=_condition(level, given),
        steps=tuple(sorted((step for step in gains if step.points), key=lambda step: -step.points)),
    )


def _condition(level: int | None, answers: Answers) -> str:
    exported = answers.get(EXPORTS, "none")
    if level == 3 and exported == "none":
        return "Level 4 also asks for a first sale abroad."
    return "Level 5 also asks for regular sales abroad." if level == 4 and exported != "full" else ""


def last(session: Session, sme: Sme) -> ReadinessCheck | None:
    """The questionnaire as it was last answered."""
    newest = select(ReadinessCheck).where(ReadinessCheck.sme_id == sme.id).order_by(col(ReadinessCheck.id).desc())
    return session.exec(newest.limit(1)).first()


def record(
    session: Session, actor: str, sme: Sme, answers: Answers, override: int | None, reason: str
) -> ReadinessCheck:
    """Keep the answers with who gave them; what was answered before stays in the records."""
    given = known(answers)
    check = ReadinessCheck(
        sme_id=sme.id,
        answers=given,
        level=level_of(given),
        override=override,
        reason=reason if override else "",
        taken_at=now(session),
        taken_by=actor[:120],
    )
    session.add(check)
    session.flush()
    detail: dict[str, Any] = {"level": check.level} | ({"override": override} if override else {})
    audit.record(session, actor, "readiness asked", f"sme:{sme.id}", **detail)
    return check

"""An event's line of steps says where it stands, and of all there could be done it names one thing."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.queries import stages
from broker.domain.queries.tallies import Tally
from broker.models import EmailStatus, Event, MatchRun, RunStatus, ShortlistStatus

NOW = datetime(2030, 3, 1, tzinfo=UTC)
EVENT = Event(
    id=7,
    name="W",
    city_code="berlin",
    venue="Festsaal",
    starts_at=NOW + timedelta(days=20),
    ends_at=NOW + timedelta(days=21),
    answers_until=NOW + timedelta(days=19),
    created_at=NOW,
)
DRAFTS = Counter({ShortlistStatus.DRAFT: 90})
APPROVED = Counter({ShortlistStatus.APPROVED: 100})
AFTER = NOW + timedelta(days=19, minutes=1)


def tally(**values: object) -> Tally:
    nothing: dict[str, object] = {
        "registered": 0,
        "invited": Counter(),
        "lists": Counter(),
        "mails": Counter(),
        "answers": Counter(),
        "answered": 0,
        "introductions": 0,
        "planned": 0,
    }
    return Tally(**(nothing | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counted", "run", "moment", "here", "label"),
    [
        (tally(registered=1), None, NOW, "Register", "Say who takes part"),
        (tally(registered=2), None, NOW, "Build", "Build shortlists"),
        (tally(registered=2), RunStatus.FAILED, NOW, "Build", "Build shortlists"),
        (tally(registered=2), RunStatus.RUNNING, NOW, "Build", None),
        (tally(registered=90, lists=DRAFTS), RunStatus.DONE, NOW, "Review and approve", "Review the drafts"),
        (tally(registered=90, lists=DRAFTS + APPROVED), None, AFTER, "Review and approve", "Review the drafts"),
        (tally(lists=APPROVED, mails=Counter({EmailStatus.QUEUED: 3})), None, NOW, "Mails", None),
        (tally(lists=APPROVED, mails=Counter({EmailStatus.FAILED: 3})), None, NOW, "Mails", "Look at the mails"),
        (tally(lists=APPROVED, mails=Counter({EmailStatus.SENT: 3})), None, NOW, "Answers", "Plan a reminder"),
        (tally(lists=APPROVED, planned=2), None, NOW, "Answers", None),
        (tally(lists=APPROVED, planned=2), None, AFTER, "Meetings", "Take the match list along"),
    ],
)
def test_one_step_is_on_and_one_thing_is_next(
    counted: Tally, run: RunStatus | None, moment: datetime, here: str, label: str | None
) -> None:
    row = MatchRun(event_id=7, status=run, created_at=NOW) if run else None

    found = stages.line(EVENT, counted, row, moment)

    assert [step.name for step in found.steps if step.state == "now"] == [here]
    names = [step.name for step in found.steps]
    assert [step.state for step in found.steps[: names.index(here)]] == ["done"] * names.index(here)
    assert (found.action.label if found.action else None) == label
    assert bool(found.waiting) == (label is None)


def test_each_step_tells_how_far_it_is_and_where_it_is_done() -> None:
    counted = tally(
        registered=102,
        lists=APPROVED,
        mails=Counter({EmailStatus.SENT: 98, EmailStatus.QUEUED: 1, EmailStatus.HELD: 2}),
        answered=40,
        introductions=12,
    )
    assert [(step.name, step.told, step.path) for step in stages.line(EVENT, counted, None, NOW).steps] == [
        ("Set up", "Festsaal", "/events/7/edit"),
        ("Register", "102 registered", "/events/7/registrations"),
        ("Build", "built", "/events/7#shortlists"),
        ("Review and approve", "100 approved", "/events/7/shortlists?status=approved"),
        ("Mails", "98 sent, 1 waiting, 2 stuck", "/events/7/mailings"),
        ("Answers", "40 have answered", "/events/7#answers"),
        ("Meetings", "12 introduced", "/events/7#introductions"),
    ]

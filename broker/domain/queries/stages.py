"""Where an event stands: its line of steps, and the one thing to do next. Pure computation."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain import runs
from broker.domain.queries.tallies import Tally
from broker.models import EmailStatus, Event, MatchRun, RunStatus

TROUBLED = (EmailStatus.FAILED, EmailStatus.HELD)
WAITING = (EmailStatus.QUEUED, EmailStatus.SENDING)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how it is called, how far it is (done, now or later), in a few words, and where it is done."""

    name: str
    state: str
    told: str
    path: str


@dataclass(frozen=True, slots=True)
class NextAction:
    """The one thing to do next: why, on which button, and where it leads (`posts`: by a form of its own)."""

    why: str
    label: str
    path: str
    posts: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """All steps of an event and its next action; none where there is nothing to do but wait."""

    steps: list[Step]
    action: NextAction | None
    waiting: str = ""


def line(event: Event, tally: Tally, run: MatchRun | None, moment: datetime) -> Line:
    """The steps from set-up to the meetings as things stand at a moment."""
    here = _here(event, tally, run, moment)
    told = _told(event, tally, run, moment)
    order = list(told)
    steps = [
        Step(name, "done" if place < order.index(here) else "now" if name == here else "later", words, path)
        for place, (name, (words, path)) in enumerate(told.items())
    ]
    action, waiting = _next(here, event, tally, run, moment)
    return Line(steps, action, waiting)


def _here(event: Event, tally: Tally, run: MatchRun | None, moment: datetime) -> str:
    """The step that is on: a draft to review comes before what an earlier approval has set going."""
    if tally.drafts:
        return "Review and approve"
    if tally.approved:
        if moment > event.answers_until:
            return "Meetings"
        return "Mails" if any(tally.mails[status] for status in (*TROUBLED, *WAITING)) else "Answers"
    if tally.registered < 2:
        return "Register"
    return "Build"


def _told(event: Event, tally: Tally, run: MatchRun | None, moment: datetime) -> dict[str, tuple[str, str]]:
    at = f"/events/{event.id}"
    is_running = run is not None and run.status in runs.ACTIVE
    built = "being built" if is_running else "built" if tally.lists else "not yet"
    review = f"{tally.drafts} to review" if tally.drafts else f"{tally.approved} approved" if tally.approved else ""
    sent, waiting = tally.mails[EmailStatus.SENT], sum(tally.mails[status] for status in WAITING)
    troubled = sum(tally.mails[status] for status in TROUBLED)
    mails = [
        f"{sent} sent" if sent else "",
        f"{waiting} waiting" if waiting else "",
        f"{troubled} stuck" if troubled else "",
    ]
    over = "over" if moment > event.ends_at else ""
    met = f"{tally.introductions} introduced" if tally.introductions else over
    return {
        "Set up": (event.venue or "no venue yet", f"{at}/edit"),
        "Register": (f"{tally.registered} registered", f"{at}/registrations"),
        "Build": (built, f"{at}#shortlists"),
        "Review and approve": (review, f"{at}/shortlists" + ("" if tally.drafts else "?status=approved")),
        "Mails": (", ".join(filter(None, mails)) or ("planned" if tally.planned else ""), f"{at}/mailings"),
        "Answers": (f"{tally.answered} have answered" if tally.answered else "", f"{at}#answers"),
        "Meetings": (met, f"{at}#introductions"),
    }


def _next(
    here: str, event: Event, tally: Tally, run: MatchRun | None, moment: datetime
) -> tuple[NextAction | None, str]:
    """(what to do, what is waited for): one of the two."""
    at = f"/events/{event.id}"
    if run is not None and run.status in runs.ACTIVE:
        return None, "The shortlists are being built; this page shows how far it is."
    if here == "Register":
        return NextAction(
            "Nobody can be matched before two SMEs are registered.", "Say who takes part", f"{at}/registrations"
        ), ""
    if here == "Build":
        failed = run is not None and run.status == RunStatus.FAILED
        why = "The last build stopped; nothing is lost." if failed else "Nothing is sent before you approve it."
        return NextAction(why, "Build shortlists", f"{at}/runs", posts=True), ""
    if here == "Review and approve":
        return NextAction("Nobody sees a draft before you approve it.", "Review the drafts", f"{at}/shortlists"), ""
    if any(tally.mails[status] for status in TROUBLED) and here == "Mails":
        return NextAction("Some mails did not leave.", "Look at the mails", f"{at}/mail"), ""
    if here == "Mails":
        return None, "The mails are on their way. Answers appear below as they come."
    if here == "Answers" and not tally.planned:
        return NextAction("Some SMEs forget to answer.", "Plan a reminder", f"{at}/mailings"), ""
    if here == "Answers":
        return None, "The SMEs have their shortlists. Answers appear below as they come."
    return NextAction("The answers are in.", "Take the match list along", f"{at}#exports"), ""

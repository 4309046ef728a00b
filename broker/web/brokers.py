"""The broker's desk: the SMEs of a city, a new one, and each one's page with its steps from draft to published."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.db import now
from broker.domain import access, accounts, completeness, disclosure, lifecycle, profiles, readiness, reviews
from broker.domain.completeness import State
from broker.domain.lifecycle import Step
from broker.domain.queries import places, requests, smes
from broker.domain.queries.rings import Firm
from broker.domain.sections import Problem
from broker.errors import ConflictError, NotFoundError
from broker.models import Account, City, Sme, SmeStatus
from broker.web import profile_form, sme_profile
from broker.web.deps import CurrentBroker, FormDep, RowId, SessionDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/smes")
OWN_STEPS = {
    Step.ASK: "It waits for a second broker now. You see here what they decide.",
    Step.WITHDRAW: "It is a draft again.",
    Step.PUBLISH: "Published, for a year. A month before it ends you get a reminder.",
    Step.PAUSE: "Paused. It is on no new shortlist until you publish it again.",
    Step.RESUME: "Published again.",
    Step.RENEW: "Good. It is published for another year.",
}
"""What the broker of its own city may do with a profile, and what is said once it is done."""
NOT_PUBLISHED = {
    SmeStatus.DRAFT: "It is a draft: finish what is open, then ask for a review.",
    SmeStatus.IN_REVIEW: "It waits for a second broker again, as before its pause.",
    SmeStatus.REVIEWED: "It is reviewed, as before its pause. You can publish it.",
}
"""What else a profile is after a pause, or after a year."""


@router.get("/new")
def new_form(request: Request, session: SessionDep, account: CurrentBroker) -> Response:
    """A new SME: its name and city; all else is asked for in the task list."""
    return _new(request, session, account, {"name": "", "city_code": ""})


@router.post("/new")
def create(request: Request, session: SessionDep, account: CurrentBroker, form: FormDep) -> Response:
    """Write the SME and go on to its task list."""
    city = access.cities(account) or str(form.get("city_code", ""))
    fields = {"name": " ".join(str(form.get("name", "")).split()), "city_code": city}
    problems = [Problem(field, place, words) for field, place, words in profiles.problems(fields)]
    if session.get(City, city) is None:
        problems = [*(p for p in problems if p.field != "city_code"), Problem("city_code", None, "Choose one.")]
    if problems:
        return _new(request, session, account, fields, problems)
    if "is_another" not in form and (twins := profiles.namesakes(session, city, fields["name"])):
        words = "There is an SME of nearly this name. Look at it first; if it is another firm, tick that below."
        return _new(request, session, account, fields, [Problem("name", None, words)], twins)
    try:
        sme = profiles.create(session, accounts.actor(account), profiles.parse(**fields))
    except ConflictError as error:
        session.rollback()
        return _new(request, session, account, fields, [Problem("name", None, str(error))])
    return redirect(request, f"/smes/{sme.id}", f"{sme.name} is in. Now fill its profile, one section at a time.")


def _new(
    request: Request,
    session: Session,
    account: Account,
    fields: dict[str, str],
    problems: Sequence[Problem] = (),
    twins: Sequence[Sme] = (),
) -> Response:
    context = {
        "fields": fields,
        "twins": twins,
        "messages": profile_form.messages(problems),
        "errors": profile_form.errors(problems),
        "cities": places.cities(session) if access.cities(account) is None else [],
    }
    return render(request, "pages/sme_new.html", context, status=422 if problems else 200)


@router.get("/{sme_id}")
def sme_page(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """One SME: its profile as a task list, where it stands in its life, its shortlists and introductions."""
    sme = access.sme(session, account, sme_id)
    view = smes.sme_view(session, sme, disclosure.to_city(session, access.cities(account)))
    context = {
        "view": view,
        "tasks": completeness.tasks(view.facts),
        "percent": completeness.percent(view.facts),
        "titles": profile_form.TITLES,
        "levels": readiness.LEVELS,
        "check": readiness.last(session, sme),
        "review": reviews.last(session, sme),
        "lacking": [task.section for task in completeness.tasks(view.facts) if task.state is State.TO_FINISH],
        "may": {step.value for step in OWN_STEPS if lifecycle.may(sme, step)},
        "is_due": lifecycle.is_due(sme, now(session)),
        "requests": requests.of_sme(session, sme),
        "in_words": sme_profile.in_words,
        "labels": sme_profile.THEIRS,
        "ring_link": own_page(account),
    }
    return render(request, "pages/sme.html", context)


def own_page(account: Account) -> Callable[[Firm], str | None]:
    """Where to read an SME's profile, if it is one of the broker's city."""
    city = access.cities(account)
    return lambda sme: f"/smes/{sme.id}" if city in (None, sme.city_code) else None


@router.post("/{sme_id}/steps/{step}")
def take_step(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId, step: Step) -> Response:
    """Ask for a review or take that back, publish, pause, publish again, or say that all is still true."""
    sme = access.sme(session, account, sme_id, lock=True)
    if step not in OWN_STEPS:
        raise NotFoundError(access.GONE)
    if step is Step.ASK:
        reviews.ask(session, account, sme)
    elif step is Step.WITHDRAW:
        reviews.withdraw(session, account, sme)
    else:
        lifecycle.move(session, accounts.actor(account), sme, step)
    return redirect(request, f"/smes/{sme_id}", where_it_stands(sme, step))


def where_it_stands(sme: Sme, step: Step) -> str:
    """What is said after a step; a pause or a year may be over and the profile still not be published."""
    if step in (Step.RESUME, Step.RENEW) and sme.status in NOT_PUBLISHED:
        return NOT_PUBLISHED[sme.status]
    return OWN_STEPS[step]

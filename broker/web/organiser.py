"""The organiser's desk: events, registrations, building, reviewing and approving shortlists, exports."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import access, accounts, approvals, events, interests, mailings, reports, runs
from broker.domain.queries import events as event_queries
from broker.domain.queries import mailings as mailing_queries
from broker.domain.queries import places, shortlists
from broker.domain.queries.rings import rings_of_event
from broker.errors import InvalidError
from broker.models import Account, City, Event, MailingKind, RunStatus, ShortlistStatus
from broker.web import figures
from broker.web.deps import CurrentOrganiser, PageNumber, RowId, SessionDep, SettingsDep
from broker.web.pages import plural, redirect, render, when

router = APIRouter(prefix="/events")
STAGES = {
    "queued": "Waiting for a worker",
    "starting": "Starting",
    "sectors": "Reading the sectors",
    "loading the model": "Loading the language model",
    "reading the texts": "Reading the profiles",
    "shortfalls": "Looking what short lists lack",
    "saving": "Writing the shortlists",
}


@router.get("")
def event_list(request: Request, session: SessionDep, account: CurrentOrganiser) -> Response:
    """The organiser's events."""
    return _event_list(request, session, account)


@router.post("")
def create(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    name: Annotated[str, Form()] = "",
    city: Annotated[str, Form()] = "",
    venue: Annotated[str, Form()] = "",
    starts: Annotated[str, Form()] = "",
    ends: Annotated[str, Form()] = "",
) -> Response:
    """Create an event; times are those of its city."""
    filled = {"name": name.strip(), "city": city, "venue": venue.strip(), "starts": starts, "ends": ends}
    try:
        data = events.parse(**filled)
        event = events.create(session, accounts.actor(account), data, account.id)
    except InvalidError as error:
        return _event_list(request, session, account, filled=filled, problem=str(error))
    return redirect(request, f"/events/{event.id}", f"{event.name} is there. Next: register SMEs.")


def _event_list(
    request: Request,
    session: Session,
    account: Account,
    filled: dict[str, str] | None = None,
    problem: str = "",
) -> Response:
    context = {
        "rows": event_queries.event_list(session, account),
        "city_options": [(city.code, city.name) for city in places.cities(session)],
        "filled": filled or dict.fromkeys(("name", "city", "venue", "starts", "ends"), ""),
        "problem": problem,
    }
    return render(request, "pages/events.html", context, status=422 if problem else 200)


@router.get("/{event_id}")
def event_page(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """One event: who takes part, the shortlists, mail and answers, exports."""
    event = access.event(session, account, event_id)
    page = event_queries.event_page(session, event)
    plan = mailing_queries.plan_view(session, event)
    counted = shortlists.figures(session, event_id)
    context = {
        "page": page,
        "city": page.city,
        "event": event,
        "plan": plan,
        "filled": plan.fields,
        "answers_closed": not interests.can_answer(session, event),
        "figures": counted,
        "map": figures.city_map(counted) if counted else None,
        "matrix": figures.matrix(counted) if counted else None,
        "rings": rings_of_event(session, event_id),
        "ring_link": lambda sme: f"/events/{event_id}/shortlists/{sme.id}",
        **_progress(page.run),
    }
    return render(request, "pages/event.html", context)


@router.post("/{event_id}/registrations")
def register(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    city: Annotated[str, Form()] = "",
) -> Response:
    """Register every SME that can be, of one city or of all."""
    access.event(session, account, event_id)
    new = events.register(session, accounts.actor(account), event_id, events.can_register(session, city or None))
    named = session.get(City, city)
    whom = plural(new, "SME") + (f" of {named.name}" if named else "")
    return redirect(request, f"/events/{event_id}#registrations", f"{whom} registered.", "good" if new else "note")


@router.post("/{event_id}/runs")
def build(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """Ask a worker to build shortlists."""
    access.event(session, account, event_id)
    runs.request(session, accounts.actor(account), event_id)
    return redirect(request, f"/events/{event_id}#shortlists")


@router.get("/{event_id}/progress")
def progress(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """How far the run is; htmx asks every second and reloads the page at its end."""
    event = access.event(session, account, event_id)
    run = runs.latest(session, event_id)
    context = {"event": event, **_progress(run)}
    response = render(request, "partials/progress.html", context)
    if not context["running"] and "hx-request" in request.headers:
        response.headers["hx-refresh"] = "true"
    return response


def _progress(run: Any) -> dict[str, Any]:
    running = run is not None and run.status in runs.ACTIVE
    stage = run.stage if run is not None else ""
    return {"run": run, "running": running, "stage": STAGES.get(stage, stage.capitalize()), "RunStatus": RunStatus}


@router.post("/{event_id}/runs/{run_id}/cancel")
def cancel(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, run_id: RowId
) -> Response:
    """Stop a run; what was there before stays."""
    access.run(session, account, event_id, run_id)
    runs.cancel(session, accounts.actor(account), run_id)
    message = "The build is being stopped. Earlier shortlists stay as they are."
    return redirect(request, f"/events/{event_id}#shortlists", message, "note")


@router.get("/{event_id}/shortlists")
def review(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    status: Literal["draft", "approved"] = "draft",
    short: bool = False,
    page: PageNumber = 1,
) -> Response:
    """The shortlists, one row an SME."""
    event = access.event(session, account, event_id)
    lists = shortlists.list_page(session, event_id, ShortlistStatus(status), page=page, short_only=short)
    context = {
        "event": event,
        "city": session.get_one(City, event.city_code),
        "lists": lists,
        "filters": {"status": status, "short": "1" if short else ""},
        "approval": approvals.foretell(session, event_id),
        "mailing": mailings.by_kind(session, event_id).get(MailingKind.SHORTLIST),
    }
    return render(request, "pages/shortlists.html", context)


@router.get("/{event_id}/shortlists/{sme_id}")
def review_one(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, sme_id: RowId
) -> Response:
    """One SME's shortlist with its quoted reasons."""
    event = access.event(session, account, event_id)
    row = shortlists.one_list(session, event_id, sme_id)
    city = session.get_one(City, event.city_code)
    return render(request, "pages/shortlist.html", {"event": event, "city": city, "row": row})


@router.post("/{event_id}/approve")
def approve(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    run_id: Annotated[int, Form(ge=1, le=2**31 - 1)],
) -> Response:
    """Approve the drafts that were looked at: one mail per SME is written now, and delivered at the date planned."""
    event = access.event(session, account, event_id)
    approved = approvals.approve(session, settings, accounts.actor(account), event_id, run_id)
    mailing = mailings.by_kind(session, event_id).get(MailingKind.SHORTLIST)
    leave = "they are on their way"
    if mailing is not None:
        leave = f"they leave from {when(mailing.due_at, session.get_one(City, event.city_code))}, at the send hours"
    if mailing is not None and mailing.stopped_at:
        leave = "they are held until you resume the mailing"
    message = f"Approved. {plural(approved.mails, 'mail')} written; {leave}."
    return redirect(request, f"/events/{event_id}#answers", message)


@router.post("/{event_id}/export")
def export(
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    what: Annotated[Literal["matches", "answers", "participants"], Form()],
    form: Annotated[Literal["csv", "xlsx"], Form()],
) -> Response:
    """A file for a spreadsheet; that it left the service is written down, so this is no GET."""
    event: Event = access.event(session, account, event_id)
    table = reports.table(session, event_id, what)
    reports.log_export(session, accounts.actor(account), event_id, what, form, table)
    return Response(
        reports.FORMATS[form](table),
        media_type=reports.MEDIA_TYPES[form],
        headers={"content-disposition": f'attachment; filename="{what}-event-{event.id}.{form}"'},
    )

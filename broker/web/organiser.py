"""The organiser's desk: events, building, reviewing and approving shortlists, exports."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response

from broker.domain import access, accounts, approvals, mailings, reports, runs, zones
from broker.domain.queries import events as event_queries
from broker.domain.queries import mailings as mailing_queries
from broker.domain.queries import shortlists
from broker.domain.queries.rings import rings_of_event
from broker.models import City, Event, MailingKind, RunStatus
from broker.web import figures
from broker.web.deps import CurrentOrganiser, RowId, SessionDep, SettingsDep
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
    return render(request, "pages/events.html", {"rows": event_queries.event_list(session, account)})


@router.get("/{event_id}")
def event_page(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """One event: where it stands and what is next, the shortlists, mail and answers, exports."""
    event = access.event(session, account, event_id)
    page = event_queries.event_page(session, event)
    plan = mailing_queries.plan_view(session, event)
    counted = shortlists.figures(session, event_id)
    context = {
        "page": page,
        "city": page.city,
        "zone": plan.zone,
        "event": event,
        "plan": plan,
        "filled": plan.fields,
        "figures": counted,
        "map": figures.city_map(counted) if counted else None,
        "rings": rings_of_event(session, event_id),
        "ring_link": lambda sme: f"/events/{event_id}/shortlists/{sme.id}",
        **_progress(page.run),
    }
    return render(request, "pages/event.html", context)


@router.get("/{event_id}/picture")
def picture(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    of: Literal["lists", "yes"] = "lists",
) -> Response:
    """Who meets whom: the map, city by city and sector by sector; of the shortlists, or of those who both said yes."""
    event = access.event(session, account, event_id)
    counted = shortlists.mutual_figures(session, event_id) if of == "yes" else shortlists.figures(session, event_id)
    has_pairs = counted is not None and counted.pairs > 0
    context = {
        "event": event,
        "of": of,
        "figures": counted,
        "map": figures.city_map(counted) if counted and has_pairs else None,
        "table": figures.city_table(counted) if counted and has_pairs else None,
        "matrix": figures.matrix(counted) if counted and has_pairs else None,
    }
    return render(request, "pages/picture.html", context)


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
    zone = zones.of_event(event, session.get_one(City, event.city_code))
    leave = "they are on their way"
    if mailing is not None:
        leave = f"they leave from {when(mailing.due_at, zone)}, at the send hours"
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

"""The organiser's events: registrations, match runs, matches, answers, files to take out."""

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain import access, event_form, events, reports, runs
from broker.domain.queries import api as rows
from broker.domain.queries import places
from broker.models import City
from broker.web.api import answers, event_fields
from broker.web.api.answers import Cursor, IfMatch, IfNoneMatch, Limit, Page, RepeatKey
from broker.web.api.callers import OrganiserDep
from broker.web.api.event_fields import EventChange, EventIn, EventOut
from broker.web.api.schemas import (
    AnswerOut,
    ExportIn,
    MatchOut,
    RunIn,
    RunOut,
    Strict,
)
from broker.web.deps import RowId, SessionDep

router = APIRouter(prefix="/events", tags=["Events"])

FILE = {
    "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in reports.MEDIA_TYPES.values()}
}


class FileContent(ExportIn):
    """What a file holds: of one that would hold something else, nobody can be told that it left already."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


class EventPage(Page):
    """Events by id."""

    data: list[EventOut]


class RunPage(Page):
    """Match runs by id."""

    data: list[RunOut]


class MatchPage(Page):
    """Matches by id."""

    data: list[MatchOut]


class AnswerPage(Page):
    """Answers by id."""

    data: list[AnswerOut]


@router.get("", summary="List events", response_model=EventPage)
def list_events(
    request: Request, session: SessionDep, caller: OrganiserDep, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """The caller's events; an administrator's are all."""
    found = rows.events(session, caller.account, answers.after(cursor), limit)
    return answers.page(request, [(event.id, EventOut.of(event)) for event in found], limit)


@router.post("", summary="Set up an event", response_model=EventOut, status_code=201)
def create_event(
    request: Request, session: SessionDep, caller: OrganiserDep, body: EventIn, key: RepeatKey = None
) -> Response:
    """A new event of the caller's."""

    def act() -> Response:
        details = event_fields.details(body, event_form.empty(), _cities(session))
        event = events.add(session, caller.actor, details.columns(), caller.account.id)
        return answers.one(EventOut.of(event), status=201, location=f"{request.url.path}/{event.id}")

    return answers.once(session, caller, request, key, body, act)


@router.get("/{event_id}", summary="Read an event", response_model=EventOut)
def read_event(
    session: SessionDep, caller: OrganiserDep, event_id: RowId, if_none_match: IfNoneMatch = None
) -> Response:
    """One event."""
    return answers.one(EventOut.of(access.event(session, caller.account, event_id)), if_none_match)


@router.patch("/{event_id}", summary="Change an event", response_model=EventOut)
def change_event(
    session: SessionDep, caller: OrganiserDep, event_id: RowId, body: EventChange, if_match: IfMatch = None
) -> Response:
    """Change what is sent; `If-Match` must name the version you have read."""
    access.event(session, caller.account, event_id)
    event, cities = events.lock(session, event_id), _cities(session)
    answers.must_match(EventOut.of(event), if_match)
    details = event_fields.details(body, event_form.fields_of(event, cities[event.city_code]), cities)
    events.change(session, caller.actor, event_id, event.version, details.columns())
    return answers.one(EventOut.of(event))


def _cities(session: Session) -> dict[str, City]:
    return {city.code: city for city in places.cities(session)}


@router.get("/{event_id}/runs", summary="List match runs", response_model=RunPage, tags=["Match runs"])
def list_runs(
    request: Request,
    session: SessionDep,
    caller: OrganiserDep,
    event_id: RowId,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Response:
    """The match runs of an event."""
    access.event(session, caller.account, event_id)
    found = rows.runs(session, event_id, answers.after(cursor), limit)
    return answers.page(request, [(run.id, RunOut.of(run)) for run in found], limit)


@router.post(
    "/{event_id}/runs", summary="Start a match run", response_model=RunOut, status_code=202, tags=["Match runs"]
)
def start_run(
    request: Request, session: SessionDep, caller: OrganiserDep, event_id: RowId, body: RunIn, key: RepeatKey = None
) -> Response:
    """Start building shortlists; read the run at `Location` to see how far it is."""
    access.event(session, caller.account, event_id)

    def act() -> Response:
        run = runs.request(session, caller.actor, event_id, body.seed)
        return answers.one(RunOut.of(run), status=202, location=f"{request.url.path}/{run.id}")

    return answers.once(session, caller, request, key, body, act)


@router.get("/{event_id}/runs/{run_id}", summary="Read a match run", response_model=RunOut, tags=["Match runs"])
def read_run(
    session: SessionDep, caller: OrganiserDep, event_id: RowId, run_id: RowId, if_none_match: IfNoneMatch = None
) -> Response:
    """How far a match run is, and what came out."""
    return answers.one(RunOut.of(access.run(session, caller.account, event_id, run_id)), if_none_match)


@router.post(
    "/{event_id}/runs/{run_id}/cancel", summary="Cancel a match run", response_model=RunOut, tags=["Match runs"]
)
def cancel_run(
    request: Request, session: SessionDep, caller: OrganiserDep, event_id: RowId, run_id: RowId, key: RepeatKey = None
) -> Response:
    """Ask a run that has not ended to stop."""
    access.run(session, caller.account, event_id, run_id)

    def act() -> Response:
        runs.cancel(session, caller.actor, run_id)
        session.flush()
        return answers.one(RunOut.of(runs.get(session, run_id)))

    return answers.once(session, caller, request, key, Strict(), act)


@router.get("/{event_id}/matches", summary="List matches", response_model=MatchPage, tags=["Matches"])
def list_matches(
    request: Request,
    session: SessionDep,
    caller: OrganiserDep,
    event_id: RowId,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Response:
    """The pairs of the approved shortlists, or of the drafts where none is approved yet."""
    access.event(session, caller.account, event_id)
    found = rows.matches(session, event_id, answers.after(cursor), limit)
    names = rows.names(session, [sme_id for match in found for sme_id in (match.a_id, match.b_id)])
    return answers.page(request, [(match.id, MatchOut.of(match, names)) for match in found], limit)


@router.get("/{event_id}/answers", summary="List answers", response_model=AnswerPage, tags=["Answers"])
def list_answers(
    request: Request,
    session: SessionDep,
    caller: OrganiserDep,
    event_id: RowId,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Response:
    """What the SMEs said of each other."""
    access.event(session, caller.account, event_id)
    found, both = rows.answers(session, event_id, answers.after(cursor), limit), rows.introduced(session, event_id)
    told = [(row.id, AnswerOut.of(row, frozenset((row.sme_id, row.partner_id)) in both)) for row in found]
    return answers.page(request, told, limit)


@router.post(
    "/{event_id}/exports", summary="Take out a file", response_class=Response, responses={200: FILE}, tags=["Exports"]
)
def export(
    request: Request, session: SessionDep, caller: OrganiserDep, event_id: RowId, body: ExportIn, key: RepeatKey = None
) -> Response:
    """The match list, the answers or the participants as a file. It is written down who took it out.

    Sent again with its key it is written down once, as long as the file holds the same."""
    access.event(session, caller.account, event_id)
    data = reports.table(session, event_id, body.what)

    def act() -> Response:
        reports.log_export(session, caller.actor, event_id, body.what, body.format, data)
        return told()

    def told(_made: int = 0) -> Response:
        name = f'attachment; filename="{body.what}-{event_id}.{body.format}"'
        file = reports.FORMATS[body.format](data)
        return Response(file, 200, {"content-disposition": name}, reports.MEDIA_TYPES[body.format])

    content = FileContent(**body.model_dump(), columns=data.columns, rows=data.rows)
    return answers.once(session, caller, request, key, content, act, told)

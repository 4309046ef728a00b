"""Who takes part in an event."""

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain import access, events
from broker.domain.queries import api as rows
from broker.models import City
from broker.web.api import answers
from broker.web.api.answers import Cursor, Limit, Page, RepeatKey
from broker.web.api.callers import OrganiserDep
from broker.web.api.problems import FieldProblem, refused
from broker.web.api.schemas import Registered, RegistrationOut, RegistrationsIn
from broker.web.deps import RowId, SessionDep

router = APIRouter(prefix="/events/{event_id}/registrations", tags=["Registrations"])


class RegistrationPage(Page):
    """Registrations by id."""

    data: list[RegistrationOut]


@router.get("", summary="List who takes part", response_model=RegistrationPage)
def list_registrations(
    request: Request,
    session: SessionDep,
    caller: OrganiserDep,
    event_id: RowId,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Response:
    """Who takes part."""
    access.event(session, caller.account, event_id)
    found = rows.registrations(session, event_id, answers.after(cursor), limit)
    return answers.page(request, [(row.id, RegistrationOut.of(row, sme)) for row, sme in found], limit)


@router.post("", summary="Register SMEs", response_model=Registered)
def register(
    request: Request,
    session: SessionDep,
    caller: OrganiserDep,
    event_id: RowId,
    body: RegistrationsIn,
    key: RepeatKey = None,
) -> Response:
    """Register SMEs; those that are registered stay so. With `city_code` all of that city that can be."""
    access.event(session, caller.account, event_id)

    def act() -> Response:
        new = events.register(session, caller.actor, event_id, _to_register(session, body))
        return Response(Registered(new=new).model_dump_json(), media_type="application/json")

    return answers.once(session, caller, request, key, body, act)


def _to_register(session: Session, body: RegistrationsIn) -> list[int]:
    """Whom the caller wants to register; ApiError 422 names who cannot be."""
    if body.city_code is not None and session.get(City, body.city_code) is None:
        raise refused(FieldProblem(field="city_code", message="expected one of the network's cities"))
    able, wanted = events.can_register(session, body.city_code), body.sme_ids
    unable = sorted(set(wanted or ()) - set(able))
    if unable:
        told = f"not there, or paused, expired or without consent: {', '.join(map(str, unable[:20]))}"
        raise refused(FieldProblem(field="sme_ids", message=told))
    return able if wanted is None else wanted


@router.delete("/{registration_id}", summary="Withdraw an SME", status_code=204, response_class=Response)
def withdraw(session: SessionDep, caller: OrganiserDep, event_id: RowId, registration_id: RowId) -> Response:
    """Take an SME off the event. Its link opens nothing any more; what it answered stays."""
    row = access.registration(session, caller.account, event_id, registration_id)
    events.withdraw(session, caller.actor, event_id, row.sme_id)
    return Response(status_code=204)

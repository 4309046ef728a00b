"""Who takes part in an event: places by city, those registered by name, and all others as counts."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlmodel import Session

from broker.config import Settings
from broker.domain import access, accounts, events, runs, withdrawals, zones
from broker.domain.queries import registrations
from broker.errors import InvalidError, NotFoundError
from broker.models import City, Event, Registration, Sme
from broker.web.deps import CurrentOrganiser, FormDep, PageNumber, RowId, SessionDep, SettingsDep
from broker.web.pages import plural, query, redirect, render

router = APIRouter(prefix="/events/{event_id}/registrations")
UNDO_SECONDS = 3600
MOST_PLACES = 10_000
CityCode = Annotated[str, Query(max_length=40)]


@router.get("")
def registrations_page(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    city: CityCode = "",
    late: bool = False,
    page: PageNumber = 1,
    undo: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Registrations by city with their gauges, and who is registered."""
    event = access.event(session, account, event_id)
    withdrawn = _undone(settings, event, undo)
    return _page(request, session, event, city, late, page, undo=undo if withdrawn is not None else "")


def _page(
    request: Request,
    session: Session,
    event: Event,
    city: str,
    late: bool,
    page: int,
    problem: str = "",
    undo: str = "",
) -> Response:
    gauges = registrations.gauges(session, event)
    by_code = {row.city.code: row.city for row in gauges}
    home = by_code.get(event.city_code) or session.get_one(City, event.city_code)
    city = city if city in by_code else ""
    hubs, sectors = registrations.waiting(session, event, city) if city else ({}, {})
    context = {
        "event": event,
        "home": home,
        "zone": zones.of_event(event, home),
        "gauges": gauges,
        "chosen": by_code.get(city),
        "filters": {"city": city, "late": "1" if late else ""},
        "people": registrations.participants(session, event, city or None, late_only=late, page=page),
        "hubs": hubs,
        "sectors": sectors,
        "problem": problem,
        "undo": undo,
    }
    return render(request, "pages/registrations.html", context, status=422 if problem else 200)


@router.post("")
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
    return redirect(request, f"/events/{event_id}/registrations", f"{whom} registered.", "good" if new else "note")


@router.post("/places")
def set_places(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, form: FormDep
) -> Response:
    """Set how many SMEs of each city there is room for; an empty field is no limit."""
    event = access.event(session, account, event_id)
    try:
        places = _places(session, {name: str(value) for name, value in form.items()})
    except InvalidError as error:
        return _page(request, session, event, "", False, 1, problem=str(error))
    events.set_places(session, accounts.actor(account), event_id, places)
    return redirect(request, f"/events/{event_id}/registrations", "The places are saved.")


def _places(session: Session, fields: dict[str, str]) -> dict[str, int]:
    """Places by city; InvalidError names the city."""
    places = {}
    for name, text in fields.items():
        kind, _, code = name.partition("_")
        city = session.get(City, code) if kind == "places" and text.strip() else None
        if city is None:
            continue
        typed = text.strip()
        if not (typed.isascii() and typed.isdecimal() and len(typed) <= 5 and int(typed) <= MOST_PLACES):
            raise InvalidError(f"{city.name}: expected a whole number from 0 to {MOST_PLACES}, or nothing.")
        places[code] = int(typed)
    return places


@router.post("/{sme_id}/withdraw")
def withdraw(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    sme_id: RowId,
) -> Response:
    """Take one SME off the event; the next page can undo it for an hour."""
    event = access.event(session, account, event_id)
    sme = session.get(Sme, sme_id)
    row = events.withdraw(session, accounts.actor(account), event_id, sme_id)
    if sme is None or row is None:
        raise NotFoundError(access.GONE)
    has_lists = runs.latest(session, event_id) is not None
    again = " Build and approve again, so that nobody’s shortlist names it." if has_lists else ""
    values = [event.id, sme_id, row.id, row.link_key, row.registered_at.isoformat()]
    undo = query({"undo": _signer(settings).dumps(values)})
    address = f"/events/{event_id}/registrations{undo}"
    return redirect(request, address, f"{sme.name} is withdrawn.{again}", "note")


@router.post("/undo")
def undo_withdrawal(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    undo: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Register an SME again as it was, within an hour of its withdrawal."""
    event = access.event(session, account, event_id)
    row = _undone(settings, event, undo)
    if row is None:
        raise InvalidError("This can no longer be undone. Register its city again, or invite its hub.")
    undone = withdrawals.undo(session, settings, accounts.actor(account), row)
    told = f"{session.get_one(Sme, row.sme_id).name} is registered again."
    if undone.waiting:
        verb = "waits" if undone.waiting == 1 else "wait"
        told += f" {plural(undone.waiting, 'mail')} that had ended with the withdrawal {verb} again."
    if not undone.is_listed and runs.latest(session, event_id) is not None:
        told += " It has no approved shortlist, and gets no mail until you build and approve again."
    return redirect(request, f"/events/{event_id}/registrations", told)


def _undone(settings: Settings, event: Event, token: str) -> Registration | None:
    """The registration whose withdrawal this token can undo; only who withdrew it was given one."""
    try:
        event_id, sme_id, number, key, since = _signer(settings).loads(token, max_age=UNDO_SECONDS)
    except (BadData, TypeError, ValueError):
        return None
    if event_id != event.id:
        return None
    return Registration(
        id=number, event_id=event_id, sme_id=sme_id, link_key=key, registered_at=datetime.fromisoformat(since)
    )


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.secret_key, salt="withdrawal")

"""The form an event is set up and changed with, and what its policy would find among those registered."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from broker.domain import access, accounts, event_form, event_hours, events, shortlists
from broker.domain.event_form import FormError
from broker.domain.queries import places
from broker.domain.queries.tallies import tally
from broker.domain.shortlists import policies
from broker.errors import ConflictError
from broker.models import City, Event
from broker.web.deps import CurrentOrganiser, FormDep, RowId, SessionDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/events")
DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)
DIAL_WORDS = {
    0.0: ("Deepen", "Partners of much the same field: they understand each other at once."),
    0.25: ("Rather deepen", "Mostly near fields, a few surprises."),
    0.5: ("In between", "Neighbouring fields: something in common, something to learn."),
    0.75: ("Rather explore", "Mostly other fields, with a bridge between them."),
    1.0: ("Explore", "Partners of quite different fields: the boldest meetings, and the most that come to nothing."),
}
NEW_ROWS = 2
"""Empty rows for breaks; "more rows" adds as many again."""


@router.get("/new")
def new_page(request: Request, session: SessionDep, account: CurrentOrganiser) -> Response:
    """The form of an event that is not there yet."""
    return _page(request, session, _cities(session), None, event_form.empty())


@router.post("/new")
def create(request: Request, session: SessionDep, account: CurrentOrganiser, form: FormDep) -> Response:
    """Set an event up; a form that cannot be used comes back filled and says what was expected where."""
    fields, cities = _typed(form), _cities(session)
    if form.get("act"):
        return _page(request, session, cities, None, fields, more=form.get("act") == "more")
    try:
        details = event_form.read(fields, cities)
    except FormError as error:
        return _page(request, session, cities, None, fields, problems=error.problems)
    event = events.add(session, accounts.actor(account), details.columns(), account.id)
    return redirect(request, f"/events/{event.id}", f"{event.name} is set up. Next: say who takes part.")


@router.get("/{event_id}/edit")
def edit_page(request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """The form of an event; its ETag is the version the form shows."""
    event = access.event(session, account, event_id)
    cities = _cities(session)
    return _page(request, session, cities, event, event_form.fields_of(event, cities[event.city_code]))


@router.post("/{event_id}/edit")
def change(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, form: FormDep
) -> Response:
    """Change an event; where somebody else did meanwhile, nothing is lost: the difference comes back (409)."""
    event = access.event(session, account, event_id)
    fields, cities = _typed(form), _cities(session)
    if form.get("act"):
        return _page(request, session, cities, event, fields, more=form.get("act") == "more", version=_version(form))
    try:
        details = event_form.read(fields, cities)
        events.change(session, accounts.actor(account), event_id, _version(form), details.columns())
    except FormError as error:
        return _page(request, session, cities, event, fields, problems=error.problems, version=_version(form))
    except ConflictError:
        stored = event_form.fields_of(event, cities[event.city_code])
        return _page(request, session, cities, event, fields, conflict=event_form.differences(fields, stored))
    return redirect(request, f"/events/{event_id}", "Saved.")


def _typed(form: FormData) -> dict[str, str]:
    """What was typed; a box that is not ticked is not in the form, and is so here."""
    return dict.fromkeys(policies.FLAGS, "") | {name: str(value) for name, value in form.items()}


def _version(form: FormData) -> int:
    text = str(form.get("version", ""))
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _cities(session: Session) -> dict[str, City]:
    return {city.code: city for city in places.cities(session)}


def _page(
    request: Request,
    session: Session,
    cities: Mapping[str, City],
    event: Event | None,
    fields: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    conflict: list[tuple[str, str, str]] | None = None,
    more: bool = False,
    version: int | None = None,
) -> Response:
    status = 409 if conflict is not None else 422 if problems else 200
    context = {
        "event": event,
        "version": version if version is not None else event.version if event else 0,
        "fields": event_form.empty() | dict(fields),
        "problems": {name: (event_form.label(name), told) for name, told in (problems or {}).items()},
        "conflict": conflict,
        "cities": cities.values(),
        "zones": sorted(event_form.zones()),
        "breaks": _break_rows(fields, 2 * NEW_ROWS if more else NEW_ROWS),
        "dial": _dial(fields),
        "limits": policies.LIMITS,
        "labels": policies.LABELS,
        "effect": _effect(session, event, fields),
        "tally": tally(session, event.id) if event else None,
    }
    response = render(request, "pages/event_form.html", context, status=status)
    if event is not None:
        response.headers["etag"] = f'"{event.version}"'
    return response


def _break_rows(fields: Mapping[str, str], empty: int) -> list[dict[str, str]]:
    """The rows that hold something, under their numbers, and some empty ones after them."""
    used = event_hours.rows_of(fields)
    first = max(used, default=0) + 1
    numbers = [*used, *range(first, first + empty)]
    return [
        {"number": str(number)} | {part: fields.get(f"break_{part}_{number}", "") for part in ("name", "from", "to")}
        for number in numbers[: event_hours.MOST_BREAKS + NEW_ROWS]
    ]


def _dial(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """The steps of the dial, with a setting between two of them where the command line or the API made one."""
    try:
        chosen = float(fields.get("dial", ""))
    except ValueError:
        chosen = policies.DEFAULTS["dial"]
    chosen = chosen if 0 <= chosen <= 1 else policies.DEFAULTS["dial"]
    nearest = min(DIAL, key=lambda step: abs(step - chosen))
    return [
        {"value": chosen if step == nearest else step, "chosen": step == nearest, "step": step,
         "word": DIAL_WORDS[step][0], "meaning": DIAL_WORDS[step][1]}
        for step in DIAL
    ]  # fmt: skip


def _effect(session: Session, event: Event | None, fields: Mapping[str, str]) -> Any:
    """What the policy on the form would find; nothing where there is no event or its policy cannot be read."""
    reading = policies.read(fields)
    if event is None or reading.problems:
        return None
    return shortlists.foresee(session, event.id, reading.policy)

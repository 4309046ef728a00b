"""Inviting SMEs by hub: the organiser's page, and the page of an SME where its mail leads."""

from collections.abc import Collection
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session

from broker.db import now
from broker.domain import access, accounts, invitations, zones
from broker.domain.queries import invitations as queries
from broker.domain.queries import places
from broker.errors import InvalidError
from broker.models import City, Event, Invitation, Sme
from broker.web.deps import CurrentOrganiser, RowId, SessionDep, SettingsDep
from broker.web.outbox import content, framed
from broker.web.pages import plural, redirect, render

router = APIRouter()
HubIds = Annotated[list[Annotated[int, Query(ge=0, le=2**31 - 1)]], Query(max_length=500)]


@router.get("/events/{event_id}/invitations")
def invitations_page(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    city: Annotated[str, Query(max_length=40)] = "",
    hub: HubIds = [],  # noqa: B006 - never changed
) -> Response:
    """The hubs of a city, how their SMEs stand, and whom the ticked ones would invite; looking changes nothing."""
    event = access.event(session, account, event_id)
    return _page(request, session, event, city, hub)


def _page(
    request: Request,
    session: Session,
    event: Event,
    city: str = "",
    hubs: Collection[int] = (),
    words: str | None = None,
    problem: str = "",
) -> Response:
    cities = {row.code: row for row in places.cities(session)}
    chosen = cities.get(city) or cities[event.city_code]
    home = cities[event.city_code]
    context = {
        "event": event,
        "cities": cities.values(),
        "chosen": chosen,
        "zone": zones.of_event(event, home),
        "closes_at": invitations.closes_at(event),
        "is_open": now(session) <= invitations.closes_at(event),
        "view": queries.city_view(session, event, chosen.code, hubs),
        "words": event.invitation if words is None else words,
        "problem": problem,
        "most": invitations.WORDS,
    }
    return render(request, "pages/invitations.html", context, status=422 if problem else 200)


@router.post("/events/{event_id}/invitations/words")
def set_words(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    words: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """Keep the organiser's own words for the mails still to be written."""
    event = access.event(session, account, event_id)
    try:
        invitations.set_words(session, accounts.actor(account), event_id, words)
    except InvalidError as error:
        return _page(request, session, event, words=words, problem=str(error))
    return redirect(request, f"/events/{event_id}/invitations#mail", "Your words are saved. This is the mail.")


@router.get("/events/{event_id}/invitations/html")
def mail_html(settings: SettingsDep, session: SessionDep, account: CurrentOrganiser, event_id: RowId) -> Response:
    """The invitation as it would look, for the frame."""
    event = access.event(session, account, event_id)
    return framed(content(queries.preview(session, settings, event), "html"))


@router.post("/events/{event_id}/invitations")
def invite(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    city: Annotated[str, Form(max_length=40)] = "",
    hub: Annotated[list[Annotated[int, Form(ge=0, le=2**31 - 1)]], Form(max_length=500)] = [],  # noqa: B006 - as above
) -> Response:
    """Invite the SMEs of these hubs, once each; the mails leave at the send hours of the event."""
    access.event(session, account, event_id)
    new = invitations.invite(session, accounts.actor(account), event_id, city, hub)
    message = f"{plural(new, 'SME')} invited. The mails are being written." if new else "Nobody else could be invited."
    named = session.get(City, city)
    address = f"/events/{event_id}/invitations" + (f"?city={named.code}" if named else "")
    return redirect(request, address, message, "good" if new else "note")


@router.get("/i/{token}")
def invitation_page(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """What the SME is invited to, with its two buttons: mail scanners open links too."""
    invitation = invitations.open_link(session, settings, token)
    return render(request, "pages/invitation.html", _context(session, invitation) | {"token": token})


@router.post("/i/{token}")
def answer(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    token: str,
    takes_part: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    """Say that the SME takes part, or that it does not; until registration closes the newest word counts."""
    invitation = invitations.open_link(session, settings, token, lock=True)
    invitations.answer(session, invitation, takes_part == "yes")
    return redirect(request, f"/i/{token}")


def _context(session: Session, invitation: Invitation) -> dict[str, object]:
    event = session.get_one(Event, invitation.event_id)
    city = session.get_one(City, event.city_code)
    return {
        "event": event,
        "city": city,
        "zone": zones.of_event(event, city),
        "sme": session.get_one(Sme, invitation.sme_id),
        "says": invitations.standing(session, invitation),
        "taken_off": invitations.TAKEN_OFF if invitations.is_taken_off(session, invitation) else "",
        "words": invitation.words,
        "closes_at": invitations.closes_at(event),
        "is_open": now(session) <= invitations.closes_at(event),
    }

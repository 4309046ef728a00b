"""An SME has lost its link, or another has it: it asks for a fresh one, which goes to the address we know."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from broker.domain import fresh_links, interests
from broker.models import City, Event, Sme
from broker.web.answers import as_slow_as_any
from broker.web.deps import LimitsDep, SessionDep, SettingsDep
from broker.web.pages import redirect, render
from broker.web.security import client_address

router = APIRouter(prefix="/link")


@router.get("")
def lost_link(request: Request) -> Response:
    """Where to ask for a fresh link."""
    return render(request, "pages/fresh_link.html", {"email": "", "is_mailed": False})


@router.post("")
def mail_links(
    request: Request,
    settings: SettingsDep,
    limits: LimitsDep,
    session: SessionDep,
    email: Annotated[str, Form(max_length=254)],
    renews: Annotated[bool, Form()] = False,
) -> Response:
    """Mail the links; the answer is the same, and as quick, whether we know the address or not."""
    limits.hit(limits.SME_ADDRESS, client_address(request))
    limits.hit(limits.SME_ACCOUNT, email)
    with as_slow_as_any(session):
        fresh_links.mail(session, settings, email, renews=renews)
    return render(request, "pages/fresh_link.html", {"email": email.strip(), "is_mailed": True})


@router.get("/{token}")
def renewal_page(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Where the mail to replace a link leads: nothing happens before the button is pressed."""
    registration = fresh_links.open_renewal(session, settings, token)
    event = session.get_one(Event, registration.event_id)
    context = {
        "token": token,
        "sme": session.get_one(Sme, registration.sme_id),
        "event": event,
        "city": session.get_one(City, event.city_code),
    }
    return render(request, "pages/link_renewal.html", context)


@router.post("/{token}")
def renew(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """End the old link, and lead to the page by the new one."""
    registration = fresh_links.renew(session, settings, token)
    path = interests.link(settings, registration).removeprefix(settings.public_url)
    message = "The old link does not work any more. The new one is on its way to your mailbox; this page has it, too."
    return redirect(request, path, message)

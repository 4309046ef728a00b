"""Where the link at the end of every mail to an SME leads: a page to get no more of them, and to take that back."""

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain import subscriptions
from broker.models import Contact, Sme
from broker.web.deps import SessionDep, SettingsDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/u")


@router.get("/{token}")
def unsubscribe_page(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """What would stop, with a button: mail scanners open links too."""
    return _page(request, session, subscriptions.open_link(session, settings, token), token)


@router.post("/{token}")
def unsubscribe(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Unsubscribe: by the page's button, or by a mail program's own (RFC 8058), which follows no redirect."""
    contact = subscriptions.open_link(session, settings, token, lock=True)
    subscriptions.unsubscribe(session, contact)
    return _page(request, session, contact, token)


@router.post("/{token}/undo")
def take_back(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Get mails again."""
    subscriptions.resubscribe(session, subscriptions.open_link(session, settings, token, lock=True))
    return redirect(request, f"/u/{token}", "You get mails from us again.")


def _page(request: Request, session: Session, contact: Contact, token: str) -> Response:
    context = {
        "token": token,
        "sme": session.get_one(Sme, contact.sme_id),
        "address": contact.email,
        "is_subscribed": subscriptions.is_subscribed(session, contact),
        "why_not_undone": subscriptions.why_not_undone(session, contact),
    }
    return render(request, "pages/unsubscribe.html", context)

"""The page where an account has its programs called when something happens."""

from fastapi import APIRouter, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from broker.config import Settings
from broker.domain import calls, webhooks
from broker.errors import ConflictError, InvalidError
from broker.models import Account
from broker.web.deps import CurrentAccount, FormDep, RowId, SessionDep, SettingsDep
from broker.web.pages import redirect, render

PAGE = "/account/webhooks"
router = APIRouter(prefix=PAGE)


@router.get("")
def webhook_list(request: Request, session: SessionDep, settings: SettingsDep, account: CurrentAccount) -> Response:
    """The account's webhooks with their secrets and last calls, and the form for another one."""
    return _page(request, session, settings, account)


@router.post("")
def create(
    request: Request, session: SessionDep, settings: SettingsDep, account: CurrentAccount, form: FormDep
) -> Response:
    """Add a webhook."""
    url, events = _text(form, "url"), [str(value) for value in form.getlist("events")]
    try:
        webhooks.create(session, account, url, events)
    except (InvalidError, ConflictError) as error:
        session.rollback()
        return _page(request, session, settings, account, filled={"url": url, "events": events}, problem=str(error))
    return redirect(request, PAGE, "The webhook is there. Send it a test call to see whether it works.")


@router.post("/{webhook_id}/test")
def test(request: Request, session: SessionDep, account: CurrentAccount, webhook_id: RowId) -> Response:
    """Call a webhook so that its owner sees whether it works."""
    webhooks.test(session, account, webhook_id)
    return redirect(request, PAGE, "The test call is on its way. Load this page again to see how it went.")


@router.post("/{webhook_id}/off")
def switch_off(request: Request, session: SessionDep, account: CurrentAccount, webhook_id: RowId) -> Response:
    """Make no more calls until it is switched on."""
    webhooks.switch(session, account, webhook_id, active=False)
    return redirect(request, PAGE, "The webhook is off. What happens from now on is not told.", "note")


@router.post("/{webhook_id}/on")
def switch_on(request: Request, session: SessionDep, account: CurrentAccount, webhook_id: RowId) -> Response:
    """Make calls again."""
    webhooks.switch(session, account, webhook_id, active=True)
    return redirect(request, PAGE, "The webhook is on again.")


@router.post("/{webhook_id}/delete")
def delete(request: Request, session: SessionDep, account: CurrentAccount, webhook_id: RowId) -> Response:
    """Delete a webhook with all that is known of its calls."""
    webhooks.delete(session, account, webhook_id)
    return redirect(request, PAGE, "The webhook is deleted.", "note")


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _page(
    request: Request,
    session: Session,
    settings: Settings,
    account: Account,
    *,
    filled: dict[str, object] | None = None,
    problem: str = "",
) -> Response:
    found = webhooks.of_account(session, account)
    context = {
        "webhooks": found,
        "secrets": {one.id: webhooks.secret(settings, one.id, one.salt) for one in found},
        "calls": calls.latest(session, [one.id for one in found]),
        "events": webhooks.EVENTS,
        "filled": filled or {"url": "", "events": list(webhooks.EVENTS)},
        "field": "url" if problem.startswith("Address") else "events" if problem.startswith("Events") else "add",
        "problem": problem,
    }
    return render(request, "pages/webhooks.html", context, status=422 if problem else 200)

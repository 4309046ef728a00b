"""The demo's outbox: every mail the service wrote, as it would arrive."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from broker.domain import access
from broker.domain.queries import mail
from broker.errors import NotFoundError
from broker.models import Email, EmailStatus
from broker.web.deps import MaybeAccount, PageNumber, RowId, SessionDep, SettingsDep
from broker.web.pages import render

router = APIRouter(prefix="/outbox")
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)
"""A mail's styles are inline by nature; everything else is off, and it runs in an origin of its own."""
PARTS = ("html", "text", "source")


@router.get("")
def outbox(
    request: Request, settings: SettingsDep, session: SessionDep, _account: MaybeAccount, page: PageNumber = 1
) -> Response:
    """All mails, newest first, with what became of them."""
    if not settings.is_demo:
        raise NotFoundError(access.GONE)
    emails, counts, page, pages = mail.outbox(session, page)
    context = {"emails": emails, "counts": counts, "page": page, "pages": pages, "statuses": list(EmailStatus)}
    return render(request, "pages/outbox.html", context)


@router.get("/{email_id}")
def one_mail(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    _account: MaybeAccount,
    email_id: RowId,
    part: Literal["html", "text", "source"] = "html",
) -> Response:
    """One mail: as HTML, as plain text, or its source."""
    email = access.demo_mail(session, settings.is_demo, email_id)
    message = _parse(email)
    context = {
        "email": email,
        "message": message,
        "part": part,
        "parts": PARTS,
        "text": content(message, "plain"),
        "source": email.message.decode("utf-8", "replace"),
    }
    return render(request, "pages/outbox_mail.html", context)


@router.get("/{email_id}/html")
def html_part(settings: SettingsDep, session: SessionDep, email_id: RowId) -> Response:
    """The HTML part alone, for the frame: sandboxed, and its links open in the whole window."""
    message = _parse(access.demo_mail(session, settings.is_demo, email_id))
    return framed(content(message, "html"))


def framed(html: str) -> HTMLResponse:
    """A mail's HTML as the content of a frame of ours."""
    head = '<base target="_top">'
    html = html.replace("<head>", f"<head>{head}", 1) if "<head>" in html else head + html
    headers = {"content-security-policy": MAIL_POLICY, "x-frame-options": "SAMEORIGIN"}
    return HTMLResponse(html, headers=headers)


def _parse(email: Email) -> EmailMessage:
    message = message_from_bytes(email.message, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - the default policy makes no other
    return message


def content(message: EmailMessage, kind: str) -> str:
    """The text of a mail's part: "html" or "plain"."""
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""

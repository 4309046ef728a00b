"""Webhooks of the caller's account: where its programs are told what happens."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from broker.domain import webhooks
from broker.domain.queries import api as rows
from broker.models import Scope
from broker.web.api import answers
from broker.web.api.answers import Cursor, IfNoneMatch, Limit, Page, RepeatKey
from broker.web.api.callers import CallerDep
from broker.web.api.schemas import Strict, Text, WebhookOut
from broker.web.deps import RowId, SessionDep, SettingsDep

router = APIRouter(prefix="/webhooks", tags=["Webhooks"])


class WebhookIn(Strict):
    """A webhook to add."""

    url: Annotated[Text, Field(min_length=1, max_length=2000)]
    events: Annotated[list[Literal["run.finished", "interest.mutual"]], Field(min_length=1, max_length=2)]


class WebhookPage(Page):
    """Webhooks by id."""

    data: list[WebhookOut]


class WebhookWithSecret(WebhookOut):
    """A webhook with the secret its calls are signed with; a token that may only read is not told."""

    secret: str | None
    """Null for a token that may only read."""


@router.get("", summary="List webhooks", response_model=WebhookPage)
def list_webhooks(
    request: Request, session: SessionDep, caller: CallerDep, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """The webhooks of the caller's account."""
    found = rows.webhooks(session, caller.account, answers.after(cursor), limit)
    return answers.page(request, [(one.id, WebhookOut.of(one)) for one in found], limit)


@router.post("", summary="Add a webhook", response_model=WebhookOut, status_code=201)
def create_webhook(
    request: Request, session: SessionDep, caller: CallerDep, body: WebhookIn, key: RepeatKey = None
) -> Response:
    """A new webhook. Read it at `Location` for the secret that signs its calls (Standard Webhooks)."""

    def act() -> Response:
        webhook = webhooks.create(session, caller.account, body.url, body.events)
        return answers.one(WebhookOut.of(webhook), status=201, location=f"{request.url.path}/{webhook.id}")

    return answers.once(session, caller, request, key, body, act)


@router.get("/{webhook_id}", summary="Read a webhook", response_model=WebhookWithSecret)
def read_webhook(
    session: SessionDep,
    settings: SettingsDep,
    caller: CallerDep,
    webhook_id: RowId,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One webhook, and its secret."""
    webhook = webhooks.get(session, caller.account, webhook_id)
    secret = webhooks.secret(settings, webhook.id, webhook.salt) if caller.token.scope == Scope.WRITE else None
    told: BaseModel = WebhookWithSecret(**WebhookOut.of(webhook).model_dump(), secret=secret)
    return answers.one(told, if_none_match)


@router.delete("/{webhook_id}", summary="Delete a webhook", status_code=204, response_class=Response)
def delete_webhook(session: SessionDep, caller: CallerDep, webhook_id: RowId) -> Response:
    """Delete a webhook; calls that wait are not made."""
    webhooks.delete(session, caller.account, webhook_id)
    return Response(status_code=204)

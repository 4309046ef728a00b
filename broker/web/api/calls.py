"""The calls of webhooks, as the OpenAPI document describes them; `broker.domain.webhooks` writes them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header

from broker.models import RunStatus
from broker.web.api.schemas import Told

router = APIRouter()
CallId = Annotated[str, Header(alias="webhook-id", description="The same call can come twice, with the same id.")]
CallTime = Annotated[str, Header(alias="webhook-timestamp", description="Seconds since 1970: refuse old ones.")]
Signature = Annotated[str, Header(alias="webhook-signature", description="`v1,` and base64, of Standard Webhooks.")]


class RunEnd(Told):
    """A run that ended."""

    event_id: int
    run_id: int
    status: RunStatus


class RunFinished(Told):
    """A match run has ended: read it, and its matches."""

    type: Literal["run.finished"]
    timestamp: datetime
    data: RunEnd


class MutualPair(Told):
    """Two SMEs that were introduced."""

    event_id: int
    introduction_id: int
    a_id: int
    b_id: int


class InterestMutual(Told):
    """Two SMEs both said yes."""

    type: Literal["interest.mutual"]
    timestamp: datetime
    data: MutualPair


@router.post("run.finished", summary="A match run has ended", responses={422: {}})
def run_finished(body: RunFinished, call: CallId, at: CallTime, signature: Signature) -> None:
    """Read the run, and where it is done its matches."""


@router.post("interest.mutual", summary="Two SMEs both said yes", responses={422: {}})
def interest_mutual(body: InterestMutual, call: CallId, at: CallTime, signature: Signature) -> None:
    """They have each other's contact data now, and their brokers know."""

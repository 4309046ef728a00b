"""SMEs of the broker's city, and what they offer and look for."""

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain import access, profiles
from broker.domain.profiles import ProfileData
from broker.domain.queries import api as rows
from broker.domain.records import load_record
from broker.models import City, Sector, Sme
from broker.web.api import answers
from broker.web.api.answers import Cursor, IfMatch, IfNoneMatch, Limit, Page, RepeatKey
from broker.web.api.callers import BrokerDep, Caller
from broker.web.api.problems import FieldProblem, refused
from broker.web.api.schemas import ProfileChange, ProfileIn, SmeOut, Statements, StatementsIn
from broker.web.deps import RowId, SessionDep

router = APIRouter(tags=["SMEs"])


class SmePage(Page):
    """SMEs by id."""

    data: list[SmeOut]


@router.get("/smes", summary="List SMEs", response_model=SmePage)
def list_smes(
    request: Request, session: SessionDep, caller: BrokerDep, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """The SMEs of the caller's city; an administrator's are all."""
    found = rows.smes(session, access.cities(caller.account), answers.after(cursor), limit)
    return answers.page(request, [(sme.id, SmeOut.of(sme, record)) for sme, record in found], limit)


@router.post("/smes", summary="Add an SME", response_model=SmeOut, status_code=201)
def create_sme(
    request: Request, session: SessionDep, caller: BrokerDep, body: ProfileIn, key: RepeatKey = None
) -> Response:
    """A new SME in the caller's city."""

    def act() -> Response:
        _check(session, caller, body)
        sme = profiles.create(session, caller.actor, body)
        return answers.one(_told(session, sme), status=201, location=f"{request.url.path}/{sme.id}")

    def told(sme_id: int) -> Response:
        return answers.one(_told(session, access.sme(session, caller.account, sme_id)))

    return answers.once(session, caller, request, key, body, act, told)


@router.get("/smes/{sme_id}", summary="Read an SME", response_model=SmeOut)
def read_sme(session: SessionDep, caller: BrokerDep, sme_id: RowId, if_none_match: IfNoneMatch = None) -> Response:
    """One SME."""
    return answers.one(_told(session, access.sme(session, caller.account, sme_id)), if_none_match)


@router.put("/smes/{sme_id}", summary="Write a whole SME", response_model=SmeOut)
def write_sme(
    session: SessionDep, caller: BrokerDep, sme_id: RowId, body: ProfileIn, if_match: IfMatch = None
) -> Response:
    """Write the whole profile anew; `If-Match` must name the version you have read."""
    sme = _seen(session, caller, sme_id, if_match)
    return _written(session, caller, sme, body)


@router.patch("/smes/{sme_id}", summary="Change a part of an SME", response_model=SmeOut)
def change_sme(
    session: SessionDep, caller: BrokerDep, sme_id: RowId, body: ProfileChange, if_match: IfMatch = None
) -> Response:
    """Change what is sent; `If-Match` must name the version you have read."""
    sme = _seen(session, caller, sme_id, if_match)
    return _written(
        session, caller, sme, profiles.read(session, sme).model_copy(update=body.model_dump(exclude_unset=True))
    )


@router.get(
    "/smes/{sme_id}/statements",
    summary="Read what an SME offers and looks for",
    response_model=Statements,
    tags=["Statements"],
)
def read_statements(
    session: SessionDep, caller: BrokerDep, sme_id: RowId, if_none_match: IfNoneMatch = None
) -> Response:
    """What an SME offers and looks for."""
    return answers.one(_statements(session, access.sme(session, caller.account, sme_id)), if_none_match)


@router.put(
    "/smes/{sme_id}/statements",
    summary="Write what an SME offers and looks for",
    response_model=Statements,
    tags=["Statements"],
)
def write_statements(
    session: SessionDep, caller: BrokerDep, sme_id: RowId, body: StatementsIn, if_match: IfMatch = None
) -> Response:
    """Write all of them anew; `If-Match` must name the version you have read."""
    sme = access.sme(session, caller.account, sme_id, lock=True)
    answers.must_match(_statements(session, sme), if_match)
    data = profiles.read(session, sme).model_copy(update={"offers": body.offers, "needs": body.needs})
    profiles.update(session, caller.actor, sme, data)
    session.flush()
    return answers.one(_statements(session, sme))


def _seen(session: Session, caller: Caller, sme_id: int, if_match: str | None) -> Sme:
    """The SME, to be written over by who has seen it as it is."""
    sme = access.sme(session, caller.account, sme_id, lock=True)
    answers.must_match(_told(session, sme), if_match)
    return sme


def _written(session: Session, caller: Caller, sme: Sme, data: ProfileData) -> Response:
    _check(session, caller, data)
    if data.city_code != sme.city_code:
        told = "an SME does not move; enter it anew in the other city"
        raise refused(FieldProblem(field="city_code", message=told))
    profiles.update(session, caller.actor, sme, data)
    session.flush()
    session.refresh(sme)
    return answers.one(_told(session, sme))


def _told(session: Session, sme: Sme) -> SmeOut:
    return SmeOut.of(sme, load_record(session, sme))


def _statements(session: Session, sme: Sme) -> Statements:
    facts = load_record(session, sme).facts
    return Statements(offers=facts["offers"], needs=facts["needs"])


def _check(session: Session, caller: Caller, body: ProfileData) -> None:
    """Fields that name rows must name some."""
    own, errors = access.cities(caller.account), []
    if own not in (None, body.city_code) or session.get(City, body.city_code) is None:
        told = f"expected {own or 'one of the network’s cities'!r}, not {body.city_code!r}"
        errors.append(FieldProblem(field="city_code", message=told))
    if body.sector_code is not None and session.get(Sector, body.sector_code) is None:
        errors.append(FieldProblem(field="sector_code", message=f"{body.sector_code!r} is none of our sectors"))
    if errors:
        raise refused(*errors)

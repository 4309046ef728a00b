"""The organiser's desk between build and approval: what changed, pins and bans, shortlists to review."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session

from broker.domain import access, accounts, approvals, mailings, pairs
from broker.domain.pairs import MAX_REASON
from broker.domain.queries import comparisons, pair_rules, shortlists
from broker.domain.queries.heads import Head, head
from broker.domain.queries.shortfalls import shortfalls
from broker.errors import InvalidError, NotFoundError
from broker.models import Account, MailingKind, ShortlistStatus
from broker.web import reasons
from broker.web.deps import CurrentOrganiser, PageNumber, RowId, SessionDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/events/{event_id}")
NEXT_BUILD = "It takes effect at the next build."
SmeId = Annotated[int, Form(ge=1, le=2**31 - 1)]
ShortText = Annotated[str, Query(max_length=40)]


@router.get("/diff")
def diff(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    against: Literal["", "approved", "last"] = "",
    city: ShortText = "",
    page: PageNumber = 1,
) -> Response:
    """What the newest build changes: who enters or leaves whose list, and why. Three statements."""
    top = head(session, account, event_id)
    found = comparisons.view(session, event_id, top.run, against)
    context = {
        "top": top,
        "event": top.event,
        "city": top.city,
        "zone": top.zone,
        "found": found,
        "page": comparisons.page(found, city, page) if found else None,
        "settings_changed": reasons.settings_changed(found.comparison) if found else [],
        "filters": {"against": against, "city": city},
        "in_words": reasons.in_words,
        "percent": reasons.percent,
    }
    return render(request, "pages/diff.html", context)


@router.get("/pairs")
def pair_desk(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    one: Annotated[str, Query(max_length=300)] = "",
    other: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Pinned and banned pairs, and a form for one more. Three statements."""
    return _pair_desk(request, session, head(session, account, event_id), {"one": one, "other": other})


def _pair_desk(
    request: Request, session: Session, top: Head, filled: dict[str, str], problems: dict[str, str] | None = None
) -> Response:
    desk = pair_rules.desk(session, top.event.id)
    standing = desk.standing
    context = {
        "top": top,
        "event": top.event,
        "city": top.city,
        "zone": top.zone,
        "desk": desk,
        "is_older": top.run is not None and comparisons.rules_changed(top.run, standing.pin, standing.ban),
        "filled": {"one": "", "other": "", "kind": "", "reason": ""} | filled,
        "problems": problems or {},
        "MAX_REASON": MAX_REASON,
    }
    return render(request, "pages/pairs.html", context, status=422 if problems else 200)


@router.post("/pairs")
def rule_by_name(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    one: Annotated[str, Form(max_length=300)] = "",
    other: Annotated[str, Form(max_length=300)] = "",
    kind: Annotated[str, Form(max_length=10)] = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Pin or ban a pair named in the form; what cannot be used comes back with the form."""
    access.event(session, account, event_id)
    filled = {"one": one, "other": other, "kind": kind, "reason": reason}
    ids, problems = _named(session, event_id, {"one": one, "other": other})
    if kind not in ("pin", "ban"):
        problems["kind"] = "Choose whether the two must meet or must not meet."
    try:
        if not problems:
            pairs.rule(session, accounts.actor(account), event_id, ids["one"], ids["other"], kind, reason)
    except InvalidError as error:
        problems["reason" if len(reason.strip()) > MAX_REASON else "other"] = str(error)
    if problems:
        session.rollback()
        return _pair_desk(request, session, head(session, account, event_id), filled, problems)
    return redirect(request, f"/events/{event_id}/pairs", f"{_done(kind)} {NEXT_BUILD}")


def _named(session: Session, event_id: int, names: dict[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """The SMEs of the two fields, and what is wrong with the others."""
    ids: dict[str, int] = {}
    problems: dict[str, str] = {}
    for field, name in names.items():
        try:
            ids[field] = pairs.named(session, event_id, name)
        except NotFoundError as error:
            problems[field] = str(error) if name.strip() else "Choose an SME."
    return ids, problems


def _done(kind: str) -> str:
    return "Pinned: the two are to meet." if kind == "pin" else "Banned: the two are kept apart."


@router.post("/shortlists/{sme_id}/pairs")
def rule_on_card(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    sme_id: RowId,
    partner: SmeId,
    kind: Annotated[Literal["pin", "ban", "lift"], Form()],
) -> Response:
    """Pin, ban or lift a pair from the shortlist of one of the two."""
    access.event(session, account, event_id)
    message = _act(session, account, event_id, sme_id, partner, kind)
    return redirect(request, f"/events/{event_id}/shortlists/{sme_id}#partner-{partner}", message)


@router.post("/pairs/lift")
def lift(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, one: SmeId, other: SmeId
) -> Response:
    """Take a rule back."""
    access.event(session, account, event_id)
    message = _act(session, account, event_id, one, other, "lift")
    return redirect(request, f"/events/{event_id}/pairs", message)


def _act(session: Session, account: Account, event_id: int, one: int, other: int, kind: str) -> str:
    actor = accounts.actor(account)
    if kind == "lift":
        pairs.lift(session, actor, event_id, one, other)
        return f"Lifted. {NEXT_BUILD}"
    pairs.rule(session, actor, event_id, one, other, kind)
    return f"{_done(kind)} {NEXT_BUILD}"


@router.get("/shortlists")
def review(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    status: Literal["draft", "approved"] = "draft",
    short: bool = False,
    page: PageNumber = 1,
) -> Response:
    """The shortlists, one row an SME; those shorter than asked by what is in their way."""
    top = head(session, account, event_id)
    context: dict[str, Any] = {
        "top": top,
        "event": top.event,
        "city": top.city,
        "zone": top.zone,
        "filters": {"status": status, "short": "1" if short else ""},
    }
    if short:
        context["short"] = shortfalls(session, event_id, ShortlistStatus(status))
        return render(request, "pages/short.html", context)
    is_draft = top.is_draft and status == "draft"
    context |= {
        "lists": shortlists.list_page(session, event_id, ShortlistStatus(status), page=page),
        "approval": approvals.foretell(session, event_id) if is_draft else approvals.Approval(),
        "mailing": mailings.by_kind(session, event_id).get(MailingKind.SHORTLIST) if is_draft else None,
        "found": comparisons.view(session, event_id, top.run) if is_draft else None,
        "is_older": is_draft and _is_older(session, top),
    }
    return render(request, "pages/shortlists.html", context)


def _is_older(session: Session, top: Head) -> bool:
    """Whether the newest build was made before a pin or ban was set or lifted."""
    standing = pairs.standing(session, top.event.id)
    return top.run is not None and comparisons.rules_changed(top.run, standing.pin, standing.ban)


@router.get("/shortlists/{sme_id}")
def review_one(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, sme_id: RowId
) -> Response:
    """One SME's shortlist with its quoted reasons, and its pins and bans."""
    top = head(session, account, event_id)
    context = {
        "event": top.event,
        "city": top.city,
        "zone": top.zone,
        "row": shortlists.one_list(session, event_id, sme_id),
        "rules": pair_rules.of_sme(session, event_id, sme_id),
        "said": shortlists.said_about(session, event_id, sme_id),
    }
    return render(request, "pages/shortlist.html", context)

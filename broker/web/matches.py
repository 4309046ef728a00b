"""The match list of an event: filtered, in chosen columns, taken along; answers as they come; who has given none."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from broker.domain import access, accounts, mailings, match_list, reports
from broker.domain.match_list import COLUMNS, SHOWN, SORTS, STATES, Filters
from broker.domain.queries import pair_lists
from broker.domain.queries.heads import Head, head
from broker.domain.queries.shortlists import place
from broker.web.deps import CurrentOrganiser, PageNumber, RowId, SessionDep, SettingsDep
from broker.web.pages import plural, query, redirect, render
from broker.web.reasons import percent

router = APIRouter(prefix="/events/{event_id}")
PAGE_SIZE = 50
SILENT_SIZE = 100
STRENGTHS = (40, 50, 60, 70, 80)
Code = Annotated[str, Query(max_length=40)]
Chosen = Annotated[list[Annotated[str, Query(max_length=200)]], Query(max_length=40)]


class Wanted:
    """What an address of the match list asks for, and the same as a query string's values."""

    def __init__(
        self,
        q: Annotated[str, Query(max_length=200)] = "",
        city: Code = "",
        sector: Code = "",
        state: Code = "",
        at_least: Annotated[str, Query(alias="min", max_length=40)] = "",
        sort: Code = "strength",
        c: Chosen = [],  # noqa: B006 - FastAPI copies it
    ) -> None:
        chosen = {name for cell in c for name in cell.split(",")}
        self.columns = tuple(name for name in COLUMNS if name in chosen) or SHOWN
        # An empty field, as a form sends it, asks for nothing; so does what no form of ours would send.
        least = int(at_least) if re.fullmatch("[0-9]{1,3}", at_least) else 0
        self.filters = Filters(q.strip(), city, sector, state if state in STATES else "", least, sort)
        self.address = {
            "q": q.strip(),
            "city": city,
            "sector": sector,
            "state": self.filters.state,
            "min": least or "",
            "sort": "" if sort == "strength" or sort not in SORTS else sort,
            "c": "" if self.columns == SHOWN else ",".join(self.columns),
        }


WantedDep = Annotated[Wanted, Depends()]


@router.get("/matches")
def matches(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    wanted: WantedDep,
    page: PageNumber = 1,
) -> Response:
    """A page of the pairs that fit. Three statements at most."""
    top = head(session, account, event_id)
    listed = pair_lists.listed(session, event_id)
    fitting = match_list.fitting(listed.rows, wanted.filters)
    number, pages, first = place(page, len(fitting), PAGE_SIZE)
    shown = fitting[first : first + PAGE_SIZE]
    cities, sectors = match_list.choices(listed.rows)
    context = _answers(top, wanted, listed) | {
        "rows": shown,
        "details": pair_lists.details(session, event_id, shown, wanted.columns),
        "total": len(fitting),
        "page": number,
        "pages": pages,
        "is_approved": listed.is_approved,
        "cities": cities,
        "sectors": sectors,
        "no_detail": match_list.Detail(),
        "percent": percent,
        "COLUMNS": COLUMNS,
        "SORTS": SORTS,
        "STRENGTHS": STRENGTHS,
    }
    return render(request, "pages/matches.html", context)


@router.get("/matches/answers")
def answers(
    request: Request, session: SessionDep, account: CurrentOrganiser, event_id: RowId, wanted: WantedDep
) -> Response:
    """How many answers there are; htmx asks every half minute until nobody can answer any more."""
    top = head(session, account, event_id)
    return render(request, "partials/answers.html", _answers(top, wanted, pair_lists.listed(session, event_id)))


def _answers(top: Head, wanted: Wanted, listed: pair_lists.Listed) -> dict[str, Any]:
    return {
        "top": top,
        "event": top.event,
        "city": top.city,
        "zone": top.zone,
        "counts": match_list.counts(listed.rows, listed.silent),
        "filters": wanted.address,
        "columns": wanted.columns,
        "STATES": STATES,
    }


@router.post("/matches/export")
def export(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    wanted: WantedDep,
    form: Annotated[Literal["csv", "xlsx", "print"], Form()],
) -> Response:
    """Exactly what is filtered and chosen, as a file or to print; that it left the service is written down."""
    top = head(session, account, event_id)
    listed = pair_lists.listed(session, event_id)
    rows = match_list.fitting(listed.rows, wanted.filters)
    details = pair_lists.details(session, event_id, rows, wanted.columns)
    table = match_list.table(rows, wanted.columns, details)
    reports.log_export(session, accounts.actor(account), event_id, "match list", form, table)
    if form == "print":
        context = {
            "event": top.event,
            "city": top.city,
            "zone": top.zone,
            "rows": rows,
            "details": details,
            "no_detail": match_list.Detail(),
            "filters": wanted.address,
            "filtered": _in_words(wanted.filters, *match_list.choices(listed.rows)),
            "moment": top.moment,
            "is_approved": listed.is_approved,
            "columns": wanted.columns,
            "percent": percent,
        }
        return render(request, "pages/matches_print.html", context)
    return Response(
        reports.FORMATS[form](table),
        media_type=reports.MEDIA_TYPES[form],
        headers={"content-disposition": f'attachment; filename="match-list-event-{event_id}.{form}"'},
    )


def _in_words(filters: Filters, cities: list[tuple[str, str]], sectors: list[tuple[str, str]]) -> list[str]:
    """What a printed list was filtered by: paper has no filters to look at."""
    told = (
        f"“{filters.words}”" if filters.words else "",
        dict(cities).get(filters.city, ""),
        dict(sectors).get(filters.sector, ""),
        STATES.get(filters.state, "").lower(),
        f"strength at least {filters.at_least}\N{NO-BREAK SPACE}%" if filters.at_least else "",
    )
    return [words for words in told if words]


@router.get("/unanswered")
def unanswered(
    request: Request,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    city: Code = "",
    page: PageNumber = 1,
) -> Response:
    """SMEs that have answered nothing, and which of them a reminder can be written to. Two statements."""
    top = head(session, account, event_id)
    silent = mailings.silent(session, event_id)
    cities = {row.city: row.city_name for row in silent}
    wanted = [row for row in silent if city in ("", row.city)]
    number, pages, first = place(page, len(wanted), SILENT_SIZE)
    context = {
        "event": top.event,
        "city": top.city,
        "zone": top.zone,
        "silent": wanted[first : first + SILENT_SIZE],
        "free": sum(not row.hindrance for row in wanted),
        "page": number,
        "pages": pages,
        "cities": [(code, name, sum(row.city == code for row in silent)) for code, name in cities.items()],
        "total": len(silent),
        "chosen_city": city,
        "can_answer": top.moment <= top.event.answers_until,
    }
    return render(request, "pages/unanswered.html", context)


@router.post("/unanswered")
def remind(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentOrganiser,
    event_id: RowId,
    whom: Annotated[Literal["all", "chosen"], Form()],
    city: Annotated[str, Form(max_length=40)] = "",
    sme: Annotated[list[Annotated[int, Form(ge=1, le=2**31 - 1)]], Form(max_length=5000)] = [],  # noqa: B006
) -> Response:
    """Write a reminder to all of them (of one city), or to the chosen ones."""
    access.event(session, account, event_id)
    back = f"/events/{event_id}/unanswered" + (query({"city": city}) if city else "")
    if whom == "chosen" and not sme:
        return redirect(request, back, "Nobody was chosen, so nothing was written. Tick some SMEs first.", "note")
    if whom == "all" and city:
        sme = [row.sme_id for row in mailings.silent(session, event_id) if row.city == city]
    whose = None if whom == "all" and not city else sme
    asked = mailings.remind(session, settings, accounts.actor(account), event_id, whose)
    return redirect(request, back, _told(asked), "good" if asked.written else "note")


def _told(asked: mailings.Asked) -> str:
    words = f"{plural(asked.written, 'reminder')} written; each leaves at the send hours of its recipient."
    if not asked.written:
        words = "No reminder was written."
    if asked.passed_over:
        words += f" {plural(asked.passed_over, 'SME')} passed over: the reason stands beside each."
    if asked.left:
        words += f" {plural(asked.left, 'more SME', 'more SMEs')} can be reminded: press again."
    return words

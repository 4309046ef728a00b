"""The broker's desk: the SMEs of a city, found by words and filters, as an address that can be shared."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from broker.domain import access, readiness
from broker.domain.languages import OURS
from broker.domain.places import city_codes, city_name, sector_rows
from broker.domain.queries import places, smes, todo
from broker.models import SmeStatus
from broker.web.deps import CurrentBroker, PageNumber, SessionDep
from broker.web.pages import ENGLISH, query, render

router = APIRouter(prefix="/smes")
Word = Annotated[str, Query(max_length=60)]
Asked = dict[str, str]
"""The filters as they stand in an address; empty ones are not asked."""


def asked(
    city: Word = "",
    q: Annotated[str, Query(max_length=200)] = "",
    hub: Word = "",
    sector: Word = "",
    status: Word = "",
    language: Word = "",
    readiness: Word = "",
    event: Word = "",
    todo: Word = "",
    sort: Word = "",
) -> Asked:
    """What was asked for; what means nothing is left out, so that an old address still opens."""
    known = {
        "city": city in city_codes(),
        "q": bool(q.strip()),
        "hub": _is_id(hub),
        "sector": bool(sector),
        "status": status in set(SmeStatus),
        "language": language in ENGLISH.languages and len(language) < 4,
        "readiness": readiness in {"1", "2", "3", "4", "5"},
        "event": _is_id(event),
        "todo": bool(todo),
        "sort": sort in smes.SORTS and sort != "name",
    }
    given = (city, q, hub, sector, status, language, readiness, event, todo, sort)
    return {name: value if is_known else "" for (name, is_known), value in zip(known.items(), given, strict=True)}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


AskedDep = Annotated[Asked, Depends(asked)]


@router.get("")
def sme_list(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    asked: AskedDep,
    select: str = "",
    page: PageNumber = 1,
) -> Response:
    """The SMEs of the broker's city; the address holds the filters. `select=page` ticks all that are shown."""
    city = access.chosen_city(account, asked["city"])
    asked = asked | {"city": asked["city"] if access.cities(account) is None else ""}
    found = smes.sme_page(session, _filters(asked, city), page)
    hubs = places.hubs(session, city)
    context = {
        "page": found,
        "city": city_name(city) if city else "",
        "is_admin": access.cities(account) is None,
        "asked": asked,
        "chips": _chips(asked, {str(hub.id): hub.name for hub in hubs}),
        "choices": _choices(asked, [(str(hub.id), hub.name) for hub in hubs]),
        "sectors": sector_rows(),
        "statuses": list(SmeStatus),
        "levels": readiness.LEVELS,
        "todo_label": todo.label,
        "select_all": select == "page",
    }
    response = render(request, "pages/smes.html", context)
    # The form would push every field, also the empty ones; the address that is shared has only what is asked.
    response.headers["hx-push-url"] = "/smes" + query(asked, page=found.page if found.page > 1 else "").rstrip("?")
    return response


def _filters(asked: Asked, city: str | None) -> smes.Filters:
    return smes.Filters(
        city=city,
        words=asked["q"],
        hub=int(asked["hub"]) if asked["hub"] else None,
        sector=asked["sector"],
        status=SmeStatus(asked["status"]) if asked["status"] else None,
        language=asked["language"],
        readiness=int(asked["readiness"]) if asked["readiness"] else None,
        event=int(asked["event"]) if asked["event"] else None,
        todo=asked["todo"],
        sort=asked["sort"],
    )


def _choices(asked: Asked, hubs: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """What the form's selects offer: (value, label)."""
    languages = {*OURS, *([asked["language"]] if asked["language"] else [])}
    return {
        "city": [(code, city_name(code)) for code in city_codes()],
        "hub": hubs,
        "language": sorted(((code, ENGLISH.languages[code]) for code in languages), key=lambda choice: choice[1]),
        "readiness": [
            (str(level), f"{label} or more" if level < 5 else label) for level, label in readiness.LEVELS.items()
        ],
        "todo": [*todo.LABELS.items(), *((words, todo.label(words)) for words in todo.LACKING)],
        "sort": list(smes.SORTS.items()),
    }


def _chips(asked: Asked, hubs: dict[str, str]) -> list[tuple[str, str]]:
    """(What is asked in words, the address without it), in the order of the form; status has chips of its own."""
    sectors = {row["code"]: row["name"] for row in sector_rows()} | {"creative": "Creative", "growth": "Growth sectors"}
    words = {
        "q": f"“{asked['q']}”",
        "city": city_name(asked["city"]),
        "hub": hubs.get(asked["hub"], "Another hub"),
        "sector": sectors.get(asked["sector"], asked["sector"]),
        "language": f"Speaks {ENGLISH.languages.get(asked['language'], '')}",
        "readiness": f"Readiness {asked['readiness']} or more",
        "event": "Registered for an event",
        "todo": todo.label(asked["todo"]),
    }
    return [(label, "/smes" + query(asked, **{name: ""})) for name, label in words.items() if asked[name]]

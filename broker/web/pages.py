"""How a page is made: the templates, what they can call, and the one-time message after a redirect."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel import Locale
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from broker.config import TEMPLATES, Settings
from broker.domain.cards import DISTANCE, Card
from broker.domain.criteria import CRITERIA
from broker.domain.events import where
from broker.domain.fields import web_address
from broker.domain.places import city_zone
from broker.domain.zones import Zone
from broker.models import Account, City, Event
from broker.web import sessions
from broker.web.security import FORM_FIELD, cookie_name, drop_cookie, form_cookie, form_token, set_cookie

STATIC = Path(__file__).parent / "static"
ENGLISH = Locale("en")
Tone = Literal["good", "note", "bad"]


class Flash(NamedTuple):
    """What the next page says once; `undo` is the change set its button takes back, 0 for none."""

    message: str
    tone: Tone
    undo: int = 0


def render(request: Request, name: str, context: Mapping[str, Any] | None = None, *, status: int = 200) -> HTMLResponse:
    """A page from `templates/pages` or a fragment from `templates/partials`.

    `reader` is the zone of who reads it: that of a broker's city, else UTC; an event's own times are in the event's."""
    settings: Settings = request.app.state.settings
    flash = _flash(request)
    account: Account | None = getattr(request.state, "account", None)
    everything = {
        "request": request,
        "settings": settings,
        "account": account,
        "reader": city_zone(account.city_code if account else None),
        "flash": flash,
        **(context or {}),
    }
    response = HTMLResponse(_text(name, everything), status_code=status)
    if flash is not None:
        drop_cookie(response, settings, "flash")
    if new_cookie := getattr(request.state, "form_cookie", None):
        set_cookie(response, settings, "form", new_cookie)
    sessions.renew(request, response)
    return response


def _text(name: str, everything: Mapping[str, Any]) -> str:
    contexts: list[Context] = []
    try:
        return templates().get_template(name).render(everything, contexts=contexts)
    finally:
        for context in contexts:
            context.parent.clear()
            context.vars.clear()


class _PageContext(Context):
    """Lets go of what its page was made of. A macro holds its context, and that the macro: until the garbage collector
    found them, all the rows of a spreadsheet stayed in memory after each page that was made of them."""

    def __init__(self, environment: Environment, parent: dict[str, Any], *rest: Any, **named: Any) -> None:
        super().__init__(environment, parent, *rest, **named)
        if "contexts" in parent:
            parent["contexts"].append(self)


def redirect(request: Request, path: str, message: str = "", tone: Tone = "good", *, undo: int = 0) -> RedirectResponse:
    """Lead on after a POST, with a message that the next page shows once, and a button that undoes a change set."""
    response = RedirectResponse(path, status_code=303)
    if message:
        settings: Settings = request.app.state.settings
        set_cookie(response, settings, "flash", _signer(settings).dumps([message, tone, undo]), 120)
    return response


def _flash(request: Request) -> Flash | None:
    settings: Settings = request.app.state.settings
    value = request.cookies.get(cookie_name(settings, "flash"))
    if not value:
        return None
    try:
        return Flash(*_signer(settings).loads(value, max_age=120))
    except (BadData, TypeError):
        return None


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.secret_key, salt="flash")


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Everything is escaped, whatever the file is called; an unknown name in a template is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.context_class = _PageContext
    environment.globals |= {
        "static_url": static_url,
        "form_guard": _form_guard,
        "query": query,
        "plural": plural,
        "duration": duration,
        "nearness": nearness,
        "strength": strength,
        "where": where,
        "CRITERIA": CRITERIA,
    }
    environment.filters |= {
        "when": when,
        "lasts": lasts,
        "day": day,
        "minute": minute,
        "clock": clock,
        "language": lambda code: ENGLISH.languages.get(code, code),
        "country": lambda code: ENGLISH.territories.get(code, code),
        "person": person,
        "web_address": web_address,
        "sentence": sentence,
    }
    return environment


@lru_cache
def static_url(name: str) -> str:
    """The address of a static file; it changes with the file's content, so browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@pass_context
def _form_guard(context: Context) -> Markup:
    """The hidden field that every form of a signed-in page carries (see security.check_origin)."""
    request: Request = context["request"]
    token = form_token(request.app.state.settings, form_cookie(request))
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_FIELD, token)


def query(base: Mapping[str, Any], **changes: Any) -> str:
    """A query string from what is set, with some of it changed; empty values are left out."""
    merged = {**base, **changes}
    wanted = {name: value for name, value in merged.items() if value not in ("", None)}
    return "?" + urlencode(wanted) if wanted else "?"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 mail", "2 mails"; large numbers with a space between thousands that no line ends at."""
    return f"{count:,} {one if count == 1 else many or one + 's'}".replace(",", "\u00a0")


def duration(seconds: int) -> str:
    """About how long that is: "40 seconds", "3 minutes", "2 hours", "4 days"."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and name != "minute"):
            return plural(seconds // size, name)
    return plural(seconds, "second")


def when(moment: datetime, place: City | Zone | None = None) -> str:
    """Date and time with the zone they are in: "Wed 24 March 2027, 09:00 (Berlin time)"."""
    local = moment.astimezone(ZoneInfo(place.timezone) if place else UTC)
    zone = place.label if isinstance(place, Zone) else f"{place.name} time" if place else "UTC"
    return f"{local:%a} {local.day} {local:%B %Y, %H:%M} ({zone})"


def lasts(event: Event, place: Zone) -> str:
    """From when until when: "Wed 24 March 2027, 09:30–17:30 (Berlin time)"; of several days, both in full."""
    zone = ZoneInfo(place.timezone)
    start, end = event.starts_at.astimezone(zone), event.ends_at.astimezone(zone)
    first, last = (f"{moment:%a} {moment.day} {moment:%B %Y, %H:%M}" for moment in (start, end))
    if start.date() == end.date():
        return f"{first}–{end:%H:%M} ({place.label})"
    return f"{first} – {last} ({place.label})"


def day(moment: datetime, place: City | Zone) -> str:
    """The date alone: "24 March 2027"."""
    local = moment.astimezone(ZoneInfo(place.timezone))
    return f"{local.day} {local:%B %Y}"


def minute(moment: datetime, place: City | Zone | None = None) -> str:
    """Day and time in the place's zone (else UTC), for a table whose head names it: "24 Mar, 09:00"."""
    local = moment.astimezone(ZoneInfo(place.timezone) if place else UTC)
    return f"{local.day} {local:%b, %H:%M}"


def clock(minutes: int) -> str:
    """A minute of the day: "08:00"; its end is "24:00"."""
    return "{:02}:{:02}".format(*divmod(minutes, 60))


def nearness(card: Card) -> str:
    """close, near or far: how much the two discs of a pair overlap."""
    return next((code for code, words in DISTANCE.items() if words == card.distance), "near")


def strength(card: Card) -> str:
    """strong, good or possible: that of the better of a card's two reasons."""
    given = {quote.strength for quote in (card.you_need, card.they_need) if quote}
    return next((word for word in ("strong", "good") if word in given), "possible")


def person(actor: str) -> str:
    """Who did something, as people read it: the record's number of the account is left out."""
    return re.sub(r" \(account [0-9]+\)", "", actor)


def sentence(words: str) -> str:
    """The engine's words as a sentence: "only one is left" becomes "Only one is left."."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".") if words else ""

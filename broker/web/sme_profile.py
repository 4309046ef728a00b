"""An SME's profile as others see it, and the form by which it proposes a change of it to its broker."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain import interests, letters, profiles, proposals
from broker.domain.languages import LONGEST, TOO_LONG, Reading, find_languages, find_markets
from broker.domain.queries import requests
from broker.domain.queries.sme_pages import seen_by_others
from broker.errors import InvalidError
from broker.models import City, Sme
from broker.web.deps import FormDep, SessionDep, SettingsDep
from broker.web.pages import ENGLISH, redirect, render
from broker.web.problems import plain

router = APIRouter(prefix="/s")
LABELS = {
    "description": "Description",
    "needs": "What you look for",
    "offers": "What you offer",
    "languages": "Working languages",
    "markets": "Target markets",
    "website": "Website",
}
THEIRS = {**LABELS, "needs": "Looks for", "offers": "Offers"}
"""The same, as a broker reads them."""
UNKNOWN = {
    "languages": "“{word}” is not a language we know. Write names with commas between, such as Czech, English.",
    "markets": "“{word}” is not a country we know. Write names with commas between, such as Germany, Austria.",
}


@router.get("/{token}/profile")
def profile(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """The profile, what was proposed, and the form to propose."""
    sme = _own(session, interests.open_link(session, settings, token).sme_id)
    return _page(request, session, sme, token)


@router.post("/{token}/profile")
def propose(request: Request, settings: SettingsDep, session: SessionDep, token: str, form: FormDep) -> Response:
    """Send a change to the broker; what cannot be read comes back with what was typed."""
    sme = _own(session, interests.open_link(session, settings, token).sme_id, lock=True)
    typed = {name: str(form.get(name, "")).replace("\r\n", "\n").strip() for name in LABELS}
    wished, problems = read_fields(typed)
    if not problems:
        try:
            proposals.propose(session, sme, wished)
        except InvalidError as error:
            problems = told(error)
        else:
            message = "Your broker has your proposal. Your profile stays as it is until they accept it."
            return redirect(request, f"/s/{token}/profile", message)
    return _page(request, session, sme, token, typed, problems)


@router.post("/{token}/profile/withdraw")
def withdraw(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Take the open proposal back."""
    sme = _own(session, interests.open_link(session, settings, token).sme_id, lock=True)
    proposals.withdraw(session, sme)
    return redirect(request, f"/s/{token}/profile", "You took your proposal back. Your profile stays as it is.")


def _own(session: Session, sme_id: int, *, lock: bool = False) -> Sme:
    return session.get_one(Sme, sme_id, with_for_update=lock or None)


def read_fields(typed: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """(values by field, what is wrong by field) of what was typed."""
    readers: dict[str, Callable[[str], Any]] = {
        "needs": _lines,
        "offers": _lines,
        "languages": lambda text: _codes("languages", find_languages, text),
        "markets": lambda text: _codes("markets", find_markets, text),
    }
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, text in typed.items():
        try:
            values[name] = readers.get(name, str)(text)
        except InvalidError as error:
            problems[name] = str(error)
    return values, problems


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _codes(field: str, find: Callable[[str], Reading], text: str) -> list[str]:
    if len(text) > LONGEST:
        raise InvalidError(TOO_LONG)
    reading = find(text)
    if reading.unknown:
        raise InvalidError(UNKNOWN[field].format(word=reading.unknown[0]))
    return reading.codes


def told(error: InvalidError) -> dict[str, str]:
    """What a profile cannot hold, by the field it is about; "" where it is about none of the form."""
    place, _, words = str(error).partition(": ")
    name, _, number = place.partition(".")
    expected = plain(words)
    if name not in LABELS:
        return {"": str(error)}
    return {name: f"Line {int(number) + 1}: {expected}" if number.isdecimal() else expected}


def in_words(field: str, value: Any) -> str:
    """A field of a profile as a person reads and types it."""
    if field in {"needs", "offers"}:
        return "\n".join(value)
    if field == "languages":
        return ", ".join(ENGLISH.languages.get(code, code) for code in value)
    if field == "markets":
        return ", ".join(ENGLISH.territories.get(code, code) for code in value)
    return str(value)


def _page(
    request: Request,
    session: Session,
    sme: Sme,
    token: str,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> Response:
    held = profiles.read(session, sme)
    asked = requests.of_sme(session, sme)
    context = {
        "token": token,
        "sme": sme,
        "city": session.get_one(City, sme.city_code),
        "seen": seen_by_others(session, sme),
        "requests": asked,
        "last": proposals.latest(session, sme),
        "broker": letters.broker_of(session, sme.city_code),
        "fields": typed or {name: in_words(name, getattr(held, name)) for name in LABELS},
        "problems": problems or {},
        "labels": LABELS,
        "in_words": in_words,
    }
    return render(request, "pages/sme_profile.html", context, status=422 if problems else 200)

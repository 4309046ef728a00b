"""What is held about an SME, for itself: to read, to take along, to pause, to have erased."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.config import Settings
from broker.domain import interests, letters, subscriptions, wishes
from broker.domain.queries.own_data import own_data
from broker.models import City, Sme
from broker.web.deps import SessionDep, SettingsDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/s")
EXPORTED = {
    "matches": "Match list: your name, city and sector, your partners, the quoted reasons and your answers",
    "answers": "Answers: yours and those about you, with their reasons",
    "participants": "Participants: your profile, and your contact details if you agreed to be mailed",
    "match list": "Match list, as chosen on its page: at most your profile’s facts, your partners, the quoted reasons "
    "and your answers, and your contact details where you both said yes",
}
ACCOUNT = re.compile(r" \(account [0-9]+\)$")
"""How the record names an account (see accounts.actor): its number says nothing to an SME."""
PAUSED = "You are paused: new shortlists are made without you. Take up again here whenever you like."
RESUMED = "You take part again: the next shortlists are made with you."
ASKED = "Your broker has been asked to erase {name}. Until that is done you can take it back here."
TAKEN_BACK = "You took it back: nothing is erased."


@router.get("/{token}/data")
def data(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """All of it in plain words, with what the SME can do about it."""
    registration = interests.open_link(session, settings, token)
    sme = session.get_one(Sme, registration.sme_id)
    held = own_data(session, sme)
    address = held["contact"]["email"]
    context = {
        "token": token,
        "sme": sme,
        "city": session.get_one(City, sme.city_code),
        "held": held,
        "broker": letters.broker_of(session, sme.city_code),
        "unsubscribe": _unsubscribe_path(settings, sme.id, address) if address else "",
        "is_subscribed": _is_subscribed(session, sme),
        "paused_itself": wishes.paused_itself(sme),
        "files": _files(held["exports"]),
    }
    return render(request, "pages/sme_data.html", context)


def _files(exports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Files that left the service, the same one once: the newest, and how often it was taken."""
    taken: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in exports:
        by = ACCOUNT.sub("", row["by"])
        words = EXPORTED.get(row["what"], row["what"])
        file = taken.setdefault((words, row["workshop"], by), row | {"words": words, "by": by, "times": 0})
        file["times"] += 1
    return list(taken.values())


def _unsubscribe_path(settings: Settings, sme_id: int, address: str) -> str:
    return subscriptions.link(settings, sme_id, address).removeprefix(settings.public_url)


def _is_subscribed(session: Session, sme: Sme) -> bool:
    contact = subscriptions.contact_of(session, sme)
    return contact is not None and subscriptions.is_subscribed(session, contact)


@router.get("/{token}/data.json")
def download(settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """The same as a file that other programs read."""
    sme = session.get_one(Sme, interests.open_link(session, settings, token).sme_id)
    text = json.dumps(own_data(session, sme), ensure_ascii=False, indent=2, default=_plain)
    text = text.replace("<", "\\u003c")  # the same to a program, and no tag to whoever opens it as a page
    headers = {"content-disposition": 'attachment; filename="my-data.json"'}
    return Response(text, media_type="application/json", headers=headers)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not plain data")


@router.post("/{token}/pause")
def pause(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Be left out of new shortlists."""
    return _change(request, settings, session, token, wishes.pause, PAUSED)


@router.post("/{token}/resume")
def resume(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Take part again."""
    return _change(request, settings, session, token, wishes.resume, RESUMED)


@router.post("/{token}/erasure")
def ask_erasure(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Ask the broker to erase everything."""
    return _change(request, settings, session, token, wishes.ask_erasure, ASKED)


@router.post("/{token}/erasure/undo")
def take_back_erasure(request: Request, settings: SettingsDep, session: SessionDep, token: str) -> Response:
    """Take that back."""

    def take_back(session: Session, sme: Sme) -> None:
        wishes.take_back_erasure(session, f"sme {sme.id}", sme)

    return _change(request, settings, session, token, take_back, TAKEN_BACK)


def _change(
    request: Request,
    settings: Settings,
    session: Session,
    token: str,
    act: Callable[[Session, Sme], None],
    message: str,
) -> Response:
    registration = interests.open_link(session, settings, token)
    sme = session.get_one(Sme, registration.sme_id, with_for_update=True)
    act(session, sme)
    return redirect(request, f"/s/{token}/data", message.format(name=sme.name))

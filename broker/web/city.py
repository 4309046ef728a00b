"""The broker's desk: the home of a city, what needs its brokers today."""

from fastapi import APIRouter, Request, Response

from broker.domain import access
from broker.domain.places import city_codes, city_name
from broker.domain.queries import home
from broker.domain.zones import time_left
from broker.web.deps import CurrentBroker, SessionDep
from broker.web.pages import render

router = APIRouter()
TASKS = {
    "erasure": ("Asked to be erased", "The law gives a month. You see what goes before anything is erased.", "due"),
    "proposal": (
        "Proposed a change of their profile",
        "It stays as it is until you accept it.",
        "",
    ),
    "answer": ("No answer yet", "They have partners to answer. A call from you helps most.", "closes"),
    "mail": ("Mail came back or failed", "Ask for another address, and enter it in the profile.", ""),
    "consents": ("No consent before an event", "Without it they are neither matched nor mailed.", ""),
    "sent_back": ("Sent back to you", "The second broker’s note stands on the profile: what to change.", ""),
    "finish": ("Profiles to finish", "Drafts: fill what is open, then ask a second broker to read them.", ""),
    "publish": ("Ready to publish", "A second broker confirmed them. Once published, they can be matched.", ""),
    "review": ("Waiting for a second broker", "Somebody else than who wrote them should read them.", ""),
    "expiring": (
        "Profiles out of date, or soon",
        "Nobody has changed them for months: ask whether all is still true.",
        "expires",
    ),
    "read": (
        "Profiles of other cities to read",
        "They wait for a second broker: you, or whoever is first. Their names stay hidden.",
        "",
    ),
}
"""By reason: heading, why or what to do, and the word before a date."""


@router.get("/city")
def city_home(request: Request, session: SessionDep, account: CurrentBroker, city: str = "") -> Response:
    """What needs the city's brokers today; an administrator chooses a city or sees all."""
    chosen = access.chosen_city(account, city if city in city_codes() else "")
    context = {
        "home": home.city_home(session, chosen),
        "city": city_name(chosen) if chosen else "",
        "asked": {"city": chosen if access.cities(account) is None else ""},
        "city_choices": [(code, city_name(code)) for code in city_codes()],
        "is_admin": access.cities(account) is None,
        "tasks": TASKS,
        "time_left": time_left,
    }
    return render(request, "pages/city.html", context)

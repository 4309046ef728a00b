"""An event's policy: the fields an organiser sets, and what the engine reads from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import matching

LIMITS = {
    "min_partners": (0, 20),
    "max_partners": (1, 20),
    "max_lists": (1, 40),
    "min_other_city": (0, 20),
    "min_other_sector": (0, 20),
    "min_creative_growth": (0, 20),
}
"""What a number of the form may be, both ends included."""
LABELS = {
    "min_partners": "Partners, at least",
    "max_partners": "Partners, at most",
    "max_lists": "Lists an SME is on, at most",
    "min_other_city": "Partners from another city, at least",
    "min_other_sector": "Partners from another sector, at least",
    "min_creative_growth": "Partners across creative and growth, at least",
    "require_other_city": "Only partners from another city",
    "require_other_sector": "Only partners from another sector",
    "dial": "Deepen or explore",
}
FLAGS = ("require_other_city", "require_other_sector")
DEFAULTS: dict[str, Any] = asdict(matching.Policy())
WITHIN = ("min_partners", "min_other_city", "min_other_sector", "min_creative_growth")
"""Minimums that no list can reach which holds fewer partners."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A policy as it was read: what differs from the default, and what is wrong by field."""

    policy: dict[str, Any]
    problems: dict[str, str]


def complete(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a policy, the default where it says nothing."""
    return DEFAULTS | dict(policy)


def fields_of(policy: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the form, as `read` takes them."""
    settings = complete(policy)
    return {name: ("1" if value else "") if name in FLAGS else f"{value:g}" for name, value in settings.items()}


def read(fields: Mapping[str, str]) -> Reading:
    """The policy in the fields of the form, and for each field that cannot be used what was expected."""
    problems: dict[str, str] = {}
    settings: dict[str, Any] = {name: bool(fields.get(name)) for name in FLAGS}
    for name, (low, high) in LIMITS.items():
        text = fields.get(name, "").strip() or str(DEFAULTS[name])
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else None
        if number is None or not low <= number <= high:
            problems[name] = f"expected a whole number from {low} to {high}"
        settings[name] = number
    try:
        settings["dial"] = float(fields.get("dial", "") or DEFAULTS["dial"])
    except ValueError:
        settings["dial"] = -1.0
    if not 0 <= settings["dial"] <= 1:
        problems["dial"] = "expected a number from 0 (deepen) to 1 (explore)"
    if not problems:
        problems = _contradictions(settings)
    return Reading({name: value for name, value in settings.items() if value != DEFAULTS[name]}, problems)


def _contradictions(settings: Mapping[str, Any]) -> dict[str, str]:
    """A list and its mirror count once, so that both limits bind the length of a list."""
    most = min(settings["max_partners"], settings["max_lists"])
    told = "a list holds at most {}, by the two numbers that limit it; expected no more than that"
    return {name: told.format(most) for name in WITHIN if settings[name] > most}

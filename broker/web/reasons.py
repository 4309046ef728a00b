"""Why a list changed, in words: what a comparison found is said to the organiser."""

from collections.abc import Mapping
from typing import Any

from broker.domain.comparison import Comparison, Person, Reason
from broker.domain.criteria import CRITERIA
from broker.domain.shortlists import policies
from broker.web.event_form import DIAL_WORDS

# The pair itself: said without a name.
OF_THE_PAIR = {
    "pin": "You pinned the two.",
    "no pin": "You lifted the pin.",
    "ban": "You ruled the pair out.",
    "no ban": "You lifted the ban.",
    "wanted": "One of the two said yes to the other.",
    "no wanted": "A yes was taken back.",
    "never": "One of the two said never.",
    "no never": "A never was taken back.",
    "known": "They know each other.",
    "no known": "They no longer count as knowing each other.",
    "met": "They have worked together or met.",
    "no met": "They no longer count as having met.",
    "settings": "The settings changed, see above.",
    "together": "All lists are chosen together: others changed, and this place with them.",
}
POLICY = policies.LABELS | {
    "model": "Language model",
    "background": "Scale of likeness",
    "seed": "Seed of the draw",
}
WEIGHTS = {
    "lexical": "Shared words",
    "stand_in": "Descriptions standing in for offers",
    "custom": "An order won, unasked for",
    "unknown_fit": "Needs and offers that are not known",
    "unknown": "What profiles leave open",
    "brings": "What the partner brings, in the order of a list",
}


def in_words(reason: Reason, people: Mapping[int, Person], *, enters: bool) -> str:
    """A sentence for the organiser."""
    sentence = _sentence(reason, people, enters=enters)
    return sentence[:-1] if sentence.endswith("..") else sentence  # whose name ends with a full stop


def _sentence(reason: Reason, people: Mapping[int, Person], *, enters: bool) -> str:
    who = people[reason.sme].name if reason.sme in people else "An SME that was erased"
    if reason.kind in OF_THE_PAIR:
        return OF_THE_PAIR[reason.kind]
    if reason.kind in ("require_other_city", "require_other_sector"):
        same = reason.kind.removeprefix("require_other_")
        return f"Partners from the same {same} are allowed now." if enters else f"Only another {same} is asked for now."
    if reason.kind in ("better", "better for them"):
        return _better(reason, who, enters=enters)
    return {
        "new": f"{who} is new.",
        "gone": f"{who} takes part no more.",
        "profile": f"The profile of {who} changed: version {reason.old} → {reason.new}.",
        "place of": f"Takes the place of {who}.",
        "pinned instead": f"{who} was pinned and takes the place.",
        "pinned for them": f"The partner was pinned with {who}, who takes the place.",
    }[reason.kind]


def _better(reason: Reason, who: str, *, enters: bool) -> str:
    """The two strengths, that of the pair that came and that of the one that went."""
    went, came = percent(reason.old), percent(reason.new)
    if enters:
        whose = "" if reason.kind == "better" else "For the partner, "
        sentence = f"{whose}stronger than with {who}: {came} instead of {went}."
        return sentence[:1].upper() + sentence[1:]
    if reason.kind == "better":
        return f"A better partner appeared, {who}: {came} instead of {went}."
    return f"The partner found a better one, {who}: {came} instead of {went}."


def percent(strength: float) -> str:
    """A strength as it is shown."""
    return f"{100 * strength:.0f}\N{NO-BREAK SPACE}%"


def settings_changed(found: Comparison) -> list[tuple[str, str, str]]:
    """(what, then, now) of everything that was set otherwise."""
    return [(_label(name), _value(name, old), _value(name, new)) for name, (old, new) in found.settings.items()]


def _label(name: str) -> str:
    if not name.startswith("weight "):
        return POLICY.get(name, name)
    name = name.removeprefix("weight ")
    return f"Weight of: {CRITERIA[name][0] if name in CRITERIA else WEIGHTS.get(name, name)}"


def _value(name: str, value: Any) -> str:
    if name == "dial" and value in DIAL_WORDS:
        return DIAL_WORDS[value][0]
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

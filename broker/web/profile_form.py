"""The forms a profile is edited with, a section each: their words, and what was typed into them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.datastructures import FormData

from broker.domain import merging, readiness, sections
from broker.domain.completeness import Section
from broker.domain.merging import Conflict, Piece
from broker.domain.sections import FIELDS, YES, Problem, Saved
from broker.models import Purpose, StatementKind
from broker.web.problems import plain


class Title(NamedTuple):
    """What a section is called in the task list, and what it is for."""

    name: str
    hint: str


TITLES = {
    Section.FIRM: Title("The firm", "its name, what it does, where it sits"),
    Section.SECTOR: Title("Sector", "which decides who counts as another sector"),
    Section.OFFERS: Title("What it offers", "one statement each, in its own words"),
    Section.NEEDS: Title("What it looks for", "one statement each, in its own words"),
    Section.ABROAD: Title("Languages and markets", "in which it works, and where it wants to go"),
    Section.CONTACT: Title("Contact", "shown to a partner once both sides said yes"),
    Section.CONSENTS: Title("Consents", "without them it is neither matched nor mailed"),
    Section.READINESS: Title("Readiness", "ten short questions about going abroad"),
}
LABELS = {
    "name": "Name",
    "city_code": "City",
    "description": "Description",
    "hub": "Hub",
    "website": "Website",
    "sector_code": "Sector",
    "sector_confirmed": "The guessed sector is right",
    "offers": "Offers",
    "needs": "Looks for",
    "languages": "Working languages",
    "markets": "Target markets",
    "contact": "Contact person",
    "email": "E-mail",
    "phone": "Telephone",
    "readiness": "Readiness",
    f"consent_{Purpose.MATCHING}": "Has agreed to be matched",
    f"consent_{Purpose.MAILING}": "Has agreed to be mailed",
    **{question.code: question.words for question in readiness.QUESTIONS},
    "override": "Your own judgement",
    "reason": "Reason for your own judgement",
}
KINDS = {Section.OFFERS: StatementKind.OFFER, Section.NEEDS: StatementKind.NEED}
NOUNS = {Section.OFFERS: "Offer", Section.NEEDS: "Need"}
BOXES = ("sector_confirmed", *FIELDS[Section.CONSENTS])


class Message(NamedTuple):
    """One line of the error summary, and the field it leads to."""

    anchor: str
    words: str


def typed(form: FormData, section: Section) -> dict[str, str]:
    """Every field of the section as it was typed."""
    return {field: _typed(form, field) for field in FIELDS[section]}


def _typed(form: FormData, field: str) -> str:
    if field in ("offers", "needs"):
        return "\n".join(sections.lines("\n".join(texts(form))))
    if field in BOXES:
        return YES if form.get(field) is not None else ""
    return str(form.get(field, "")).replace("\r\n", "\n").replace("\r", "\n").strip()


def texts(form: FormData) -> list[str]:
    """The statements as typed, each on one line, empty ones too."""
    return [" ".join(str(text).split()) for text in form.getlist("text")]


def seen(form: FormData, section: Section) -> dict[str, str]:
    """The marks the form was opened with; a conflict in which nothing was chosen stays one."""
    open_ones = {str(field) for field in form.getlist("conflict")} - choices(form, section).keys()
    return {field: str(form.get(f"seen_{field}", "")) for field in FIELDS[section] if field not in open_ones}


def choices(form: FormData, section: Section) -> dict[str, str]:
    """What was chosen in each field two people had changed."""
    chosen = {field: str(form.get(f"choice_{field}", "")) for field in FIELDS[section]}
    return {field: choice for field, choice in chosen.items() if choice}


def rearranged(statements: Sequence[str], act: str) -> list[str]:
    """The statements after "add", "remove-2", "up-2" or "down-2"; anything else changes nothing."""
    rows = list(statements)
    what, _, number = act.partition("-")
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else -1
    if what == "add":
        rows.append("")
    elif 0 <= at < len(rows) and what == "remove":
        del rows[at]
    elif what in ("up", "down"):
        to = at - 1 if what == "up" else at + 1
        if 0 <= at < len(rows) and 0 <= to < len(rows):
            rows[at], rows[to] = rows[to], rows[at]
    return rows


def messages(problems: Sequence[Problem]) -> list[Message]:
    """The error summary: each problem with the field it is about."""
    return [Message(anchor(problem), f"{label(problem)}: {plain(problem.words)}") for problem in problems]


def anchor(problem: Problem) -> str:
    """The id of the field a problem is about."""
    if problem.field in ("offers", "needs"):
        return f"text-{problem.place or 0}"
    return f"f-{problem.field}"


def label(problem: Problem) -> str:
    """What the field is called, with the number of a statement."""
    if problem.place is not None and problem.field in ("offers", "needs"):
        return f"{'Offer' if problem.field == 'offers' else 'Need'} {problem.place + 1}"
    return LABELS[problem.field]


def errors(problems: Sequence[Problem]) -> dict[str, str]:
    """By the id of the field: the same words as in the summary."""
    return {message.anchor: message.words for message in reversed(messages(problems))}


class Difference(NamedTuple):
    """A field two people changed, as the page shows it."""

    field: str
    label: str
    theirs: list[Piece]
    mine: list[Piece]
    is_list: bool


def differences(conflicts: Sequence[Conflict]) -> list[Difference]:
    """The fields somebody has to choose in."""
    return [
        Difference(
            conflict.field,
            LABELS[conflict.field],
            *merging.compared(
                _shown(conflict.field, conflict.theirs),
                _shown(conflict.field, conflict.mine),
                merging.SEPARATORS.get(conflict.field, ""),
            ),
            conflict.field in merging.SEPARATORS,
        )
        for conflict in conflicts
    ]


def _shown(field: str, value: str) -> str:
    if field in BOXES:
        return "yes" if value else "no"
    question = next((question for question in readiness.QUESTIONS if question.code == field), None)
    choices = question.choices if question else ()
    return next((choice.words for choice in choices if choice.code == value), value)


def hidden(saved: Saved, typed_values: Mapping[str, str]) -> dict[str, str]:
    """What a form in conflict carries along: merged values, and what was typed where there is a choice to make."""
    open_ones = {conflict.field for conflict in saved.conflicts}
    return {
        field: typed_values[field] if field in open_ones else value
        for field, value in saved.values.items()
        if value or field in open_ones
    }
